import type { Rows } from '../../aggregate/rows.ts'
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, getField, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Collection, RecordRef } from '../../engine/collection.ts'
import { noWork } from '../../query/execute-source.ts'
import type { KeyRangeRequest } from '../../query/plan-range.ts'
import { type ProjectionOptions, parseProjection } from '../../query/projection/parse.ts'
import type { Projection } from '../../query/projection/tree.ts'
import { checkMetadata } from '../../query/row-metadata.ts'
import type { Batch } from '../batch.ts'
import { chooseCollation, chooseCollationFor } from '../collation.ts'
import { traitsOf } from '../collection-traits.ts'
import type { Tail } from '../cursor.ts'
import { defineCommand } from '../definition.ts'
import { findsById, idEqualityAt, idValueStart } from '../document.ts'
import { type Explanation, explainSearch, type Verbosity } from '../explanation.ts'
import { anyType, booleanType, commandFields, numberType, objectType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { Pace } from '../pace.ts'
import { openCursor } from '../read.ts'
import { ReadView } from '../read-view.ts'
import { refuse } from '../refuse.ts'
import { Search } from '../search.ts'
import { KeyRows, ProjectedRows, RecordIdRows } from '../shown-rows.ts'
import { TailableRows } from '../tailable-rows.ts'
import { expressionOptions } from '../variables.ts'
import { refuseTailingView } from '../view.ts'
import { openView, readsByPipeline } from '../view-rows.ts'

const fields = commandFields('find', {
  find: { type: anyType, required: true },
  filter: { type: objectType },
  sort: { type: objectType },
  projection: { type: objectType },
  hint: { type: anyType },
  skip: { type: numberType, min: 0 },
  limit: { type: numberType, min: 0 },
  batchSize: { type: numberType, min: 0 },
  singleBatch: { type: booleanType },
  noCursorTimeout: { type: booleanType },
  allowDiskUse: { type: booleanType },
  allowPartialResults: { type: booleanType },
  tailable: { type: booleanType },
  awaitData: { type: booleanType },
  oplogReplay: { type: booleanType },
  min: { type: objectType },
  max: { type: objectType },
  returnKey: { type: booleanType },
  showRecordId: { type: booleanType },
  collation: { type: objectType },
  let: { type: objectType },
  readOnce: { type: booleanType },
  term: { type: numberType },
  includeQueryStatsMetrics: { type: anyType },
  allowSpeculativeMajorityRead: { type: booleanType },
  requestResumeToken: { type: booleanType },
  querySettings: { type: objectType },
})

export interface FindCommand {
  readonly collection: string
  readonly filter: Uint8Array
  readonly sort: Uint8Array | undefined
  readonly projection: Uint8Array | undefined
  readonly hint: Value | undefined
  readonly skip: number
  /** 0: no limit. */
  readonly limit: number
  readonly batchSize: number | undefined
  readonly singleBatch: boolean
  readonly noCursorTimeout: boolean
  readonly tailable: boolean
  readonly awaitData: boolean
  /** Whether a large sort may use the disk; undefined: it may. */
  readonly allowDiskUse?: boolean | undefined
  /** The part of the hinted index to look at. */
  readonly keyRange?: KeyRangeRequest | undefined
  /** Index keys are shown instead of documents. */
  readonly returnKey?: boolean
  readonly showRecordId?: boolean
  /** The name of an option that views do not take. */
  readonly cursorOption?: string | undefined
  readonly collation?: Uint8Array | undefined
}

export const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])

