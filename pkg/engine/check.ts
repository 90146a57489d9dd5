/**
 * The database walked from end to end: pages and trees (`Store.check`), then what they mean: every live record is valid BSON and
 * has exactly its index entries, every index entry has its record, and the counts are right.
 */
import { type Timestamp, timestampMax } from '../base/timestamp.ts'
import { validateDocument } from '../bson/validate.ts'
import type { Index } from '../index/index.ts'
import type { CheckProblem } from '../storage/check.ts'
import type { Store } from '../storage/store.ts'
import type { Collection } from './collection.ts'
import type { State } from './state.ts'

export interface CheckReport {
  readonly problems: readonly string[]
  readonly collections: number
  readonly documents: number
  readonly indexEntries: number
  readonly pages: number
}

/** All of it, in this turn. */
export function checkState(state: State, store: Store): CheckReport {
  const { problems: found, pages } = store.check(state.treeRoots())
  const problems = found.map(describeProblem)
  let collections = 0
  let documents = 0
  let indexEntries = 0
  for (const collection of [...state.catalog.all()]) {
    collections++
    try {
      const counted = checkCollection(collection, problems)
      documents += counted.documents
      indexEntries += counted.indexEntries
    } catch (error) {
      problems.push(`${collection.namespace}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { problems, collections, documents, indexEntries, pages }
}

function describeProblem(problem: CheckProblem): string {
  const place = problem.offset === undefined ? '' : ` at offset ${problem.offset}`
  const page = problem.page === undefined ? '' : `page ${problem.page}${place}: `
  return `${page}${problem.message}`
}

/** Runs a whole check of one collection in this turn. */
function checkCollection(collection: Collection, problems: string[]): Counted {
  const steps = collectionSteps(collection, timestampMax, problems)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

interface Counted {
  readonly documents: number
  readonly indexEntries: number
}

/** Records or entries looked at between two places where others may run. */
const stepEntries = 64

/**
 * Checks a collection as of `at`; where it yields others may write, if a snapshot keeps `at`. Throws QueryPlanKilled when the
 * collection was dropped meanwhile; an index that was dropped is left out.
 */
export function* collectionSteps(
  collection: Collection,
  at: Timestamp,
  problems: string[],
): Generator<undefined, Counted, undefined> {
  const { documentCount, dataSizeBytes, nextRecordId, namespace } = collection
  const expected = new Map<Index, number>(collection.indexes.map((index) => [index, 0]))
  let documents = 0
  let bytes = 0
  const ref = { bytes: new Uint8Array(0), start: 0, end: 0 }
  const cursor = collection.scan(at)
  while (cursor.next()) {
    documents++
    const recordId = cursor.recordId
    const document = cursor.bytes.slice(cursor.start, cursor.end)
    cursor.save()
    bytes += document.length
    validateDocument(document, 0, document.length)
    if (recordId >= nextRecordId) problems.push(`${namespace}: record ${recordId} is beyond the next id`)
    for (const index of expected.keys()) {
      if (index.dropped) continue
      index.extract(document, 0, index.keys)
      expected.set(index, expected.get(index)! + index.keys.count)
      if (index.keys.multikey && index.keys.paths.some((paths, f) => (paths & ~index.multikeyPaths[f]!) !== 0))
        problems.push(`${index.name} of ${namespace} is not marked multikey`)
      for (let i = 0; i < index.keys.count; i++) {
        if (!index.has(index.keys, i, recordId, at)) {
          problems.push(`${namespace}: record ${recordId} is not in index ${index.name}`)
        }
      }
    }
    if (documents % stepEntries === 0) yield
  }
  if (documents !== documentCount) {
    problems.push(`${namespace}: ${documents} documents, but the catalog says ${documentCount}`)
  }
  if (bytes !== dataSizeBytes) {
    problems.push(`${namespace}: ${bytes} bytes of documents, but the catalog says ${dataSizeBytes}`)
  }
  let indexEntries = 0
  for (const [index, keys] of expected) {
    if (index.dropped) continue
    let entries = 0
    const walk = index.scan(at)
    while (!index.dropped && walk.next()) {
      entries++
      walk.save()
      if (!collection.read(walk.recordId, at, ref)) {
        problems.push(`${namespace}: index ${index.name} has an entry for record ${walk.recordId}, which is not there`)
      }
      if (entries % stepEntries === 0) yield
    }
    if (index.dropped) continue
    indexEntries += entries
    if (entries !== keys) {
      problems.push(`${namespace}: index ${index.name} has ${entries} entries for ${keys} keys`)
    }
  }
  return { documents, indexEntries }
}
