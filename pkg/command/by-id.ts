/**
 * What is asked for most, a document by its `_id`, done in the caller's turn without an operation: no request, no deadline, nothing that could be waited for. Where
 * anything is out of the ordinary the functions say undefined, with nothing done, and the command is run instead.
 */
import { DatabaseError } from '../base/errors.ts'
import { type Timestamp, timestampMax } from '../base/timestamp.ts'
import { bsonType } from '../bson/type.ts'
import type { Value } from '../bson/value.ts'
import type { RecordRef } from '../engine/collection.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { Workspace } from '../engine/workspace.ts'
import type { WriteUnit } from '../engine/write-unit.ts'
import { applyUpdate } from '../query/update/apply.ts'
import { OperatorDescriber } from '../query/update/describe-operators.ts'
import { UpdateTemplates } from '../query/update/templates.ts'
import type { UpdateContext } from '../query/update/update.ts'
import { idEqualityAt, idValueStart } from './document.ts'
import type { Instance } from './instance.ts'
import { oneMatched, oneModified, type UpdateOutcome } from './write.ts'

const record: RecordRef = { bytes: new Uint8Array(0), start: 0, end: 0 }
/** Of a collection that was given none. */
const noOptionsLength = 5
/** A document and an update of these lengths hold nobody up, whatever the operators and the indexes are. */
const shortBytes = 4096
const templates = new UpdateTemplates()

/** Looks at the clock only for who asks. */
class Context implements UpdateContext {
  readonly timestamp: Timestamp
  readonly filter: Uint8Array
  readonly collation = undefined
  readonly #instance: Instance

  constructor(instance: Instance, timestamp: Timestamp, filter: Uint8Array) {
    this.#instance = instance
    this.timestamp = timestamp
    this.filter = filter
  }

  get nowMs(): number {
    return this.#instance.world.clock.nowMs()
  }
}

/**
 * A find of one document by `_id` and nothing else, without a copy: the document lies in `into` until the next call on the database. False: there is
 * none. undefined: `filter` is not an equality with one `_id`, or the collection holds nothing (a view). `workspace`: what is read, the database
 * as it is now or a transaction that nothing else runs in.
 */
export function readById(
  instance: Instance,
  databaseName: string,
  collectionName: string,
  filter: Uint8Array,
  into: RecordRef,
  workspace: Workspace = instance.engine,
): boolean | undefined {
  const typeAt = idEqualityAt(filter)
  if (typeAt < 0) return undefined
  if (instance.isClosed) throw new DatabaseError('ShutdownInProgress', 'the database is closed')
  const collection = workspace.collection(databaseName, collectionName)
  // What holds no record may be a view: the command knows.
  if (collection === undefined || collection.documentCount === 0 || !collection.hasIdIndex) return undefined
  const { counters } = instance
  counters.query++
  counters.latencies.reads.operations++
  if (!collection.readById(filter[typeAt]!, filter, idValueStart, into)) return false
  counters.returned++
  return true
}

/**
 * An update by operators of one document by `_id`, in a transaction that nothing else runs in: outside of one, who updates waits for the disk.
 * Errors: none that the command would not meet as well.
 */
export function updateById(
  instance: Instance,
  databaseName: string,
  collectionName: string,
  filter: Uint8Array,
  update: Value,
  transaction: Transaction,
): UpdateOutcome | undefined {
  const typeAt = idEqualityAt(filter)
  if (typeAt < 0 || update.type !== bsonType.document || update.end - update.start > shortBytes) return undefined
  const { writeBlock, profiler, isClosed } = instance
  if (isClosed || writeBlock.reason !== undefined || profiler.isOn || collectionName.startsWith('system.'))
    return undefined
  try {
    const collection = transaction.collection(databaseName, collectionName)
    if (collection === undefined || collection.options.length > noOptionsLength || !collection.hasIdIndex)
      return undefined
    const operators = templates.parse(update)
    if (operators.kind !== 'operators') return undefined
    const recordId = collection.findById(filter[typeAt]!, filter, idValueStart, timestampMax)
    if (recordId === undefined || !collection.read(recordId, timestampMax, record)) return undefined
    const { bytes, start, end } = record
    if (end - start > shortBytes) return undefined
    const change = (unit: WriteUnit): UpdateOutcome => {
      const context = new Context(instance, unit.timestamp, filter)
      const { document, changed, kept } = applyUpdate(operators, bytes, start, context)
      if (!changed) return oneMatched
      unit.update(collection, recordId, document, new OperatorDescriber(operators), kept)
      return oneModified
    }
    const { result } = transaction.write(change)
    const { counters } = instance
    counters.update++
    counters.updated += result.modified
    counters.latencies.writes.operations++
    return result
  } catch (error) {
    // What has failed has changed nothing, and the command knows what is to be done about it.
    if (error instanceof DatabaseError) return undefined
    throw error
  }
}