/** Documents that match a filter. */
export const find = defineCommand({
  name: 'find',
  help: 'documents that match a filter',
  kind: 'reads',
  stable: true,
  readConcern: true,
  snapshotReads: true,
  fields,
  parse: (database: string): FindCommand => {
    const at = fields.at
    checkOptions()
    return {
      collection: collectionNameOf(database, fields.type(at.find), fields.bytes, fields.start(at.find)),
      // Copies: a cursor may outlive the message.
      filter: fields.document(at.filter)?.slice() ?? emptyDocument,
      sort: fields.document(at.sort)?.slice(),
      projection: fields.document(at.projection)?.slice(),
      hint: parseHint(fields.value(at.hint)),
      skip: fields.number(at.skip) ?? 0,
      limit: fields.number(at.limit) ?? 0,
      batchSize: fields.number(at.batchSize),
      singleBatch: fields.boolean(at.singleBatch),
      noCursorTimeout: fields.boolean(at.noCursorTimeout),
      tailable: fields.boolean(at.tailable),
      awaitData: fields.boolean(at.awaitData),
      allowDiskUse: fields.has(at.allowDiskUse) ? fields.boolean(at.allowDiskUse) : undefined,
      keyRange: parseKeyRange(fields.document(at.min), fields.document(at.max)),
      returnKey: fields.boolean(at.returnKey),
      showRecordId: fields.boolean(at.showRecordId),
      cursorOption: cursorOption(),
      collation: fields.document(at.collation)?.slice(),
    }
  },
  run: (operation: Operation, request: FindCommand): Batch | Promise<Batch> => {
    const { instance } = operation
    if (!operation.isAgain) instance.counters.query++
    const collection = operation.workspace.collection(operation.databaseName, request.collection)
    if (operation.statement !== undefined) refuseInTransaction(request)
    if (request.tailable) refuseTailingView(collection)
    const namespace = `${operation.databaseName}.${request.collection}`
    operation.namespace = namespace
    chooseCollation(operation, collection, request.collation)
    if (readsByPipeline(operation, request.collection, collection)) {
      // The buckets of a time series are a collection to whoever names them, and say so in what they can do with a cursor.
      const isView = collection !== undefined
      refuseOfViews(isView ? request : { ...request, cursorOption: undefined })
      return findInView(operation, request, namespace)
    }
    if (collection !== undefined && isPlain(request) && !operation.workspace.isPast) {
      const at = idEqualityAt(request.filter)
      if (at >= 0 && findsById(collection, operation.collation, request.filter, at))
        return findById(operation, collection, request.filter, at, namespace)
    }
    const options = expressionOptions(operation)
    const search = new Search(request.filter, request.sort, request.hint, options, request.projection)
    const projection = parsedProjection(request.projection, { ...options, filter: request.filter })
    if (projection !== undefined) checkMetadata(projection, search.sort)
    if (collection === undefined) return instance.batches.take(namespace)
    const view = new ReadView(operation.workspace)
    const pace = new Pace(operation)
    const tail = request.tailable ? openTail(collection, search, request, pace) : undefined
    const rows =
      tail === undefined
        ? openRows(operation, collection, search, request, projection, pace, view)
        : projection === undefined
          ? tail.rows
          : new ProjectedRows(tail.rows, projection, pace)
    const batch = openCursor(operation, rows, {
      namespace,
      ...(tail === undefined ? { view } : { tail }),
      pace,
      batchSize: request.batchSize,
      singleBatch: request.singleBatch,
      noTimeout: request.noCursorTimeout,
      ...(request.limit === 0 ? {} : { limit: request.limit }),
    })
    if (!(batch instanceof Promise)) {
      instance.counters.returned += batch.count
      return batch
    }
    return batch.then((done) => {
      instance.counters.returned += done.count
      return done
    })
  },
  reply: (batch: Batch, writer: BsonWriter) => batch.writeCursor(writer, 'firstBatch'),
  explain: (operation: Operation, request: FindCommand, verbosity: Verbosity): Explanation | Promise<Explanation> => {
    chooseCollationFor(operation, operation.databaseName, request.collection, request.collation)
    return explainSearch(
      operation,
      request.collection,
      {
        filter: request.filter,
        sort: request.sort,
        hint: request.hint,
        projectionDocument: request.projection,
        returnKey: request.returnKey,
        projection: parsedProjection(request.projection, { ...expressionOptions(operation), filter: request.filter }),
      },
      { skip: request.skip, limit: request.limit, keyRange: request.keyRange },
      verbosity,
    )
  },
})

/** The rows of a request as they are shown. */
function openRows(
  { instance }: Operation,
  collection: Collection,
  search: Search,
  request: FindCommand,
  projection: Projection | undefined,
  pace: Pace,
  view: ReadView,
): Rows {
  const found = search.open(pace, collection, view.at, {
    skip: request.skip,
    limit: request.limit,
    temporaryFile: request.allowDiskUse === false ? undefined : () => instance.engine.temporaryFiles.open(),
    keyRange: request.keyRange,
    // A key is made of the document.
    projection: request.returnKey === true ? undefined : projection,
  })
  const shown =
    request.returnKey === true
      ? new KeyRows(found)
      : projection === undefined
        ? found
        : new ProjectedRows(found, projection, pace)
  return request.showRecordId === true ? new RecordIdRows(shown, found) : shown
}

/** Errors: BadValue when the collection is not capped, or another order is asked for than that of insertion. */
function openTail(
  collection: Collection,
  search: Search,
  request: FindCommand,
  pace: Pace,
): Tail & { readonly rows: TailableRows } {
  if (traitsOf(collection).capped === undefined)
    throw new DatabaseError(
      'BadValue',
      `error processing query: ns=${collection.namespace} tailable cursor requested on non capped collection`,
    )
  if (search.sort !== undefined && search.sort.natural !== 1)
    throw new DatabaseError('BadValue', 'cannot use tailable option with a sort other than {$natural: 1}')
  const matches = (bytes: Uint8Array, start: number): boolean => search.matches(bytes, start)
  return {
    rows: new TailableRows(collection, matches, request.skip, pace),
    awaitData: request.awaitData,
  }
}

function findInView(operation: Operation, request: FindCommand, namespace: string): Batch | Promise<Batch> {
  const view = new ReadView(operation.workspace)
  const pace = new Pace(operation)
  return openCursor(operation, openView(operation, request, pace, view), {
    namespace,
    view,
    pace,
    batchSize: request.batchSize,
    singleBatch: request.singleBatch,
    noTimeout: request.noCursorTimeout,
  })
}

