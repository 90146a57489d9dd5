/** DocumentService's unary calls. The messages are those of proto/lauradb/v1/document_service.proto. */
import { DatabaseError } from '../../pkg/base/errors.ts'
import { getField } from '../../pkg/bson/value.ts'
import { BsonWriter } from '../../pkg/bson/writer.ts'
import type { Database } from '../../pkg/command/dispatch.ts'
import { CommandWriter, documentAround, type Int64, int64Of, validated } from './command-writer.ts'
import type { UnaryMethod, UnaryMethods } from './method.ts'
import { quickFindOne } from './quick-find.ts'
import {
  batchOf,
  cursorIn,
  documentIn,
  documentsIn,
  firstDocument,
  idDocument,
  numberIn,
  updateOutcome,
  wordsOf,
} from './reply-fields.ts'
import { type CallFailure, failureIn, failureOfWrites } from './status.ts'

interface Target {
  readonly database: string
  readonly collection: string
  readonly options: Uint8Array
}

interface Pipeline {
  readonly stages: readonly Uint8Array[]
}

export interface FindRequest extends Target {
  readonly filter: Uint8Array
  readonly projection: Uint8Array
  readonly sort: Uint8Array
  readonly skip: Int64
  readonly limit: Int64
  readonly batchSize: number
}

export interface AggregateRequest extends Target {
  readonly pipeline: readonly Uint8Array[]
  readonly batchSize: number
}

interface GetMoreRequest extends Target {
  readonly cursorId: Int64
  readonly batchSize: number
}

interface KillCursorsRequest extends Omit<Target, 'options'> {
  readonly cursorIds: readonly Int64[]
}

interface CountRequest extends Target {
  readonly filter: Uint8Array
  readonly skip: Int64
  readonly limit: Int64
}

interface DistinctRequest extends Target {
  readonly key: string
  readonly filter: Uint8Array
}

interface InsertRequest extends Target {
  readonly documents: readonly Uint8Array[]
  readonly unordered: boolean
}

interface Change {
  readonly filter: Uint8Array
  readonly update?: Uint8Array | null
  readonly pipeline?: Pipeline | null
  readonly upsert: boolean
  readonly arrayFilters: readonly Uint8Array[]
}

interface UpdateRequest extends Target, Change {
  readonly multi: boolean
  readonly statementOptions: Uint8Array
}

interface ReplaceRequest extends Target {
  readonly filter: Uint8Array
  readonly replacement: Uint8Array
  readonly upsert: boolean
  readonly statementOptions: Uint8Array
}

interface DeleteRequest extends Target {
  readonly filter: Uint8Array
  readonly multi: boolean
  readonly statementOptions: Uint8Array
}

interface FindAndModifyRequest extends Target, Change {
  readonly sort: Uint8Array
  readonly projection: Uint8Array
  readonly remove?: boolean | null
  readonly returnNew: boolean
}

interface WriteModel {
  readonly insertOne?: { readonly document: Uint8Array } | null
  readonly update?: (Change & { readonly multi: boolean }) | null
  readonly replaceOne?: {
    readonly filter: Uint8Array
    readonly replacement: Uint8Array
    readonly upsert: boolean
  } | null
  readonly delete?: { readonly filter: Uint8Array; readonly multi: boolean } | null
}

interface BulkWriteRequest extends Target {
  readonly writes: readonly WriteModel[]
  readonly unordered: boolean
}

const writer = new CommandWriter()
const nothing = new Uint8Array(0)

/** The `find` command of a request. */
export function findCommand(request: FindRequest, maxTimeMs: number | undefined): Uint8Array {
  return writer
    .begin('find', request.collection, request.database, maxTimeMs)
    .document('filter', request.filter)
    .document('projection', request.projection)
    .document('sort', request.sort)
    .number('skip', request.skip)
    .number('limit', request.limit)
    .number('batchSize', request.batchSize)
    .finish(request.options)
}

/** The `aggregate` command of a request. */
export function aggregateCommand(request: AggregateRequest, maxTimeMs: number | undefined): Uint8Array {
  const target = request.collection === '' ? 1 : request.collection
  return writer
    .begin('aggregate', target, request.database, maxTimeMs)
    .documents('pipeline', request.pipeline)
    .embedded('cursor', (cursor) => cursor.number('batchSize', request.batchSize))
    .finish(request.options)
}

function writeChange(change: Change, name: string): void {
  if (change.pipeline != null) writer.documents(name, change.pipeline.stages)
  else writer.requiredDocument(name, change.update ?? nothing)
}

/** As `writeChange`, but for what must not be a replacement. Errors: FailedToParse. */
function writeOperators(change: Change, name: string): void {
  if (change.pipeline == null && !beginsWithOperator(change.update ?? nothing))
    throw new DatabaseError('FailedToParse', 'an update must consist of update operators; Replace replaces documents')
  writeChange(change, name)
}

