/** Inserting documents into a collection that may have to be made first. A slice is one write unit, thus one log entry. */
import { Detour, inPlace } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import { buildDocument } from '../bson/build.ts'
import type { Collection } from '../engine/collection.ts'
import type { WriteUnit } from '../engine/write-unit.ts'
import { evict } from './capped.ts'
import { checkClusteredId, clusteredDuplicate } from './clustered-index.ts'
import { traitsOf } from './collection-traits.ts'
import { storedForm, type TimestampRule } from './document.ts'
import { databaseErrorOf } from './error-reply.ts'
import { checkNewCollectionName } from './namespace.ts'
import type { Operation } from './operation.ts'
import { checkInsertResult, type RetryableWrite } from './retryable-write.ts'
import { isObstacle, type Obstacle, settled } from './settled.ts'
import { checkMeasurement } from './timeseries.ts'
import { bucketedCollection, measurementsOf } from './timeseries-buckets.ts'
import { isTransient } from './transaction-labels.ts'
import { enforceValidator } from './validator.ts'
import { refuseView } from './view.ts'

const noOptions = buildDocument({})

export interface Target {
  readonly database: string
  readonly collection: string
}

/** The collection, if there is one. Errors: CommandNotSupportedOnView. */
export function writableCollection(operation: Operation, target: Target): Collection | undefined {
  const collection = operation.workspace.collection(target.database, target.collection)
  refuseView(collection)
  if (collection !== undefined) refuseCapped(operation, collection)
  return collection
}

/** The collection, made if there is none; throws what is wrong with its name. */
export function collectionForWrite(operation: Operation, unit: WriteUnit, target: Target): Collection {
  const found = operation.workspace.collection(target.database, target.collection)
  if (found !== undefined) {
    refuseView(found)
    refuseCapped(operation, found)
    return found
  }
  checkNewCollection(operation, target)
  return unit.createCollection(target.database, target.collection, noOptions)
}

/** The order of a capped collection is that of its commits, which a transaction does not know. */
function refuseCapped(operation: Operation, collection: Collection): void {
  if (operation.statement === undefined || traitsOf(collection).capped === undefined) return
  throw new DatabaseError(
    'OperationNotSupportedInTransaction',
    `Collection '${collection.namespace}' is a capped collection. Writes in transactions are not allowed on capped collections.`,
  )
}

/** Throws when no collection of that name may be made: its name, or a database that differs only in case. */
export function checkNewCollection(operation: Operation, target: Target): void {
  checkNewCollectionName(target.database, target.collection)
  const { engine } = operation.instance
  const similar = engine.databaseDifferingInCase(target.database)
  if (similar !== undefined)
    throw new DatabaseError(
      'DatabaseDifferCase',
      `db already exists with different case already have: [${similar}] trying to create [${target.database}]`,
    )
}

/** What an update has made is inserted as it is. */
export const asMade: TimestampRule = { keepsEmptyTimestamps: true }

/**
 * Inserts one document; throws what keeps it out. `recorded`: what a retryable write records of it, when it is the whole statement.
 * `rule`: the command's own unless it is given.
 */
export function insertOne(
  operation: Operation,
  unit: WriteUnit,
  target: Target,
  document: Uint8Array,
  recorded?: (stored: Uint8Array) => Uint8Array,
  rule: TimestampRule = operation,
): Uint8Array {
  const bucketed = bucketedCollection(operation.workspace, target.database, target.collection)
  if (bucketed !== undefined) return insertBucket(operation, unit, bucketed, document)
  const stored = storedForm(document, operation.instance, rule)
  const collection = collectionForWrite(operation, unit, target)
  const { capped, clustered, timeseries } = traitsOf(collection)
  if (timeseries !== undefined) checkMeasurement(timeseries, stored)
  if (clustered) checkClusteredId(stored)
  enforceValidator(operation, collection, stored)
  collection.findKeys(undefined, stored)
  // Those who wait for it look once, and what goes in its place goes in the same unit.
  if (capped !== undefined) unit.isWhole = true
  const retry = recorded === undefined ? undefined : operation.retry
  if (retry !== undefined) retry.announce(unit, recorded!(stored))
  const recordId = clustered ? insertClustered(unit, collection, stored) : unit.insert(collection, stored)
  if (retry !== undefined) retry.record(unit)
  if (capped !== undefined) {
    evict(unit, collection, capped, recordId)
    // Those who wait go on when this turn is over, with what it wrote.
    operation.instance.cappedWaiters.wake(collection)
  }
  return stored
}