/** Of the options that mean nothing but to a client's cursor, the one that a pipeline has not. */
function cursorOption(): string | undefined {
  const { at } = fields
  if (fields.boolean(at.noCursorTimeout)) return 'noCursorTimeout'
  if (fields.boolean(at.allowPartialResults)) return 'allowPartialResults'
  // One document in one batch is what findOne of the drivers asks for.
  if (fields.boolean(at.singleBatch) && fields.number(at.limit) !== 1) return 'singleBatch'
  return fields.boolean(at.readOnce) ? 'readOnce' : undefined
}

/** What a pipeline has nothing for. Errors: InvalidPipelineOperator. */
function refuseOfViews({ keyRange, returnKey, showRecordId, sort, cursorOption }: FindCommand): void {
  let option = cursorOption
  if (keyRange !== undefined) option = keyRange.min === undefined ? 'max' : 'min'
  else if (returnKey === true) option = 'returnKey'
  else if (showRecordId === true) option = 'showRecordId'
  else if (sort !== undefined && getField(sort, '$natural') !== undefined) option = '$natural'
  if (option !== undefined)
    throw new DatabaseError('InvalidPipelineOperator', `Option ${option} not supported in aggregation.`)
}

function refuseInTransaction({ tailable, cursorOption }: FindCommand): void {
  if (tailable) throw new DatabaseError('InvalidOptions', 'It is illegal to open a tailable cursor in a transaction')
  if (cursorOption === 'readOnce')
    throw new DatabaseError(
      'OperationNotSupportedInTransaction',
      `The 'readOnce' option is not supported within a transaction.`,
    )
}

function isPlain(request: FindCommand): boolean {
  return (
    request.sort === undefined &&
    request.projection === undefined &&
    request.hint === undefined &&
    request.keyRange === undefined &&
    request.returnKey !== true &&
    request.showRecordId !== true &&
    request.skip === 0 &&
    request.batchSize !== 0 &&
    !request.tailable
  )
}

const lookedUp = { ...noWork(), keysExamined: 1, docsExamined: 1 }
const record: RecordRef = { bytes: emptyDocument, start: 0, end: 0 }

/** At most one document, at once: no plan, no rows, no cursor, no copy (`Batch.lend`). */
function findById(
  operation: Operation,
  collection: Collection,
  filter: Uint8Array,
  typeAt: number,
  namespace: string,
): Batch {
  const batch = operation.instance.batches.take(namespace, operation.wantsObjects)
  if (collection.readById(filter[typeAt]!, filter, idValueStart, record)) {
    batch.lend(record.bytes, record.start)
    // An index and the document, both in one look.
    operation.figures?.examined(lookedUp)
    operation.instance.counters.returned++
  }
  return batch
}

/** A projection that changes something; undefined for none and the empty one. */
export function parsedProjection(
  projection: Uint8Array | undefined,
  options: ProjectionOptions,
): Projection | undefined {
  if (projection === undefined || projection.length === 5) return undefined
  return parseProjection(projection, 0, options)
}

/** A hint is a string or a document: FailedToParse otherwise. The value is copied: it may outlive the message. */
export function parseHint(given: Value | undefined): Value | undefined {
  const hint = checkedHint(given)
  if (hint === undefined) return undefined
  return { type: hint.type, bytes: hint.bytes.slice(hint.start, hint.end), start: 0, end: hint.end - hint.start }
}

/** Errors: FailedToParse. */
export function checkedHint(hint: Value | undefined): Value | undefined {
  if (hint !== undefined && hint.type !== bsonType.string && hint.type !== bsonType.document)
    throw new DatabaseError('FailedToParse', 'Hint must be a string or an object')
  return hint
}

/** Copies; empty ones are as good as none. Errors: 51176 when both are given and not about the same fields. */
function parseKeyRange(min: Uint8Array | undefined, max: Uint8Array | undefined): KeyRangeRequest | undefined {
  const first = min === undefined || min.length === 5 ? undefined : min.slice()
  const last = max === undefined || max.length === 5 ? undefined : max.slice()
  if (first === undefined && last === undefined) return undefined
  if (first !== undefined && last !== undefined) {
    const names = (key: Uint8Array): string => [...documentFields(key)].map(({ name }) => name).join('\0')
    if (names(first) !== names(last)) throw new DatabaseError(51176, 'min and max must have the same field names')
  }
  return { min: first, max: last }
}

function checkOptions(): void {
  const at = fields.at
  if (fields.boolean(at.requestResumeToken)) refuse('requestResumeToken', fields.value(at.requestResumeToken))
  if (fields.boolean(at.awaitData) && !fields.boolean(at.tailable))
    throw new DatabaseError('FailedToParse', `Cannot set 'awaitData' without also setting 'tailable'`)
  if (fields.boolean(at.tailable) && fields.boolean(at.singleBatch))
    throw new DatabaseError('BadValue', `Cannot use tailable option with the 'singleBatch' option`)
}
