import { DatabaseError } from '../../base/errors.ts'
import type { Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { indexName } from '../../bson/writer.ts'
import { chooseCollationFor } from '../collation.ts'
import { checkCollectionUuid, collectionUuid } from '../collection-uuid.ts'
import { defineCommand, type Sequences } from '../definition.ts'
import { type Explanation, explainSearch, type Verbosity } from '../explanation.ts'
import {
  anyType,
  arrayType,
  booleanType,
  commandFields,
  Fields,
  integerType,
  objectType,
  strictBooleanType,
  uuidType,
} from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { refuse } from '../refuse.ts'
import { notRetryable, readUpdateResult, type StatementIds, statementIds, writeRetried } from '../retryable-write.ts'
import { readStatements, runStatements, type Statements } from '../statements.ts'
import { refuseSystemWrite } from '../system-writes.ts'
import { type UpdateOutcome, type UpdateRequest, updateDocuments } from '../write.ts'
import { acknowledgeWrites, type Failures, writeWriteErrors } from '../write-errors.ts'
import type { Target } from '../write-insert.ts'
import { statements } from './insert.ts'

const fields = commandFields('update', {
  update: { type: anyType, required: true },
  updates: { type: arrayType },
  ordered: { type: strictBooleanType },
  bypassDocumentValidation: { type: booleanType },
  bypassEmptyTsReplacement: { type: booleanType },
  let: { type: objectType },
  stmtId: { type: integerType },
  stmtIds: { type: arrayType },
  isTimeseriesNamespace: { type: booleanType },
  encryptionInformation: { type: anyType },
  collectionUUID: { type: uuidType },
})

const statementFields = new Fields('update.updates', {
  q: { type: objectType, required: true },
  u: { type: anyType, required: true },
  c: { type: objectType },
  arrayFilters: { type: arrayType },
  hint: { type: anyType },
  multi: { type: booleanType },
  upsert: { type: booleanType },
  upsertSupplied: { type: booleanType },
  collation: { type: objectType },
  sort: { type: objectType },
  sampleId: { type: anyType },
  allowShardKeyUpdatesWithoutFullShardKeyInQuery: { type: booleanType },
})

export interface UpdateCommand {
  readonly collection: string
  readonly updates: readonly UpdateRequest[]
  /** Of very many statements: reads those that are not in `updates` yet. */
  readonly rest?: Statements<UpdateRequest>['rest']
  readonly ordered: boolean
  readonly ids?: StatementIds
  /** Of the collection that is meant. */
  readonly uuid?: Uint8Array | undefined
}

export interface Upserted {
  readonly index: number
  readonly id: Value
}

export interface UpdateResult extends Failures {
  matched: number
  modified: number
  readonly upserted: Upserted[]
  /** Statements of a retryable write that had been done before. */
  readonly retried?: readonly number[] | undefined
}

/** Changes documents, one statement after the other. */
export const update = defineCommand({
  name: 'update',
  help: 'changes documents',
  kind: 'writes',
  stable: true,
  writeConcern: true,
  retryableWrite: true,
  fields,
  parse: (database: string, sequences: Sequences): UpdateCommand => {
    const at = fields.at
    refuse('encryptionInformation', fields.value(at.encryptionInformation))
    const collection = collectionNameOf(database, fields.type(at.update), fields.bytes, fields.start(at.update))
    const documents = statements('update.updates', sequences.get('updates') ?? fields.documents(at.updates))
    const { read, rest } = readStatements(documents, parseStatement)
    return {
      collection,
      updates: read,
      rest,
      ordered: !fields.has(at.ordered) || fields.boolean(at.ordered),
      ids: statementIds(fields, at.stmtId, at.stmtIds, documents.length),
      uuid: collectionUuid(fields, at.collectionUUID),
    }
  },
  readRest: (operation: Operation, { rest }: UpdateCommand) => rest?.(operation),
  run: (operation: Operation, request: UpdateCommand): UpdateResult | Promise<UpdateResult> => {
    const { instance } = operation
    const target = { database: operation.databaseName, collection: request.collection }
    operation.namespace = `${target.database}.${target.collection}`
    checkCollectionUuid(operation, target.database, target.collection, request.uuid)
    refuseSystemWrite(operation, target.database, target.collection)
    const retried = operation.retry?.retried
    operation.retry?.begin(request.ids)
    const result: UpdateResult = { matched: 0, modified: 0, upserted: [], errors: [], retried }
    const running = runStatements(operation, request.updates, request.ordered, result.errors, (statement, index) =>
      runStatement(operation, target, statement, index, result),
    )
    const finish = (): UpdateResult | Promise<UpdateResult> => {
      instance.counters.update += request.updates.length
      instance.counters.updated += result.modified
      return acknowledgeWrites(operation, result)
    }
    return running === undefined ? finish() : running.then(finish)
  },
  reply: (result: UpdateResult, writer: BsonWriter) => {
    writer.int32('n', result.matched + result.upserted.length)
    if (result.upserted.length > 0) {
      writer.beginArray('upserted')
      for (let i = 0; i < result.upserted.length; i++) {
        const { index, id } = result.upserted[i]!
        writer.beginDocument(indexName(i))
        writer.int32('index', index)
        writer.value('_id', id)
        writer.end()
      }
      writer.end()
    }
    writer.int32('nModified', result.modified)
    writeWriteErrors(writer, result)
    writeRetried(writer, result.retried)
  },
  explain: (operation: Operation, request: UpdateCommand, verbosity: Verbosity): Explanation | Promise<Explanation> => {
    const [statement, second] = request.updates
    if (statement === undefined || second !== undefined)
      throw new DatabaseError('InvalidLength', 'explained write batches must be of size 1')
    chooseCollationFor(operation, operation.databaseName, request.collection, statement.collation)
    return explainSearch(operation, request.collection, statement, statement.multi ? {} : { limit: 1 }, verbosity, {
      stage: 'UPDATE',
      upsert: statement.upsert,
    })
  },
})

/** Errors: FailedToParse. */
export function refuseSortOfMany({ multi, sort }: Pick<UpdateRequest, 'multi' | 'sort'>): void {
  if (multi && sort !== undefined) throw new DatabaseError('FailedToParse', 'Cannot specify sort with multi=true')
}

function parseStatement(statement: Uint8Array): UpdateRequest {
  const read = statementFields.read(statement, 0)
  const at = read.at
  const multi = read.boolean(at.multi)
  const sort = read.document(at.sort)
  refuseSortOfMany({ multi, sort })
  return {
    filter: read.document(at.q)!,
    update: read.value(at.u)!,
    multi,
    upsert: read.boolean(at.upsert),
    arrayFilters: read.documents(at.arrayFilters) ?? [],
    hint: read.value(at.hint),
    sort,
    constants: read.document(at.c),
    collation: read.document(at.collation),
  }
}

function runStatement(
  operation: Operation,
  target: Target,
  statement: UpdateRequest,
  index: number,
  result: UpdateResult,
): void | Promise<void> {
  const { retry } = operation
  const count = (done: UpdateOutcome): void => {
    result.matched += done.matched
    result.modified += done.modified
    if (done.upserted !== undefined) result.upserted.push({ index, id: done.upserted })
  }
  if (retry !== undefined) {
    const earlier = retry.earlier(index)
    if (earlier !== undefined) return count(readUpdateResult(earlier))
    if (statement.multi) throw notRetryable('multi=true')
  }
  const outcome = updateDocuments(operation, target, statement)
  if (outcome instanceof Promise) return outcome.then(count)
  count(outcome)
}