/** Inserts the measurements of a bucket into its collection. */
function insertBucket(operation: Operation, unit: WriteUnit, collection: Collection, bucket: Uint8Array): Uint8Array {
  const target = { database: collection.database, collection: collection.name }
  const { instance } = operation
  const measurements = measurementsOf(bucket, traitsOf(collection).timeseries!).map((each) =>
    storedForm(each, instance),
  )
  // None is inserted before the keys of all are known.
  for (const each of measurements) collection.findKeys(undefined, each)
  for (const each of measurements) inPlace(() => insertOne(operation, unit, target, each))
  return bucket
}

function insertClustered(unit: WriteUnit, collection: Collection, document: Uint8Array): RecordId {
  try {
    return unit.insert(collection, document)
  } catch (error) {
    const known = databaseErrorOf(error)
    throw known?.codeName === 'DuplicateKey' ? clusteredDuplicate(document, known) : error
  }
}

/** Told of the documents that could not be inserted; false: stop here. */
export type OnInsertError = (index: number, error: DatabaseError) => boolean

/**
 * Inserts `documents`, an array of the caller's that may change, which are the statements of the command from `firstIndex` on. `onInserted` hears of every document that is in. Returns when all are done or
 * `onError` says stop; a promise when the work takes more than a slice.
 */
export function insertAll(
  operation: Operation,
  target: Target,
  documents: Uint8Array[],
  firstIndex: number,
  onInserted: () => void,
  onError: OnInsertError,
): void | Promise<void> {
  const slice = (): number | Promise<number> =>
    insertSlice(operation, target, documents, 0, firstIndex, onInserted, onError)
  const next = settled(operation, slice)
  if (next instanceof Promise)
    return next.then((from) => insertRest(operation, target, documents, from, firstIndex, onInserted, onError))
  if (next < documents.length) return insertRest(operation, target, documents, next, firstIndex, onInserted, onError)
}

async function insertRest(
  operation: Operation,
  target: Target,
  documents: Uint8Array[],
  from: number,
  firstIndex: number,
  onInserted: () => void,
  onError: OnInsertError,
): Promise<void> {
  let next = from
  while (next < documents.length) {
    await operation.pause()
    const from = next
    next = await settled(operation, () =>
      insertSlice(operation, target, documents, from, firstIndex, onInserted, onError),
    )
  }
}

/** Where to go on; the number of documents when there is nothing more to do. Throws WriteConflict when nothing may be written now. */
function insertSlice(
  operation: Operation,
  target: Target,
  documents: Uint8Array[],
  from: number,
  firstIndex: number,
  onInserted: () => void,
  onError: OnInsertError,
): number | Promise<number> {
  const { retry } = operation
  let obstacle: Obstacle | undefined
  const { result } = operation.workspace.write((unit) => {
    try {
      for (let i = from; i < documents.length; i++) {
        try {
          if (retry === undefined) insertOne(operation, unit, target, documents[i]!)
          else insertOnce(operation, unit, target, documents[i]!, retry, firstIndex + i)
          onInserted()
        } catch (error) {
          if (isObstacle(error)) {
            obstacle = error
            // What it lacks it is given once: it must be the same when it comes again.
            if (error instanceof Detour) documents[i] = storedForm(documents[i]!, operation.instance, operation)
            return i
          }
          const stop = !onError(i, userError(operation, error))
          if (operation.failStatement() || stop) return documents.length
        }
        if (unit.isFull || operation.passed()) return i + 1
      }
      return documents.length
    } finally {
      retry?.recordRun(unit)
    }
  })
  // What is inserted stays; the document that met a transaction's key, or takes long, is tried again after it.
  return obstacle === undefined ? result : operation.settle(obstacle).then(() => result)
}

/** Inserts a document unless the statement was done before. */
function insertOnce(
  operation: Operation,
  unit: WriteUnit,
  target: Target,
  document: Uint8Array,
  retry: RetryableWrite,
  index: number,
): void {
  const earlier = retry.earlier(index)
  if (earlier !== undefined) {
    checkInsertResult(earlier)
    return
  }
  retry.announceRun(unit, index)
  insertOne(operation, unit, target, document)
  retry.extendRun()
}

/** The error as one of the document alone; one that is not, such as that a transaction is too late for its snapshot, is thrown on. */
function userError(operation: Operation, error: unknown): DatabaseError {
  const known = databaseErrorOf(error)
  if (known === undefined || isTransient(operation, known)) throw error
  return known
}
