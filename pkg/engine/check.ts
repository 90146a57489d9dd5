/**
 * The database walked from end to end: pages and trees (`Store.check`), then what they mean: every live record is valid BSON and
 * has exactly its index entries, every index entry has its record, and the counts are right.
 */
import { timestampMax } from '../base/timestamp.ts'
import type { Clock } from '../io/clock.ts'
import type { CheckProblem, CheckSteps } from '../storage/check.ts'
import type { Store } from '../storage/store.ts'
import { collectionSteps } from './collection-check.ts'
import { sliceMs } from './standstill.ts'
import type { State } from './state.ts'

export interface CheckReport {
  readonly problems: readonly string[]
  readonly collections: number
  readonly documents: number
  readonly indexEntries: number
  readonly pages: number
}

/** All of it; where it yields others may read, but nothing may be changed before its end. */
export function* checkState(state: State, store: Store): CheckSteps<CheckReport> {
  const { problems: found, pages } = yield* store.checkSteps(state.treeRoots())
  const problems = found.map(describeProblem)
  let collections = 0
  let documents = 0
  let indexEntries = 0
  for (const collection of [...state.catalog.all()]) {
    collections++
    try {
      const counted = yield* collectionSteps(collection, timestampMax, problems)
      documents += counted.documents
      indexEntries += counted.indexEntries
    } catch (error) {
      problems.push(`${collection.namespace}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { problems, collections, documents, indexEntries, pages }
}

/** As `checkState`, a slice at a time; `refuse` may throw between two, to end it. */
export async function checkInSlices(
  state: State,
  store: Store,
  clock: Clock,
  refuse: () => void,
): Promise<CheckReport> {
  const steps = checkState(state, store)
  for (let endMs = clock.monotonicMs() + sliceMs; ; ) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (clock.monotonicMs() < endMs) continue
    await clock.yield()
    refuse()
    endMs = clock.monotonicMs() + sliceMs
  }
}

function describeProblem(problem: CheckProblem): string {
  const place = problem.offset === undefined ? '' : ` at offset ${problem.offset}`
  const page = problem.page === undefined ? '' : `page ${problem.page}${place}: `
  return `${page}${problem.message}`
}
