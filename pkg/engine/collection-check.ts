/** One collection checked: its records, index entries and counts. */
import { DatabaseError } from '../base/errors.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { validateDocument } from '../bson/validate.ts'
import type { Index } from '../index/index.ts'
import type { Collection } from './collection.ts'
import { RecordIdSet } from './record-id-set.ts'

interface Counted {
  readonly documents: number
  readonly indexEntries: number
  /** Entries of each index by its name. */
  readonly keysPerIndex: ReadonlyMap<string, number>
}

export interface CollectionReport extends Counted {
  readonly problems: readonly string[]
}

/** Sees each document that is whole. */
export type DocumentVisit = (document: Uint8Array) => void

/**
 * The check a little at a time, as of `at`, which a snapshot must keep: when `due` says so, `pause` is awaited, which lets others run and
 * throws to end it. Rejects with QueryPlanKilled when the collection is dropped.
 */
export async function checkCollection(
  collection: Collection,
  at: Timestamp,
  due: () => boolean,
  pause: () => Promise<void>,
  visit?: DocumentVisit,
): Promise<CollectionReport> {
  const problems: string[] = []
  const steps = collectionSteps(collection, at, problems, visit)
  for (;;) {
    const step = nextStep(steps, problems)
    if (step.done === true) return { problems, ...step.value }
    if (due()) await pause()
  }
}

/** Damage that ends a check is what it was looking for. */
function nextStep(steps: ReturnType<typeof collectionSteps>, problems: string[]): ReturnType<typeof steps.next> {
  try {
    return steps.next()
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.codeName === 'QueryPlanKilled') throw error
    problems.push(error.message)
    return { done: true, value: { documents: 0, indexEntries: 0, keysPerIndex: new Map() } }
  }
}

/** Records, keys or entries looked at between two places where others may run. */
const stepEntries = 64

/**
 * Checks a collection as of `at`; where it yields others may write, if a snapshot keeps `at`. Throws QueryPlanKilled when the
 * collection was dropped meanwhile; an index that was dropped is left out.
 */
export function* collectionSteps(
  collection: Collection,
  at: Timestamp,
  problems: string[],
  visit?: DocumentVisit,
): Generator<undefined, Counted, undefined> {
  const { documentCount, dataSizeBytes, nextRecordId, namespace } = collection
  const expected = new Map<Index, number>(collection.indexes.map((index) => [index, 0]))
  // What an entry names is looked up here: a document may have thousands of entries, and be long.
  const recordIds = new RecordIdSet()
  let documents = 0
  let bytes = 0
  let looked = 0
  const cursor = collection.scan(at)
  while (cursor.next()) {
    documents++
    const recordId = cursor.recordId
    recordIds.add(recordId)
    const document = cursor.bytes.slice(cursor.start, cursor.end)
    cursor.save()
    bytes += document.length
    validateDocument(document, 0, document.length)
    visit?.(document)
    if (recordId >= nextRecordId) problems.push(`${namespace}: record ${recordId} is beyond the next id`)
    for (const index of expected.keys()) {
      if (index.dropped) continue
      index.extract(document, 0, index.keys)
      expected.set(index, expected.get(index)! + index.keys.count)
      looked += index.keys.count
      if (index.keys.multikey && index.keys.paths.some((paths, f) => (paths & ~index.multikeyPaths[f]!) !== 0))
        problems.push(`${index.name} of ${namespace} is not marked multikey`)
      for (let i = 0; i < index.keys.count; i++) {
        if (!index.has(index.keys, i, recordId, at)) {
          problems.push(`${namespace}: record ${recordId} is not in index ${index.name}`)
        }
      }
    }
    if (++looked >= stepEntries) {
      looked = 0
      yield
    }
  }
  if (documents !== documentCount) {
    problems.push(`${namespace}: ${documents} documents, but the catalog says ${documentCount}`)
  }
  if (bytes !== dataSizeBytes) {
    problems.push(`${namespace}: ${bytes} bytes of documents, but the catalog says ${dataSizeBytes}`)
  }
  let indexEntries = 0
  const keysPerIndex = new Map<string, number>()
  for (const [index, keys] of expected) {
    if (index.dropped) continue
    let entries = 0
    const walk = index.scan(at)
    while (!index.dropped && walk.next()) {
      entries++
      if (!recordIds.has(walk.recordId)) {
        problems.push(`${namespace}: index ${index.name} has an entry for record ${walk.recordId}, which is not there`)
      }
      if (entries % stepEntries === 0) {
        walk.save()
        yield
      }
    }
    if (index.dropped) continue
    indexEntries += entries
    keysPerIndex.set(index.name, entries)
    if (entries !== keys) {
      problems.push(`${namespace}: index ${index.name} has ${entries} entries for ${keys} keys`)
    }
  }
  return { documents, indexEntries, keysPerIndex }
}
