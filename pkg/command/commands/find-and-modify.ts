import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { getField } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { compileProjection, type Project } from '../../query/projection/compile.ts'
import { chooseCollationFor } from '../collation.ts'
import { type Definition, defineCommand } from '../definition.ts'
import { explainSearch } from '../explanation.ts'
import { anyType, arrayType, booleanType, commandFields, integerType, objectType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { refuse } from '../refuse.ts'
import { type ImageRecord, readImageResult, type StatementIds, statementIds } from '../retryable-write.ts'
import { settled } from '../settled.ts'
import { refuseSystemWrite } from '../system-writes.ts'
import { expressionOptions } from '../variables.ts'
import { type Change, type ChangeRequest, changeFirst } from '../write.ts'
import { emptyDocument, parsedProjection, parseHint } from './find.ts'

const fields = commandFields('findAndModify', {
  findAndModify: { type: anyType },
  findandmodify: { type: anyType },
  query: { type: objectType },
  fields: { type: objectType },
  sort: { type: objectType },
  hint: { type: anyType },
  remove: { type: booleanType },
  update: { type: anyType },
  new: { type: booleanType },
  upsert: { type: booleanType },
  arrayFilters: { type: arrayType },
  collation: { type: objectType },
  let: { type: objectType },
  bypassDocumentValidation: { type: booleanType },
  bypassEmptyTsReplacement: { type: booleanType },
  stmtId: { type: integerType },
  sampleId: { type: anyType },
  encryptionInformation: { type: anyType },
})

export interface FindAndModifyCommand extends ChangeRequest {
  readonly collection: string
  readonly projection: Uint8Array | undefined
  readonly ids?: StatementIds
  readonly collation?: Uint8Array | undefined
}

export interface FindAndModifyResult {
  readonly change: Change
  readonly isUpdate: boolean
  /** What is shown: projected. */
  readonly value: Uint8Array | undefined
  /** Its statement's number, when it had been done before. */
  readonly retried?: number | undefined
}

/** Changes or removes one document and returns it. */
export const findAndModify: Definition<FindAndModifyCommand, FindAndModifyResult> = defineCommand({
  name: 'findAndModify',
  aliases: ['findandmodify'],
  help: 'changes or removes one document and returns it',
  kind: 'writes',
  stable: true,
  writeConcern: true,
  retryableWrite: true,
  fields,
  parse: (database: string): FindAndModifyCommand => {
    const at = fields.at
    refuse('encryptionInformation', fields.value(at.encryptionInformation))
    const named = fields.has(at.findAndModify) ? at.findAndModify : at.findandmodify
    checkCombination()
    const filter = fields.document(at.query) ?? emptyDocument
    const update = isGiven(at.update) ? fields.value(at.update) : undefined
    const hint = parseHint(fields.value(at.hint))
    const sort = fields.document(at.sort)
    return {
      collection: collectionNameOf(database, fields.type(named), fields.bytes, fields.start(named)),
      filter,
      sort,
      projection: fields.document(at.fields),
      hint,
      update:
        update === undefined
          ? undefined
          : {
              filter,
              update,
              multi: false,
              upsert: fields.boolean(at.upsert),
              arrayFilters: fields.documents(at.arrayFilters) ?? [],
              hint,
              sort,
              collation: fields.document(at.collation),
            },
      showAfter: fields.boolean(at.new),
      ids: statementIds(fields, at.stmtId, undefined, 1),
      collation: fields.document(at.collation),
    }
  },
  run: (operation: Operation, request: FindAndModifyCommand): FindAndModifyResult | Promise<FindAndModifyResult> => {
    const { instance } = operation
    const target = { database: operation.databaseName, collection: request.collection }
    operation.namespace = `${target.database}.${target.collection}`
    refuseSystemWrite(operation, target.database, target.collection)
    chooseCollationFor(operation, target.database, target.collection, request.collation)
    const options = expressionOptions(operation)
    const projection = parsedProjection(request.projection, { ...options, filter: request.filter })
    const project = projection && compileProjection(projection)
    const finish = (done: Change): FindAndModifyResult | Promise<FindAndModifyResult> => {
      const shown = request.showAfter ? done.after : done.before
      if (request.update === undefined) instance.counters.delete++
      else instance.counters.update++
      const logIndex = instance.engine.lastIndex
      const show = (value: Uint8Array | undefined): FindAndModifyResult | Promise<FindAndModifyResult> => {
        const result = {
          change: done,
          isUpdate: request.update !== undefined,
          value,
          retried: operation.retry?.retried[0],
        }
        return operation.acknowledge(result, logIndex)
      }
      if (shown === undefined || project === undefined) return show(shown)
      const value = settled(operation, () => projected(shown, project))
      return value instanceof Promise ? value.then(show) : show(value)
    }
    if (operation.retry !== undefined) {
      operation.retry.begin(request.ids)
      const earlier = operation.retry.earlier(0)
      if (earlier !== undefined) return finish(changeDoneBefore(request, readImageResult(earlier)))
    }
    const change = changeFirst(operation, target, request)
    return change instanceof Promise ? change.then(finish) : finish(change)
  },
  reply: ({ change, isUpdate, value, retried }: FindAndModifyResult, writer: BsonWriter) => {
    const inserted = change.before === undefined && change.after !== undefined
    writer.beginDocument('lastErrorObject')
    writer.int32('n', change.before !== undefined || inserted ? 1 : 0)
    if (isUpdate) writer.boolean('updatedExisting', change.before !== undefined)
    if (inserted) writer.value('upserted', getField(change.after, '_id')!)
    writer.end()
    if (value === undefined) writer.null('value')
    else writer.document('value', value)
    if (retried !== undefined) writer.int32('retriedStmtId', retried)
  },
  explain: (operation, request, verbosity) => {
    chooseCollationFor(operation, operation.databaseName, request.collection, request.collation)
    return explainSearch(
      operation,
      request.collection,
      { filter: request.filter, sort: request.sort, hint: request.hint },
      { limit: 1 },
      verbosity,
      request.update === undefined
        ? { stage: 'DELETE', returnsDocument: true }
        : { stage: 'UPDATE', returnsDocument: true, upsert: request.update.upsert },
    )
  },
})

/** The change of an earlier attempt. Errors: 40611 and 40612 when the document that is asked for now was not kept. */
function changeDoneBefore({ update, showAfter }: FindAndModifyCommand, record: ImageRecord): Change {
  if (record.isUpdate !== (update !== undefined))
    throw new DatabaseError(
      40606,
      `findAndModify retry request is not compatible with previous write in the transaction of type: ${record.isUpdate ? 'update' : 'delete'}`,
    )
  if (record.hadBefore && record.isAfter !== showAfter)
    throw showAfter
      ? new DatabaseError(
          40611,
          'findAndModify retry request wants the document after update returned, but only before update document is stored',
        )
      : new DatabaseError(
          40612,
          'findAndModify retry request wants the document before update returned, but only after update document is stored',
        )
  const image = record.image
  if (record.isAfter) return { before: record.hadBefore ? image : undefined, after: image }
  return { before: image, after: record.hasAfter ? image : undefined }
}

function projected(document: Uint8Array, project: Project): Uint8Array {
  const writer = new BsonWriter(document.length)
  project(document, 0, document.length, writer)
  return writer.finish()
}

function checkCombination(): void {
  const at = fields.at
  const remove = fields.boolean(at.remove)
  const fail = (message: string): never => {
    throw new DatabaseError('FailedToParse', message)
  }
  if (remove) {
    if (isGiven(at.update)) fail('Cannot specify both an update and remove=true')
    if (fields.boolean(at.upsert)) fail('Cannot specify both upsert=true and remove=true ')
    if (fields.boolean(at.new))
      fail(`Cannot specify both new=true and remove=true; 'remove' always returns the deleted document`)
    if (fields.has(at.arrayFilters)) fail('Cannot specify arrayFilters and remove=true')
  } else if (!isGiven(at.update)) {
    fail('Either an update or remove=true must be specified')
  }
}

function isGiven(field: number): boolean {
  return fields.has(field) && fields.type(field) !== bsonType.null
}
