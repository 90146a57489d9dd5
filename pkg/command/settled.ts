/**
 * Beginning again: what meets something that it has to wait for, in the middle of synchronous code, throws it, and is done again when that is
 * over. A write goes on with the statement, or the slice of one, that met it (`settled`); any other command begins again as a whole, as long as
 * it has done nothing that would be done twice (`begunAgain`). Rows do neither: they pause, and the source or stage that met it
 * gives the same document again (`Operation.stopAt`).
 */
import { Detour } from '../base/detour.ts'
import { isCatalogConflict, WriteConflict } from '../mvcc/write-conflict.ts'
import { SetIsDue, withSets } from '../query/filter/value-sets.ts'
import type { Operation } from './operation.ts'

/** What to wait for. */
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
  return tried(operation, attempt, isObstacle, true)
}

/**
 * What `run`, a whole command, gives. It begins again when others had a collection or a name that it needs, as long as `mayWaitOut` says so, when
 * a variable of its `let` has been computed elsewhere, and when a long set of its filter has been made.
 */
export function begunAgain<Result>(
  operation: Operation,
  run: () => Result | Promise<Result>,
  mayWaitOut: (conflict: WriteConflict) => boolean = isCatalogConflict,
): Result | Promise<Result> {
  const mayWaitFor = (error: unknown): error is Obstacle => {
    if (!operation.mayBeginAgain) return false
    if (error instanceof WriteConflict) return error.target !== undefined && mayWaitOut(error)
    return error instanceof SetIsDue || (error instanceof Detour && isOfLet(operation))
  }
  // A write may have changed something before it parses its next filter: each of its statements waits for sets of its own.
  return tried(operation, run, mayWaitFor, !operation.writes)
}

/** Whether it is a variable of the command's `let` that takes long: nothing has begun before all are known. */
function isOfLet({ begunLet, expressions }: Operation): boolean {
  return begunLet !== undefined && expressions === undefined
}

/** `waitsForSets`: long sets are made before the filters that they are part of. */
function tried<Result>(
  operation: Operation,
  attempt: () => Result | Promise<Result>,
  mayWaitFor: (error: unknown) => error is Obstacle,
  waitsForSets: boolean,
): Result | Promise<Result> {
  const again = (error: unknown): Promise<Result> => {
    if (!mayWaitFor(error)) throw error
    return operation.settle(error).then(() => {
      operation.isAgain = true
      return tried(operation, attempt, mayWaitFor, waitsForSets)
    })
  }
  try {
    const result = waitsForSets ? withSets(operation, attempt) : attempt()
    return result instanceof Promise ? result.catch(again) : result
  } catch (error) {
    return again(error)
  }
}
