/** Trying again what met an open transaction's write. */
import { WriteConflict } from '../mvcc/write-conflict.ts'
import type { Operation } from './instance.ts'

/**
 * What `attempt` gives, tried again after each conflict that the operation waits for: it must have changed nothing, or know how far
 * it came, when it throws one. In the caller's turn unless something has to be waited for.
 */
export function settled<Result>(
  operation: Operation,
  attempt: () => Result | Promise<Result>,
): Result | Promise<Result> {
  const again = (error: unknown): Promise<Result> => {
    if (!(error instanceof WriteConflict)) throw error
    return operation.settle(error).then(() => settled(operation, attempt))
  }
  try {
    const result = attempt()
    return result instanceof Promise ? result.catch(again) : result
  } catch (error) {
    return again(error)
  }
}
