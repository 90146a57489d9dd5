/**
 * A write command under a transaction number: each of its statements is done once, however often the command comes.
 *
 * What a statement did is recorded in the log entry of the write (`engine/session-records.ts`); when the statement comes again it is
 * answered from there. Statements that changed nothing are not recorded: they may be tried again.
 *
 *   result   insert         nothing
 *            update         1 | matched u32 | modified u32 | [type of the upserted _id u8 | its value]
 *            delete         2 | removed u32
 *            findAndModify  3 | flags u8 | the image of the document, when there is one
 */
import { DatabaseError } from '../base/errors.ts'
import { readUint32, writeInt32 } from '../bson/little-endian.ts'
import { documentFields, isNumber, type Value } from '../bson/value.ts'
import { wholeNumberAt } from '../bson/whole-number.ts'
import { type BsonWriter, indexName } from '../bson/writer.ts'
import type { Engine } from '../engine/engine.ts'
import { encodeSessionWrite, sessionState } from '../engine/session-records.ts'
import type { WriteUnit } from '../engine/write-unit.ts'
import type { Fields } from './fields.ts'
import type { Operation } from './operation.ts'
import type { Session } from './session.ts'

const resultKind = { update: 1, delete: 2, findAndModify: 3 } as const
const imageFlag = { isUpdate: 1, hadBefore: 2, hasAfter: 4, isAfter: 8, hasImage: 16 } as const
const nothing = new Uint8Array(0)

/** Which numbers the statements of a command have: those given, or 0, 1, 2... from `first` on. */
export interface StatementIds {
  readonly first: number
  readonly given: readonly number[] | undefined
}

const implicitIds: StatementIds = { first: 0, given: undefined }

/** Reads `stmtId` and `stmtIds` of a command of so many statements. Errors: InvalidOptions, TypeMismatch, InvalidLength. */
export function statementIds(
  fields: Fields<string>,
  single: number,
  list: number | undefined,
  statements: number,
): StatementIds {
  if (!fields.has(single) && (list === undefined || !fields.has(list))) return implicitIds
  const one = fields.number(single)
  const many = list === undefined ? undefined : fields.value(list)
  if (many === undefined) return { first: one ?? 0, given: undefined }
  if (one !== undefined)
    throw new DatabaseError('InvalidOptions', 'May not specify both stmtId and stmtIds in write command.')
  const given = [...documentFields(many.bytes, many.start)].map((element) => {
    if (!isNumber(element.type)) throw new DatabaseError('TypeMismatch', 'stmtIds must be an array of integers')
    return wholeNumberAt(element.type, element.bytes, element.start)
  })
  if (given.length !== statements)
    throw new DatabaseError(
      'InvalidLength',
      `Number of statement ids must match the number of batch entries. Got ${given.length} statement ids but ${statements} operations.`,
    )
  return { first: 0, given }
}

export interface UpdateRecord {
  readonly matched: number
  readonly modified: number
  readonly upserted: Value | undefined
}

/** What a findAndModify did, with one of the two documents: the one that it was asked to show. */
export interface ImageRecord {
  readonly isUpdate: boolean
  readonly hadBefore: boolean
  readonly hasAfter: boolean
  readonly isAfter: boolean
  readonly image: Uint8Array | undefined
}

export class RetryableWrite {
  readonly session: Session
  readonly txnNumber: bigint
  readonly #operation: Operation
  readonly #engine: Engine
  readonly #wallMs: number
  /** Whether a statement may have been done before: the number is not new to the session. */
  #again = false
  #ids = implicitIds
  /** The position in the command of the statement that runs. */
  index = 0
  /** The ids of statements that had been done before. */
  readonly retried: number[] = []
  #announced: Uint8Array | undefined
  #runStart = -1
  #runCount = 0

  constructor(operation: Operation, session: Session, txnNumber: bigint) {
    const { engine, world } = operation.instance
    this.session = session
    this.txnNumber = txnNumber
    this.#operation = operation
    this.#engine = engine
    this.#wallMs = world.clock.nowMs()
  }

