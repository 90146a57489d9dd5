/** Trying again what met an open transaction's write, or takes too long to be done in one turn. */
import { Detour } from '../base/detour.ts'
import { WriteConflict } from '../mvcc/write-conflict.ts'
import { SetIsDue, withSets } from '../query/filter/value-sets.ts'
import type { Operation } from './operation.ts'

/** What to wait for before a write is tried again. */
export type Obstacle = WriteConflict | Detour | SetIsDue

export function isObstacle(error: unknown): error is Obstacle {
  return error instanceof WriteConflict || error instanceof Detour || error instanceof SetIsDue
}

/**
 * What `attempt` gives, tried again after each conflict that the operation waits for, each detour, and each set that has been made for its filters:
 * it must have changed nothing, or know how far it came, when it throws one. In the caller's turn unless something has to be waited for.
 */
export function settled<Result>(
  operation: Operation,
  attempt: () => Result | Promise<Result>,
): Result | Promise<Result> {
  const again = (error: unknown): Promise<Result> => {
    if (!isObstacle(error)) throw error
    return operation.settle(error).then(() => settled(operation, attempt))
  }
  try {
    const result = withSets(operation, attempt)
    return result instanceof Promise ? result.catch(again) : result
  } catch (error) {
    return again(error)
  }
}
