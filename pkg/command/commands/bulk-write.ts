import { DocumentRows } from '../../aggregate/rows.ts'
import { DatabaseError } from '../../base/errors.ts'
import { documentSizeMax, writeBatchMax } from '../../base/limits.ts'
import type { Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { checkUpdateValue } from '../../query/update/parse.ts'
import type { Batch } from '../batch.ts'
import { chooseCollationFor } from '../collation.ts'
import { checkCollectionUuid, collectionUuid } from '../collection-uuid.ts'
import { type Definition, defineCommand, type Sequences } from '../definition.ts'
import { writeDetails } from '../error-reply.ts'
import {
  anyType,
  arrayType,
  booleanType,
  commandFields,
  Fields,
  integerType,
  numberType,
  objectType,
  strictBooleanType,
  stringType,
  uuidType,
} from '../fields.ts'
import { splitNamespace } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { Pace } from '../pace.ts'
import { openCursor } from '../read.ts'
import { refuse } from '../refuse.ts'
import {
  notRetryable,
  readDeleteResult,
  readUpdateResult,
  type StatementIds,
  statementIds,
  writeRetried,
} from '../retryable-write.ts'
import { readStatements, runStatements, type Statements } from '../statements.ts'
import { refuseSystemWrite } from '../system-writes.ts'
import { deleteDocuments, type UpdateOutcome, type UpdateRequest, updateDocuments } from '../write.ts'
import type { WriteError } from '../write-errors.ts'
import { insertAll, type Target } from '../write-insert.ts'
import { checkedHint } from './find.ts'
import { refuseSortOfMany } from './update.ts'

const fields = commandFields('bulkWrite', {
  bulkWrite: { type: anyType, required: true },
  ops: { type: arrayType },
  nsInfo: { type: arrayType },
  ordered: { type: strictBooleanType },
  errorsOnly: { type: strictBooleanType },
  bypassDocumentValidation: { type: booleanType },
  bypassEmptyTsReplacement: { type: booleanType },
  cursor: { type: objectType },
  let: { type: objectType },
  stmtId: { type: integerType },
  stmtIds: { type: arrayType },
})

const namespaceFields = new Fields('bulkWrite.nsInfo', {
  ns: { type: stringType, required: true },
  collectionUUID: { type: uuidType },
  encryptionInformation: { type: anyType },
  isTimeseriesNamespace: { type: booleanType },
})
const insertFields = new Fields('bulkWrite.insert', {
  insert: { type: numberType, required: true },
  document: { type: objectType, required: true },
})
const updateFields = new Fields('bulkWrite.update', {
  update: { type: numberType, required: true },
  filter: { type: objectType, required: true },
  updateMods: { type: anyType, required: true },
  multi: { type: strictBooleanType },
  upsert: { type: strictBooleanType },
  upsertSupplied: { type: booleanType },
  arrayFilters: { type: arrayType },
  hint: { type: anyType },
  sort: { type: objectType },
  collation: { type: objectType },
  constants: { type: objectType },
  sampleId: { type: anyType },
  allowShardKeyUpdatesWithoutFullShardKeyInQuery: { type: booleanType },
})
const deleteFields = new Fields('bulkWrite.delete', {
  delete: { type: numberType, required: true },
  filter: { type: objectType, required: true },
  multi: { type: strictBooleanType },
  hint: { type: anyType },
  collation: { type: objectType },
  sampleId: { type: anyType },
})
const cursorFields = new Fields('bulkWrite.cursor', { batchSize: { type: numberType, min: 0 } })

type BulkOperation =
  | { readonly kind: 'insert'; readonly target: BulkTarget; readonly document: Uint8Array }
  | { readonly kind: 'update'; readonly target: BulkTarget; readonly update: UpdateRequest }
  | {
      readonly kind: 'delete'
      readonly target: BulkTarget
      readonly filter: Uint8Array
      readonly multi: boolean
      readonly hint: Value | undefined
      readonly collation?: Uint8Array | undefined
    }

export interface BulkWriteCommand {
  readonly operations: readonly BulkOperation[]
  /** Of very many operations: reads those that are not in `operations` yet. */
  readonly rest?: Statements<BulkOperation>['rest']
  readonly ordered: boolean
  readonly errorsOnly: boolean
  readonly batchSize: number | undefined
  readonly ids?: StatementIds
}

interface Totals {
  inserted: number
  matched: number
  modified: number
  upserted: number
  deleted: number
  errors: number
}

interface Result {
  readonly totals: Totals
  readonly batch: Batch
  readonly retried: readonly number[] | undefined
}

/** Inserts, updates and deletes over several collections in one command. */
export const bulkWrite: Definition<BulkWriteCommand, Result> = defineCommand({
  name: 'bulkWrite',
  help: 'inserts, updates and deletes over several collections',
  kind: 'writes',
  adminOnly: true,
  stable: true,
  writeConcern: true,
  retryableWrite: true,
  fields,
  parse: (_: string, sequences: Sequences): BulkWriteCommand => {
    const at = fields.at
    const ops = given('ops', sequences.get('ops') ?? fields.documents(at.ops))
    const nsInfo = given('nsInfo', sequences.get('nsInfo') ?? fields.documents(at.nsInfo))
    if (ops.length === 0 || ops.length > writeBatchMax)
      throw new DatabaseError(
        'InvalidLength',
        `May not specify an empty array for ops or more than ${writeBatchMax}; got ${ops.length}`,
      )
    const targets = nsInfo.map(parseTarget)
    const cursor = fields.document(at.cursor)
    const { read, rest } = readStatements(ops, (op) => parseOperation(op, targets))
    return {
      operations: read,
      rest,
      ordered: !fields.has(at.ordered) || fields.boolean(at.ordered),
      errorsOnly: fields.boolean(at.errorsOnly),
      ids: statementIds(fields, at.stmtId, at.stmtIds, ops.length),
      batchSize: cursor === undefined ? undefined : cursorFields.read(cursor, 0).number(cursorFields.at.batchSize),
    }
  },
  readRest: (operation: Operation, { rest }: BulkWriteCommand) => rest?.(operation),
  run: async (operation: Operation, request: BulkWriteCommand): Promise<Result> => {
    const totals: Totals = { inserted: 0, matched: 0, modified: 0, upserted: 0, deleted: 0, errors: 0 }
    operation.retry?.begin(request.ids)
    const replies: Uint8Array[] = []
    const errors: WriteError[] = []
    const run = (op: BulkOperation, index: number): void | Promise<void> =>
      runOperation(operation, op, index, request, totals, replies)
    let reported = 0
    const running = runStatements(operation, request.operations, request.ordered, errors, (op, index) => {
      reported = reportErrors(errors, reported, replies)
      return run(op, index)
    })
    if (running !== undefined) await running
    reportErrors(errors, reported, replies)
    totals.errors = errors.length
    const pace = new Pace(operation)
    const batch = await openCursor(operation, new DocumentRows(replies, pace.due), {
      namespace: 'admin.$cmd.bulkWrite',
      pace,
      batchSize: request.batchSize ?? replies.length + 1,
      limit: replies.length,
    })
    return operation.acknowledge(
      { totals, batch, retried: operation.retry?.retried },
      operation.instance.engine.lastIndex,
    )
  },
  reply: ({ totals, batch, retried }: Result, writer: BsonWriter) => {
    batch.writeCursor(writer, 'firstBatch')
    writer.int32('nErrors', totals.errors)
    writer.int32('nInserted', totals.inserted)
    writer.int32('nMatched', totals.matched)
    writer.int32('nModified', totals.modified)
    writer.int32('nUpserted', totals.upserted)
    writer.int32('nDeleted', totals.deleted)
    writeRetried(writer, retried)
  },
})

interface BulkTarget extends Target {
  readonly uuid: Uint8Array | undefined
}

function parseTarget(document: Uint8Array): BulkTarget {
  const read = namespaceFields.read(document, 0)
  refuse('encryptionInformation', read.value(read.at.encryptionInformation))
  return { ...splitNamespace(read.string(read.at.ns)!), uuid: collectionUuid(read, read.at.collectionUUID) }
}

function given(name: string, documents: readonly Uint8Array[] | undefined): readonly Uint8Array[] {
  if (documents === undefined)
    throw new DatabaseError('MissingField', `BSON field 'bulkWrite.${name}' is missing but a required field`)
  return documents
}

function parseOperation(document: Uint8Array, targets: readonly BulkTarget[]): BulkOperation {
  switch (firstName(document)) {
    case 'insert': {
      const read = insertFields.read(document, 0)
      return {
        kind: 'insert',
        target: targetAt(targets, read.number(read.at.insert)!),
        document: read.document(read.at.document)!,
      }
    }
    case 'update':
      return parseUpdate(document, targets)
    case 'delete': {
      const read = deleteFields.read(document, 0)
      return {
        kind: 'delete',
        target: targetAt(targets, read.number(read.at.delete)!),
        filter: read.document(read.at.filter)!,
        multi: read.boolean(read.at.multi),
        hint: checkedHint(read.value(read.at.hint)),
        collation: read.document(read.at.collation),
      }
    }
    default:
      throw new DatabaseError('UnknownField', `BSON field 'bulkWrite.ops.${firstName(document)}' is an unknown field.`)
  }
}

function parseUpdate(document: Uint8Array, targets: readonly BulkTarget[]): BulkOperation {
  const read = updateFields.read(document, 0)
  const at = read.at
  const update = read.value(at.updateMods)!
  checkUpdateValue(update)
  return {
    kind: 'update',
    target: targetAt(targets, read.number(at.update)!),
    update: {
      filter: read.document(at.filter)!,
      update,
      multi: read.boolean(at.multi),
      upsert: read.boolean(at.upsert),
      arrayFilters: read.documents(at.arrayFilters) ?? [],
      hint: checkedHint(read.value(at.hint)),
      sort: read.document(at.sort),
      constants: read.document(at.constants),
      collation: read.document(at.collation),
    },
  }
}

function firstName(document: Uint8Array): string {
  if (document[4] === 0) return ''
  let end = 5
  while (document[end] !== 0) end++
  return new TextDecoder().decode(document.subarray(5, end))
}

function targetAt(targets: readonly BulkTarget[], index: number): BulkTarget {
  const target = targets[index]
  if (target === undefined) throw new DatabaseError('BadValue', `BulkWrite ops entry has an invalid nsInfo index.`)
  return target
}

function runOperation(
  operation: Operation,
  op: BulkOperation,
  index: number,
  request: BulkWriteCommand,
  totals: Totals,
  replies: Uint8Array[],
): void | Promise<void> {
  const { counters } = operation.instance
  const succeed = (n: number, modified?: number, upserted?: Value): void => {
    if (!request.errorsOnly) replies.push(successReply(index, n, modified, upserted))
  }
  checkCollectionUuid(operation, op.target.database, op.target.collection, op.target.uuid)
  refuseSystemWrite(operation, op.target.database, op.target.collection)
  switch (op.kind) {
    case 'insert': {
      counters.insert++
      if (op.document.length > documentSizeMax)
        throw new DatabaseError(
          'BSONObjectTooLarge',
          `object to insert too large. size in bytes: ${op.document.length}, max size: ${documentSizeMax}`,
        )
      const done = insertAll(
        operation,
        op.target,
        [op.document],
        index,
        () => {
          totals.inserted++
          counters.inserted++
        },
        (_, error) => {
          throw error
        },
      )
      if (done !== undefined) return done.then(() => succeed(1))
      return succeed(1)
    }
    case 'update': {
      counters.update++
      const count = ({ matched, modified, upserted }: UpdateOutcome): void => {
        totals.matched += matched
        totals.modified += modified
        if (upserted !== undefined) totals.upserted++
        counters.updated += modified
        succeed(upserted === undefined ? matched : 1, modified, upserted)
      }
      const earlier = operation.retry?.earlier(index)
      if (earlier !== undefined) return count(readUpdateResult(earlier))
      if (operation.retry !== undefined && op.update.multi) throw notRetryable('multi=true')
      refuseSortOfMany(op.update)
      const outcome = updateDocuments(operation, op.target, op.update)
      return outcome instanceof Promise ? outcome.then(count) : count(outcome)
    }
    case 'delete': {
      counters.delete++
      const count = (n: number): void => {
        totals.deleted += n
        counters.deleted += n
        succeed(n)
      }
      const earlier = operation.retry?.earlier(index)
      if (earlier !== undefined) return count(readDeleteResult(earlier))
      if (operation.retry !== undefined && op.multi) throw notRetryable('multi=true')
      chooseCollationFor(operation, op.target.database, op.target.collection, op.collation)
      const removed = deleteDocuments(operation, op.target, op.filter, op.multi ? 0 : 1, op.hint)
      return removed instanceof Promise ? removed.then(count) : count(removed)
    }
  }
}

function successReply(index: number, n: number, modified: number | undefined, upserted: Value | undefined): Uint8Array {
  const writer = new BsonWriter(128)
  writer.beginDocument()
  writer.double('ok', 1)
  writer.int32('idx', index)
  writer.int32('n', n)
  if (modified !== undefined) writer.int32('nModified', modified)
  if (upserted !== undefined) {
    writer.beginDocument('upserted')
    writer.value('_id', upserted)
    writer.end()
  }
  writer.end()
  return writer.finish()
}

/** Replies for the errors from `from` on; returns how many errors there are by now. */
function reportErrors(errors: readonly WriteError[], from: number, replies: Uint8Array[]): number {
  for (let i = from; i < errors.length; i++) {
    const { index, error } = errors[i]!
    const writer = new BsonWriter(256)
    writer.beginDocument()
    writer.double('ok', 0)
    writer.int32('idx', index)
    writer.int32('code', error.code)
    writer.string('errmsg', error.message)
    writeDetails(writer, error.details)
    writer.int32('n', 0)
    writer.end()
    replies.push(writer.finish())
  }
  return errors.length
}