function replacementOf(replacement: Uint8Array): Uint8Array {
  if (beginsWithOperator(replacement))
    throw new DatabaseError('FailedToParse', 'a replacement must not have update operators; Update applies them')
  return replacement
}

/** Whether the first field's name begins with a dollar sign: behind the length stand its type and its name. */
function beginsWithOperator(document: Uint8Array): boolean {
  return document.length > 6 && document[5] === 0x24
}

/** An insert's documents, each with an _id. */
function withIds(documents: readonly Uint8Array[], database: Database): readonly Uint8Array[] {
  return documents.map((bytes) => {
    const document = validated(bytes, 'documents')
    if (getField(document, '_id') !== undefined) return document
    const whole = new BsonWriter(document.length + 17)
    whole.beginDocument()
    whole.objectId('_id', database.objectIds.next())
    whole.raw(document, 4, document.length - 1)
    whole.end()
    return whole.finish()
  })
}

const findOne: UnaryMethod<Omit<FindRequest, 'limit' | 'batchSize'>> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('find', request.collection, request.database, maxTimeMs)
      .document('filter', request.filter)
      .number('limit', 1)
      .boolean('singleBatch', true)
      .document('projection', request.projection)
      .document('sort', request.sort)
      .number('skip', request.skip)
      .finish(request.options),
  response: (reply) => {
    const document = firstDocument(reply)
    return document === undefined ? {} : { document }
  },
  quick: quickFindOne,
}

const findBatch: UnaryMethod<FindRequest> = { command: findCommand, response: batchOf }

const aggregateBatch: UnaryMethod<AggregateRequest> = { command: aggregateCommand, response: batchOf }

const getMore: UnaryMethod<GetMoreRequest> = {
  command: (request) =>
    writer
      .beginLong('getMore', int64Of(request.cursorId), request.database)
      .string('collection', request.collection)
      .number('batchSize', request.batchSize)
      .finish(request.options),
  response: batchOf,
}

const killCursors: UnaryMethod<KillCursorsRequest> = {
  command: (request) =>
    writer
      .begin('killCursors', request.collection, request.database, undefined)
      .longs('cursors', request.cursorIds.map(int64Of))
      .finish(nothing),
  response: (reply) => {
    const killed = getField(reply, 'cursorsKilled')!
    const view = new DataView(killed.bytes.buffer, killed.bytes.byteOffset)
    // Every element is a type, a name of digits with its NUL, and eight bytes.
    const ids: object[] = []
    for (let at = killed.start + 4; at < killed.end - 1; ) {
      at = killed.bytes.indexOf(0, at + 1) + 1
      ids.push(wordsOf(view.getBigInt64(at, true)))
      at += 8
    }
    return { killedCursorIds: ids }
  },
}

const count: UnaryMethod<CountRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('count', request.collection, request.database, maxTimeMs)
      .document('query', request.filter)
      .number('skip', request.skip)
      .number('limit', request.limit)
      .finish(request.options),
  response: (reply) => ({ count: numberIn(reply, 'n') }),
}

const distinct: UnaryMethod<DistinctRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('distinct', request.collection, request.database, maxTimeMs)
      .string('key', request.key)
      .document('query', request.filter)
      .finish(request.options),
  response: (reply) => ({ values: documentAround('values', getField(reply, 'values')!) }),
}

const insert: UnaryMethod<InsertRequest> = {
  command: (request, maxTimeMs, database) => {
    const documents = withIds(request.documents, database)
    const body = writer
      .begin('insert', request.collection, request.database, maxTimeMs)
      .boolean('ordered', !request.unordered)
      .finish(request.options)
    return { body, sequences: new Map([['documents', documents]]), replyExpected: true }
  },
  response: (reply, { sequences }) => ({
    insertedCount: numberIn(reply, 'n'),
    ids: sequences.get('documents')!.map(idDocument),
  }),
  failure: failureOfWrites,
}

const update: UnaryMethod<UpdateRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('update', request.collection, request.database, maxTimeMs)
      .array('updates', () =>
        writer.embedded('0', () => {
          writer.requiredDocument('q', request.filter)
          writeOperators(request, 'u')
          writer
            .boolean('multi', request.multi)
            .boolean('upsert', request.upsert)
            .optionalDocuments('arrayFilters', request.arrayFilters)
            .fieldsOf('statement_options', request.statementOptions)
        }),
      )
      .finish(request.options),
  response: updateOutcome,
  failure: failureOfWrites,
}

const replace: UnaryMethod<ReplaceRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('update', request.collection, request.database, maxTimeMs)
      .array('updates', () =>
        writer.embedded('0', () =>
          writer
            .requiredDocument('q', request.filter)
            .requiredDocument('u', replacementOf(request.replacement))
            .boolean('upsert', request.upsert)
            .fieldsOf('statement_options', request.statementOptions),
        ),
      )
      .finish(request.options),
  response: updateOutcome,
  failure: failureOfWrites,
}

