import { DatabaseError } from '../../base/errors.ts'
import type { Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
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
  numberType,
  objectType,
  strictBooleanType,
  uuidType,
} from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { refuse } from '../refuse.ts'
import { notRetryable, readDeleteResult, type StatementIds, statementIds, writeRetried } from '../retryable-write.ts'
import { readStatements, runStatements, type Statements } from '../statements.ts'
import { refuseSystemWrite } from '../system-writes.ts'
import { deleteDocuments } from '../write.ts'
import { acknowledgeWrites, type Failures, writeWriteErrors } from '../write-errors.ts'
import { statements } from './insert.ts'

const fields = commandFields('delete', {
  delete: { type: anyType, required: true },
  deletes: { type: arrayType },
  ordered: { type: strictBooleanType },
  bypassDocumentValidation: { type: booleanType },
  let: { type: objectType },
  stmtId: { type: integerType },
  stmtIds: { type: arrayType },
  isTimeseriesNamespace: { type: booleanType },
  encryptionInformation: { type: anyType },
  collectionUUID: { type: uuidType },
})

const statementFields = new Fields('delete.deletes', {
  q: { type: objectType, required: true },
  limit: { type: numberType, required: true },
  hint: { type: anyType },
  collation: { type: objectType },
  sampleId: { type: anyType },
})

export interface DeleteStatement {
  readonly filter: Uint8Array
  /** 0: all that match. */
  readonly limit: 0 | 1
  readonly hint: Value | undefined
  readonly collation?: Uint8Array | undefined
}

export interface DeleteRequest {
  readonly collection: string
  readonly deletes: readonly DeleteStatement[]
  /** Of very many statements: reads those that are not in `deletes` yet. */
  readonly rest?: Statements<DeleteStatement>['rest']
  readonly ordered: boolean
  readonly ids?: StatementIds
  /** Of the collection that is meant. */
  readonly uuid?: Uint8Array | undefined
}

export interface DeleteResult extends Failures {
  removed: number
  /** Statements of a retryable write that had been done before. */
  readonly retried?: readonly number[] | undefined
}

/** Removes documents, one statement after the other. */
export const deleteCommand = defineCommand({
  name: 'delete',
  help: 'removes documents',
  kind: 'writes',
  stable: true,
  writeConcern: true,
  retryableWrite: true,
  fields,
  parse: (database: string, sequences: Sequences): DeleteRequest => {
    const at = fields.at
    refuse('encryptionInformation', fields.value(at.encryptionInformation))
    const collection = collectionNameOf(database, fields.type(at.delete), fields.bytes, fields.start(at.delete))
    const documents = statements('delete.deletes', sequences.get('deletes') ?? fields.documents(at.deletes))
    const { read, rest } = readStatements(documents, parseStatement)
    return {
      collection,
      deletes: read,
      rest,
      ordered: !fields.has(at.ordered) || fields.boolean(at.ordered),
      ids: statementIds(fields, at.stmtId, at.stmtIds, documents.length),
      uuid: collectionUuid(fields, at.collectionUUID),
    }
  },
  readRest: (operation: Operation, { rest }: DeleteRequest) => rest?.(operation),
  run: (operation: Operation, request: DeleteRequest): DeleteResult | Promise<DeleteResult> => {
    const { instance } = operation
    const target = { database: operation.databaseName, collection: request.collection }
    operation.namespace = `${target.database}.${target.collection}`
    checkCollectionUuid(operation, target.database, target.collection, request.uuid)
    refuseSystemWrite(operation, target.database, target.collection)
    const { retry } = operation
    retry?.begin(request.ids)
    const result: DeleteResult = { removed: 0, errors: [], retried: retry?.retried }
    const running = runStatements(operation, request.deletes, request.ordered, result.errors, (statement, index) => {
      if (retry !== undefined) {
        const earlier = retry.earlier(index)
        if (earlier !== undefined) {
          result.removed += readDeleteResult(earlier)
          return
        }
        if (statement.limit === 0) throw notRetryable('limit=0')
      }
      chooseCollationFor(operation, target.database, target.collection, statement.collation)
      const removed = deleteDocuments(operation, target, statement.filter, statement.limit, statement.hint)
      if (!(removed instanceof Promise)) {
        result.removed += removed
        return
      }
      return removed.then((count) => {
        result.removed += count
      })
    })
    const finish = (): DeleteResult | Promise<DeleteResult> => {
      instance.counters.delete += request.deletes.length
      instance.counters.deleted += result.removed
      return acknowledgeWrites(operation, result)
    }
    return running === undefined ? finish() : running.then(finish)
  },
  reply: (result: DeleteResult, writer: BsonWriter) => {
    writer.int32('n', result.removed)
    writeWriteErrors(writer, result)
    writeRetried(writer, result.retried)
  },
  explain: (operation: Operation, request: DeleteRequest, verbosity: Verbosity): Explanation | Promise<Explanation> => {
    const [statement, second] = request.deletes
    if (statement === undefined || second !== undefined)
      throw new DatabaseError('InvalidLength', 'explained write batches must be of size 1')
    chooseCollationFor(operation, operation.databaseName, request.collection, statement.collation)
    const what = { filter: statement.filter, sort: undefined, hint: statement.hint }
    const window = statement.limit === 0 ? {} : { limit: 1 }
    return explainSearch(operation, request.collection, what, window, verbosity, { stage: 'DELETE' })
  },
})

function parseStatement(statement: Uint8Array): DeleteStatement {
  const read = statementFields.read(statement, 0)
  const at = read.at
  const limit = read.number(at.limit)!
  if (limit !== 0 && limit !== 1)
    throw new DatabaseError('FailedToParse', `The limit field in delete objects must be 0 or 1. Got ${limit}`)
  return { filter: read.document(at.q)!, limit, hint: read.value(at.hint), collation: read.document(at.collation) }
}