  /** Tells the ids of the command's statements; a command that was interrupted by a conflict begins again. */
  begin(ids: StatementIds = implicitIds): void {
    this.#ids = ids
    this.#again = this.session.hasWritten
    this.retried.length = 0
  }

  #idOf(index: number): number {
    return this.#ids.given === undefined ? this.#ids.first + index : this.#ids.given[index]!
  }

  /** Makes the statement at `index` the one that runs; its result when it was done before. */
  earlier(index: number): Uint8Array | undefined {
    this.index = index
    if (!this.#again) return undefined
    const id = this.#idOf(index)
    const result = this.#engine.sessions.result(this.session.uuid, this.txnNumber, id)
    if (result !== undefined) this.retried.push(id)
    return result
  }

  /** Makes room for the change that follows and for the record of its `result`. */
  announce(unit: WriteUnit, result: Uint8Array): void {
    this.#failOnRequest()
    this.#announced = this.#body(this.#idOf(this.index), 1, result)
    unit.announceSession(this.#announced.length)
  }

  /** The change that was announced is done. */
  record(unit: WriteUnit): void {
    unit.recordSession(this.#announced!)
    this.session.hasWritten = true
  }

  /** As `announce`, for inserts one after the other, which have one record for a run of them. */
  announceRun(unit: WriteUnit, index: number): void {
    if (this.#runCount > 0 && this.#idOf(index) !== this.#runStart + this.#runCount) this.recordRun(unit)
    if (this.#runCount === 0) {
      this.#failOnRequest()
      this.#runStart = this.#idOf(index)
      unit.announceSession(this.#body(0, 0, nothing).length)
    }
  }

  /** The insert is done. */
  extendRun(): void {
    this.#runCount++
  }

  /** Records the run so far; to be called before anything else happens in the unit, and at its end. */
  recordRun(unit: WriteUnit): void {
    if (this.#runCount === 0) return
    const body = this.#body(this.#runStart, this.#runCount, nothing)
    this.#runCount = 0
    unit.recordSession(body)
    this.session.hasWritten = true
  }

  /** What tests of drivers ask for: a connection that breaks in the write, or a write that fails. */
  #failOnRequest(): void {
    const { context, instance } = this.#operation
    const failure = instance.failWrite.isOn ? instance.failWrite.hit() : undefined
    if (failure === undefined) return
    if (failure.closesConnection) context.drop?.()
    if (failure.errorCode !== undefined)
      throw new DatabaseError(failure.errorCode, 'Failing write due to failpoint. The write must not be reflected.')
  }

  #body(first: number, count: number, result: Uint8Array): Uint8Array {
    const { session, txnNumber } = this
    const state = sessionState.retryableWrite
    return encodeSessionWrite({ session: session.uuid, txnNumber, state, wallMs: this.#wallMs, first, count, result })
  }
}

/**
 * Takes up `txnNumber` in a session that the operation has for itself. Errors: TransactionTooOld for a number before the last one;
 * InvalidOptions for one that a transaction has.
 */
export function retryableWrite(operation: Operation, session: Session, txnNumber: bigint): RetryableWrite {
  learnSession(session, operation.instance.engine)
  if (txnNumber < session.txnNumber)
    throw new DatabaseError(
      'TransactionTooOld',
      `Retryable write with txnNumber ${txnNumber} is prohibited on session ${shownSession(session)} because a newer ${session.inTransaction ? 'transaction' : 'retryable write'} with txnNumber ${session.txnNumber} has already started on this session.`,
    )
  if (txnNumber > session.txnNumber) {
    session.txnNumber = txnNumber
    session.hasWritten = false
    session.inTransaction = false
    const open = session.transaction
    if (open !== undefined) operation.instance.abortTransaction(open)
  } else if (session.inTransaction)
    throw new DatabaseError(
      'InvalidOptions',
      'Must specify autocommit=false on all operations of a multi-statement transaction.',
    )
  return new RetryableWrite(operation, session, txnNumber)
}

/** What the session did before this process knew it. */
export function learnSession(session: Session, engine: Engine): void {
  if (session.isKnown) return
  session.isKnown = true
  const head = engine.sessions.head(session.uuid)
  if (head === undefined) return
  session.txnNumber = head.txnNumber
  session.hasWritten = true
  session.inTransaction = head.state !== sessionState.retryableWrite
}

/** A session's id as MongoDB's messages show it. */
export function shownSession({ uuid }: Session): string {
  const hex = Array.from(uuid, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

export function updateResult({ matched, modified, upserted }: UpdateRecord): Uint8Array {
  const idLength = upserted === undefined ? 0 : 1 + upserted.end - upserted.start
  const bytes = new Uint8Array(9 + idLength)
  bytes[0] = resultKind.update
  writeInt32(bytes, 1, matched)
  writeInt32(bytes, 5, modified)
  if (upserted !== undefined) {
    bytes[9] = upserted.type
    bytes.set(upserted.bytes.subarray(upserted.start, upserted.end), 10)
  }
  return bytes
}

export function readUpdateResult(result: Uint8Array): UpdateRecord {
  check(result, resultKind.update, 'update')
  const upserted = result.length > 9 ? { type: result[9]!, bytes: result, start: 10, end: result.length } : undefined
  return { matched: readUint32(result, 1), modified: readUint32(result, 5), upserted }
}

export function deleteResult(removed: number): Uint8Array {
  const bytes = new Uint8Array(5)
  bytes[0] = resultKind.delete
  writeInt32(bytes, 1, removed)
  return bytes
}

export function readDeleteResult(result: Uint8Array): number {
  check(result, resultKind.delete, 'delete')
  return readUint32(result, 1)
}

export function imageResult(record: ImageRecord): Uint8Array {
  const { image } = record
  const bytes = new Uint8Array(2 + (image?.length ?? 0))
  bytes[0] = resultKind.findAndModify
  bytes[1] =
    (record.isUpdate ? imageFlag.isUpdate : 0) |
    (record.hadBefore ? imageFlag.hadBefore : 0) |
    (record.hasAfter ? imageFlag.hasAfter : 0) |
    (record.isAfter ? imageFlag.isAfter : 0) |
    (image === undefined ? 0 : imageFlag.hasImage)
  if (image !== undefined) bytes.set(image, 2)
  return bytes
}

export function readImageResult(result: Uint8Array): ImageRecord {
  check(result, resultKind.findAndModify, 'findAndModify')
  const flags = result[1]!
  const has = (flag: number): boolean => (flags & flag) !== 0
  return {
    isUpdate: has(imageFlag.isUpdate),
    hadBefore: has(imageFlag.hadBefore),
    hasAfter: has(imageFlag.hasAfter),
    isAfter: has(imageFlag.isAfter),
    image: has(imageFlag.hasImage) ? result.subarray(2) : undefined,
  }
}

/** A number that was used for one kind of write cannot be used again for another. */
function check(result: Uint8Array, kind: number, name: string): void {
  if (result[0] === kind) return
  throw new DatabaseError(
    40606,
    `${name} retry request is not compatible with previous write in the transaction of type: ${kindName(result[0])}`,
  )
}

function kindName(kind: number | undefined): string {
  if (kind === resultKind.update) return 'update'
  if (kind === resultKind.delete) return 'delete'
  return kind === resultKind.findAndModify ? 'findAndModify' : 'insert'
}

/** An insert that was done before under this number. */
export function checkInsertResult(result: Uint8Array): void {
  if (result.length > 0) check(result, 0, 'insert')
}

/** Errors: InvalidOptions, for a statement that may change many documents. */
export function notRetryable(what: string): DatabaseError {
  return new DatabaseError('InvalidOptions', `Cannot use (or request) retryable writes with ${what}`)
}

/** Writes `retriedStmtIds` when there are any. */
export function writeRetried(writer: BsonWriter, retried: readonly number[] | undefined): void {
  if (retried === undefined || retried.length === 0) return
  writer.beginArray('retriedStmtIds')
  for (let i = 0; i < retried.length; i++) writer.int32(indexName(i), retried[i]!)
  writer.end()
}
