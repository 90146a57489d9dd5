/**
 * The database walked from end to end: pages and trees (`Store.check`), then what they mean: every live record is valid BSON and
 * has exactly its index entries, every index entry has its record, and the counts are right.
 */
import { timestampMax } from '../base/timestamp.ts'
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

/** `store`: walk the pages too. `only`: this collection instead of all. */
export function checkState(state: State, store: Store | undefined, only?: Collection): CheckReport {
  const problems: string[] = []
  let pages = 0
  if (store !== undefined) {
    const report = store.check(state.treeRoots())
    problems.push(...report.problems.map(describeProblem))
    pages = report.pages
  }
  let collections = 0
  let documents = 0
  let indexEntries = 0
  for (const collection of only === undefined ? [...state.catalog.all()] : [only]) {
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

function checkCollection(collection: Collection, problems: string[]): { documents: number; indexEntries: number } {
  const expected = new Map<Index, number>(collection.indexes.map((index) => [index, 0]))
  let documents = 0
  let bytes = 0
  const ref = { bytes: new Uint8Array(0), start: 0, end: 0 }
  const cursor = collection.scan(timestampMax)
  while (cursor.next()) {
    documents++
    const recordId = cursor.recordId
    const document = cursor.bytes.slice(cursor.start, cursor.end)
    cursor.save()
    bytes += document.length
    validateDocument(document, 0, document.length)
    if (recordId >= collection.nextRecordId)
      problems.push(`${collection.namespace}: record ${recordId} is beyond the next id`)
    for (const index of collection.indexes) {
      index.extract(document, 0, index.keys)
      expected.set(index, expected.get(index)! + index.keys.count)
      if (index.keys.multikey && index.keys.paths.some((paths, f) => (paths & ~index.multikeyPaths[f]!) !== 0))
        problems.push(`${index.name} of ${collection.namespace} is not marked multikey`)
      for (let i = 0; i < index.keys.count; i++) {
        if (!index.has(index.keys, i, recordId, timestampMax)) {
          problems.push(`${collection.namespace}: record ${recordId} is not in index ${index.name}`)
        }
      }
    }
  }
  if (documents !== collection.documentCount) {
    problems.push(`${collection.namespace}: ${documents} documents, but the catalog says ${collection.documentCount}`)
  }
  if (bytes !== collection.dataSizeBytes) {
    problems.push(
      `${collection.namespace}: ${bytes} bytes of documents, but the catalog says ${collection.dataSizeBytes}`,
    )
  }
  let indexEntries = 0
  for (const index of collection.indexes) {
    let entries = 0
    const walk = index.scan(timestampMax)
    while (walk.next()) {
      entries++
      walk.save()
      if (!collection.read(walk.recordId, timestampMax, ref)) {
        problems.push(
          `${collection.namespace}: index ${index.name} has an entry for record ${walk.recordId}, which is not there`,
        )
      }
    }
    indexEntries += entries
    if (entries !== expected.get(index)) {
      problems.push(
        `${collection.namespace}: index ${index.name} has ${entries} entries for ${expected.get(index)} keys`,
      )
    }
  }
  return { documents, indexEntries }
}
