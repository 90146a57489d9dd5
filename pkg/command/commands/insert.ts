import { DatabaseError } from '../../base/errors.ts'
import { writeBatchMax } from '../../base/limits.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { checkCollectionUuid, collectionUuid } from '../collection-uuid.ts'
import { defineCommand, type Sequences } from '../definition.ts'
import { anyType, arrayType, booleanType, commandFields, integerType, strictBooleanType, uuidType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { refuse } from '../refuse.ts'
import { type StatementIds, statementIds, writeRetried } from '../retryable-write.ts'
import { refuseSystemWrite } from '../system-writes.ts'
import { acknowledgeWrites, endsCommand, type Failures, writeWriteErrors } from '../write-errors.ts'
import { insertAll } from '../write-insert.ts'

const fields = commandFields('insert', {
  insert: { type: anyType, required: true },
  documents: { type: arrayType },
  ordered: { type: strictBooleanType },
  bypassDocumentValidation: { type: booleanType },
  bypassEmptyTsReplacement: { type: booleanType },
  stmtId: { type: integerType },
  stmtIds: { type: arrayType },
  isTimeseriesNamespace: { type: booleanType },
  encryptionInformation: { type: anyType },
  collectionUUID: { type: uuidType },
})

export interface InsertRequest {
  readonly collection: string
  readonly documents: readonly Uint8Array[]
  readonly ordered: boolean
  readonly ids?: StatementIds
  /** Of the collection that is meant. */
  readonly uuid?: Uint8Array | undefined
}

export interface InsertResult extends Failures {
  inserted: number
  /** Statements of a retryable write that had been done before. */
  readonly retried?: readonly number[] | undefined
}

/** Inserts documents; a batch is one log entry and one wait for the disk. */
export const insert = defineCommand({
  name: 'insert',
  help: 'inserts documents',
  kind: 'writes',
  stable: true,
  writeConcern: true,
  retryableWrite: true,
  fields,
  parse: (database: string, sequences: Sequences): InsertRequest => {
    const at = fields.at
    refuse('encryptionInformation', fields.value(at.encryptionInformation))
    const collection = collectionNameOf(database, fields.type(at.insert), fields.bytes, fields.start(at.insert))
    const documents = statements('insert.documents', sequences.get('documents') ?? fields.documents(at.documents))
    return {
      collection,
      documents,
      ordered: !fields.has(at.ordered) || fields.boolean(at.ordered),
      ids: statementIds(fields, at.stmtId, at.stmtIds, documents.length),
      uuid: collectionUuid(fields, at.collectionUUID),
    }
  },
  run: (operation: Operation, request: InsertRequest): InsertResult | Promise<InsertResult> => {
    const { instance } = operation
    const target = { database: operation.databaseName, collection: request.collection }
    operation.namespace = `${target.database}.${target.collection}`
    checkCollectionUuid(operation, target.database, target.collection, request.uuid)
    refuseSystemWrite(operation, target.database, target.collection)
    operation.retry?.begin(request.ids)
    const result: InsertResult = { inserted: 0, errors: [], retried: operation.retry?.retried }
    const inserting = insertAll(
      operation,
      target,
      request.documents.slice(),
      0,
      () => {
        result.inserted++
      },
      (index, error) => {
        if (endsCommand(error)) throw error
        result.errors.push({ index, error })
        return !request.ordered
      },
    )
    const finish = (): InsertResult | Promise<InsertResult> => {
      instance.counters.insert += request.documents.length
      instance.counters.inserted += result.inserted
      return acknowledgeWrites(operation, result)
    }
    return inserting === undefined ? finish() : inserting.then(finish)
  },
  reply: (result: InsertResult, writer: BsonWriter) => {
    writer.int32('n', result.inserted)
    writeWriteErrors(writer, result)
    writeRetried(writer, result.retried)
  },
})

/** The statements of a write command; throws when there are none or too many. */
export function statements<Statement>(path: string, given: readonly Statement[] | undefined): readonly Statement[] {
  if (given === undefined)
    throw new DatabaseError('MissingField', `BSON field '${path}' is missing but a required field`)
  if (given.length === 0 || given.length > writeBatchMax)
    throw new DatabaseError(
      'InvalidLength',
      `Write batch sizes must be between 1 and ${writeBatchMax}. Got ${given.length} operations.`,
    )
  return given
}