const deletion: UnaryMethod<DeleteRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('delete', request.collection, request.database, maxTimeMs)
      .array('deletes', () =>
        writer.embedded('0', () =>
          writer
            .requiredDocument('q', request.filter)
            .int32('limit', request.multi ? 0 : 1)
            .fieldsOf('statement_options', request.statementOptions),
        ),
      )
      .finish(request.options),
  response: (reply) => ({ deletedCount: numberIn(reply, 'n') }),
  failure: failureOfWrites,
}

const findAndModify: UnaryMethod<FindAndModifyRequest> = {
  command: (request, maxTimeMs) => {
    writer
      .begin('findAndModify', request.collection, request.database, maxTimeMs)
      .requiredDocument('query', request.filter)
      .document('sort', request.sort)
      .document('fields', request.projection)
    if (request.remove === true) writer.boolean('remove', true)
    else {
      writeChange(request, 'update')
      writer.boolean('new', request.returnNew).boolean('upsert', request.upsert)
    }
    return writer.optionalDocuments('arrayFilters', request.arrayFilters).finish(request.options)
  },
  response: (reply) => {
    const document = documentIn(reply, 'value')
    const outcome = documentIn(reply, 'lastErrorObject')
    const upserted = outcome === undefined ? undefined : getField(outcome, 'upserted')
    return {
      ...(document === undefined ? {} : { document }),
      ...(upserted === undefined ? {} : { upsertedId: documentAround('_id', upserted) }),
    }
  },
  failure: failureOfWrites,
}

const bulkWrite: UnaryMethod<BulkWriteRequest> = {
  command: (request, maxTimeMs) =>
    writer
      .begin('bulkWrite', 1, 'admin', maxTimeMs)
      .boolean('ordered', !request.unordered)
      .boolean('errorsOnly', !request.writes.some((write) => write.update?.upsert || write.replaceOne?.upsert))
      .array('nsInfo', () =>
        writer.embedded('0', () => writer.string('ns', `${request.database}.${request.collection}`)),
      )
      .array('ops', () => {
        for (const [index, write] of request.writes.entries())
          writer.embedded(String(index), () => writeOperation(write))
      })
      .finish(request.options),
  response: (reply) => ({
    insertedCount: numberIn(reply, 'nInserted'),
    matchedCount: numberIn(reply, 'nMatched'),
    modifiedCount: numberIn(reply, 'nModified'),
    deletedCount: numberIn(reply, 'nDeleted'),
    upsertedCount: numberIn(reply, 'nUpserted'),
    upsertedIds: results(reply)
      .filter((each) => getField(each, 'upserted') !== undefined)
      .map((each) => ({ index: numberIn(each, 'idx'), id: idDocument(documentIn(each, 'upserted')!) })),
  }),
  failure: (reply) => {
    const failed = results(reply).find((each) => numberIn(each, 'ok') === 0)
    return failed === undefined ? failureOfWrites(reply) : (failureIn(failed, 0, reply) satisfies CallFailure)
  },
}

/** What the bulkWrite command says of the single writes. */
function results(reply: Uint8Array): Uint8Array[] {
  return documentsIn(cursorIn(reply)?.batch)
}

/** An operation of the bulkWrite command, on the one namespace there is. */
function writeOperation({ insertOne, update: change, replaceOne, delete: removal }: WriteModel): void {
  if (insertOne != null) {
    writer.int32('insert', 0).requiredDocument('document', insertOne.document)
  } else if (change != null) {
    writer.int32('update', 0).requiredDocument('filter', change.filter)
    writeOperators(change, 'updateMods')
    writer
      .boolean('multi', change.multi)
      .boolean('upsert', change.upsert)
      .optionalDocuments('arrayFilters', change.arrayFilters)
  } else if (replaceOne != null) {
    writer
      .int32('update', 0)
      .requiredDocument('filter', replaceOne.filter)
      .requiredDocument('updateMods', replacementOf(replaceOne.replacement))
      .boolean('upsert', replaceOne.upsert)
  } else if (removal != null) {
    writer.int32('delete', 0).requiredDocument('filter', removal.filter).boolean('multi', removal.multi)
  } else {
    throw new DatabaseError('FailedToParse', 'a write of a BulkWriteRequest says what it is')
  }
}

export const documentMethods = {
  FindOne: findOne,
  FindBatch: findBatch,
  AggregateBatch: aggregateBatch,
  GetMore: getMore,
  KillCursors: killCursors,
  Count: count,
  Distinct: distinct,
  Insert: insert,
  Update: update,
  Replace: replace,
  Delete: deletion,
  FindAndModify: findAndModify,
  BulkWrite: bulkWrite,
} satisfies UnaryMethods
