/**
 * Changing documents: what update, delete, findAndModify and bulkWrite do to one collection.
 *
 * Everything that happens between two yields is one write unit, thus one log entry; work over many documents is cut into
 * slices. Whether the reply waits for the disk is the caller's business (`Operation.acknowledge`).
 */
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import { timestampMax } from '../base/timestamp.ts'
import { bsonType } from '../bson/type.ts'
import { objectIdValue, type Value } from '../bson/value.ts'
import { valueEnd } from '../bson/walk.ts'
import type { ChangeDescriber } from '../engine/change-notes.ts'
import type { Collection, RecordRef } from '../engine/collection.ts'
import type { WriteUnit } from '../engine/write-unit.ts'
import { parseFilter } from '../query/filter/parse.ts'
import type { UpdateResult } from '../query/update/apply.ts'
import { byComparing } from '../query/update/describe-difference.ts'
import { OperatorDescriber } from '../query/update/describe-operators.ts'
import { DetouringUpdate } from '../query/update/detour.ts'
import { parseUpdateValue } from '../query/update/parse.ts'
import type { Update, UpdateContext } from '../query/update/update.ts'
import { upsertDocument } from '../query/update/upsert.ts'
import { chooseCollationFor } from './collation.ts'
import { traitsOf } from './collection-traits.ts'
import { findsById, idEqualityAt, idValueStart, replacementForm } from './document.ts'
import type { Operation } from './operation.ts'
import { deleteResult, imageResult, updateResult } from './retryable-write.ts'
import { Search } from './search.ts'
import { settled } from './settled.ts'
import { checkTimeseriesUpdate, isTimeseries } from './timeseries.ts'
import { PipelineUpdate } from './update-pipeline.ts'
import { enforceValidator } from './validator.ts'
import { expressionOptions } from './variables.ts'
import { asMade, insertOne, type Target, writableCollection } from './write-insert.ts'
import { changeAll, changeFirstMatch } from './write-search.ts'

export interface UpdateRequest {
  readonly filter: Uint8Array
  /** A document or an array, as given. */
  readonly update: Value
  readonly multi: boolean
  readonly upsert: boolean
  readonly arrayFilters: readonly Uint8Array[]
  readonly hint: Value | undefined
  readonly sort: Uint8Array | undefined
  /** Variables of a pipeline, beside those of the command's `let`. */
  readonly constants?: Uint8Array | undefined
  readonly collation?: Uint8Array | undefined
}

export interface UpdateOutcome {
  readonly matched: number
  readonly modified: number
  /** The `_id` element's value of a document that was inserted instead. */
  readonly upserted: Value | undefined
}

/** What happened to one document, as findAndModify shows it. */
export interface Change {
  readonly before: Uint8Array | undefined
  readonly after: Uint8Array | undefined
}

const nothingMatched: UpdateOutcome = { matched: 0, modified: 0, upserted: undefined }
export const oneModified: UpdateOutcome = { matched: 1, modified: 1, upserted: undefined }
export const oneMatched: UpdateOutcome = { matched: 1, modified: 0, upserted: undefined }

const oneModifiedResult = updateResult(oneModified)
const oneRemovedResult = deleteResult(1)

const record: RecordRef = { bytes: new Uint8Array(0), start: 0, end: 0 }

/** An update ready to be applied. */
interface PreparedUpdate {
  readonly request: UpdateRequest
  readonly update: DetouringUpdate | PipelineUpdate
  /** A findAndModify that shows the document as it is afterwards. */
  readonly showAfter: boolean
  /** What it does to a document, for change streams; undefined: it replaces it. */
  readonly describer: ChangeDescriber | undefined
  /** The `_id` of the document that its upsert inserts: the same when it has to begin again. */
  newId?: Value
  /** Its upsert has met another's document once and found nothing then, either. */
  readonly isRetry?: boolean
}

function describerOf(prepared: DetouringUpdate | PipelineUpdate): ChangeDescriber | undefined {
  if (prepared instanceof PipelineUpdate) return byComparing
  const { update } = prepared
  if (update.kind === 'replacement') return undefined
  return new OperatorDescriber(update)
}

/** Parses the update under the collation it names, or that of `target`; throws what is wrong with it, whatever it would meet. */
function prepareUpdate(
  operation: Operation,
  target: Target,
  request: UpdateRequest,
  showAfter = false,
): PreparedUpdate {
  chooseCollationFor(operation, target.database, target.collection, request.collation)
  if (request.constants !== undefined && request.update.type !== bsonType.array)
    throw new DatabaseError(51198, 'Constant values may only be specified for pipeline updates')
  const update =
    request.update.type === bsonType.array
      ? pipelineUpdate(request)
      : new DetouringUpdate(
          withTimestamps(operation, parseUpdateValue(request.update, request.arrayFilters, operation.collation)),
          request,
        )
  if (request.multi && update instanceof DetouringUpdate && update.update.kind === 'replacement')
    throw new DatabaseError('FailedToParse', 'multi update is not supported for replacement-style update')
  return { request, update, showAfter, describer: describerOf(update) }
}

function withTimestamps(operation: Operation, update: Update): Update {
  if (update.kind !== 'replacement') return update
  const document = replacementForm(update.document, operation.instance, operation)
  return document === update.document ? update : { ...update, document }
}

function pipelineUpdate(request: UpdateRequest): PipelineUpdate {
  if (request.arrayFilters.length > 0)
    throw new DatabaseError('FailedToParse', 'arrayFilters may not be specified for pipeline-style updates')
  return new PipelineUpdate(request.update, request.constants)
}

function apply(
  operation: Operation,
  { update }: PreparedUpdate,
  bytes: Uint8Array,
  start: number,
  context: UpdateContext,
): UpdateResult {
  return update instanceof PipelineUpdate ? update.apply(operation, bytes, start) : update.apply(bytes, start, context)
}

/** Runs one update statement. Throws what makes it fail; of a multi update what was done until then stays done. */
export function updateDocuments(
  operation: Operation,
  target: Target,
  request: UpdateRequest,
): UpdateOutcome | Promise<UpdateOutcome> {
  let prepared: PreparedUpdate | undefined
  return settled(operation, () => {
    prepared ??= prepareUpdate(operation, target, request)
    return update(operation, target, prepared)
  })
}

function update(
  operation: Operation,
  target: Target,
  prepared: PreparedUpdate,
): UpdateOutcome | Promise<UpdateOutcome> {
  const collection = writableCollection(operation, target)
  if (prepared.update instanceof PipelineUpdate) prepared.update.check(operation)
  if (collection === undefined) {
    parseFilter(prepared.request.filter, 0, expressionOptions(operation))
    return prepared.request.upsert ? upsert(operation, target, prepared) : nothingMatched
  }
  const { timeseries } = traitsOf(collection)
  if (timeseries !== undefined) checkTimeseriesUpdate(timeseries, prepared.request)
  if (!prepared.request.multi && prepared.request.sort === undefined && prepared.request.hint === undefined) {
    const recordId = recordById(operation, collection, prepared.request.filter)
    if (recordId !== undefined) return updateById(operation, target, collection, recordId, prepared)
  }
  const { filter, sort, hint } = prepared.request
  const search = new Search(filter, sort, hint, expressionOptions(operation))
  return prepared.request.multi
    ? updateMany(operation, target, collection, search, prepared)
    : updateFirst(operation, target, collection, search, prepared)
}

/** undefined: the filter is not an equality on `_id` alone; 0: nobody has that `_id`. */
function recordById(operation: Operation, collection: Collection, filter: Uint8Array): RecordId | 0 | undefined {
  const at = idEqualityAt(filter)
  if (at < 0 || !findsById(collection, operation.collation, filter, at)) return undefined
  return collection.findById(filter[at]!, filter, idValueStart, timestampMax) ?? 0
}

function updateById(
  operation: Operation,
  target: Target,
  collection: Collection,
  recordId: RecordId | 0,
  prepared: PreparedUpdate,
): UpdateOutcome {
  if (recordId === 0) return prepared.request.upsert ? upsert(operation, target, prepared) : nothingMatched
  const { result } = operation.workspace.write((unit) =>
    changeRecord(operation, unit, collection, recordId, prepared, undefined),
  )
  return result === true ? oneModified : oneMatched
}

/** Whether the record changed; undefined when it is gone or matches no more. */
function changeRecord(
  operation: Operation,
  unit: WriteUnit,
  collection: Collection,
  recordId: RecordId,
  prepared: PreparedUpdate,
  search: Search | undefined,
): boolean | undefined {
  if (!collection.read(recordId, timestampMax, record)) return undefined
  if (search !== undefined && !search.matches(record.bytes, record.start)) return undefined
  const context = updateContext(operation, unit, prepared.request.filter)
  const { document, changed, kept } = apply(operation, prepared, record.bytes, record.start, context)
  if (changed) {
    enforceValidator(operation, collection, document, record)
    collection.findKeys(record, document)
    const { retry } = operation
    retry?.announce(unit, oneModifiedResult)
    unit.update(collection, recordId, document, prepared.describer, kept)
    retry?.record(unit)
  }
  return changed
}

function updateContext(operation: Operation, unit: WriteUnit, filter: Uint8Array): UpdateContext {
  return {
    nowMs: operation.nowMs,
    timestamp: unit.timestamp,
    filter,
    collation: operation.collation,
  }
}

function updateFirst(
  operation: Operation,
  target: Target,
  collection: Collection,
  search: Search,
  prepared: PreparedUpdate,
): UpdateOutcome | Promise<UpdateOutcome> {
  let modified = false
  const { yields } = operation
  const changed = changeFirstMatch(operation, collection, search, (unit, recordId) => {
    const change = changeRecord(operation, unit, collection, recordId, prepared, search)
    modified = change === true
    return change !== undefined
  })
  const finish = (matched: boolean): UpdateOutcome | Promise<UpdateOutcome> => {
    if (matched) return modified ? oneModified : oneMatched
    if (!prepared.request.upsert) return nothingMatched
    return unlessRaced(
      operation,
      yields,
      prepared,
      () => upsert(operation, target, prepared),
      (retry) => updateFirst(operation, target, collection, search, retry),
    )
  }
  return changed instanceof Promise ? changed.then(finish) : finish(changed)
}

function updateMany(
  operation: Operation,
  target: Target,
  collection: Collection,
  search: Search,
  prepared: PreparedUpdate,
): UpdateOutcome | Promise<UpdateOutcome> {
  let matched = 0
  let modified = 0
  const { yields } = operation
  const change = (unit: WriteUnit, recordId: RecordId, isCertain: boolean): void => {
    const changed = changeRecord(operation, unit, collection, recordId, prepared, isCertain ? undefined : search)
    if (changed === undefined) return
    matched++
    if (changed) modified++
  }
  const finish = (): UpdateOutcome | Promise<UpdateOutcome> => {
    if (matched > 0 || !prepared.request.upsert) return { matched, modified, upserted: undefined }
    return unlessRaced(
      operation,
      yields,
      prepared,
      () => upsert(operation, target, prepared),
      (retry) => updateMany(operation, target, collection, search, retry),
    )
  }
  const done = changeAll(operation, collection, search, change)
  return done === undefined ? finish() : done.then(finish)
}

/**
 * An upsert whose search found nothing. If the search let others run, one of them may have inserted the document since:
 * when the insert then meets a duplicate key, the whole is done `again`, once.
 */
function unlessRaced<Result>(
  operation: Operation,
  yieldsBefore: number,
  prepared: PreparedUpdate,
  insert: () => Result,
  again: (retry: PreparedUpdate) => Result | Promise<Result>,
): Result | Promise<Result> {
  try {
    return insert()
  } catch (error) {
    const raced = operation.yields > yieldsBefore && error instanceof DatabaseError && error.codeName === 'DuplicateKey'
    if (!raced || prepared.isRetry === true) throw error
    return again({ ...prepared, isRetry: true })
  }
}

function newObjectId(operation: Operation, prepared: PreparedUpdate): () => Value {
  return () => (prepared.newId ??= objectIdValue(operation.instance.objectIds.next()))
}

function upsert(operation: Operation, target: Target, prepared: PreparedUpdate): UpdateOutcome {
  const { result } = operation.workspace.write((unit) => {
    const document = upsertedDocument(operation, unit, prepared)
    return insertOne(operation, unit, target, document, upsertedResult, asMade)
  })
  return { matched: 0, modified: 0, upserted: firstValue(result) }
}

function upsertedResult(stored: Uint8Array): Uint8Array {
  return updateResult({ matched: 0, modified: 0, upserted: firstValue(stored) })
}

function upsertedDocument(operation: Operation, unit: WriteUnit, prepared: PreparedUpdate): Uint8Array {
  const context = updateContext(operation, unit, prepared.request.filter)
  const { update } = prepared
  const { filter } = prepared.request
  const newId = newObjectId(operation, prepared)
  return update instanceof PipelineUpdate
    ? upsertDocument(filter, (base) => update.made(operation, base, 0), context, newId)
    : upsertDocument(filter, update.update, context, newId, (operators, base) =>
        update.applyToNew(operators, base, context),
      )
}

/** The value of a document's first field. */
function firstValue(document: Uint8Array): Value {
  let start = 5
  while (document[start] !== 0) start++
  start++
  const type = document[4]!
  return { type, bytes: document, start, end: valueEnd(document, type, start) }
}

/** Removes what matches; `limit` 1 for the first only, 0 for all. Returns how many went. */
export function deleteDocuments(
  operation: Operation,
  target: Target,
  filter: Uint8Array,
  limit: 0 | 1,
  hint: Value | undefined,
): number | Promise<number> {
  return settled(operation, () => remove(operation, target, filter, limit, hint))
}

function remove(
  operation: Operation,
  target: Target,
  filter: Uint8Array,
  limit: 0 | 1,
  hint: Value | undefined,
): number | Promise<number> {
  const collection = writableCollection(operation, target)
  if (collection === undefined) {
    parseFilter(filter, 0, expressionOptions(operation))
    return 0
  }
  if (hint === undefined) {
    const recordId = recordById(operation, collection, filter)
    if (recordId === 0) return 0
    if (recordId !== undefined) {
      operation.workspace.write((unit) => removeRecord(operation, unit, collection, recordId))
      return 1
    }
  }
  const search = new Search(filter, undefined, hint, expressionOptions(operation))
  let removed = 0
  const removeMatch = (unit: WriteUnit, recordId: RecordId, isCertain?: boolean): boolean => {
    if (!collection.read(recordId, timestampMax, record)) return false
    if (isCertain !== true && !search.matches(record.bytes, record.start)) return false
    removeRecord(operation, unit, collection, recordId)
    removed++
    return true
  }
  const done =
    limit === 0
      ? changeAll(operation, collection, search, removeMatch)
      : changeFirstMatch(operation, collection, search, removeMatch)
  return done instanceof Promise ? done.then(() => removed) : removed
}

function removeRecord({ retry }: Operation, unit: WriteUnit, collection: Collection, recordId: RecordId): void {
  collection.findKeysOf(recordId)
  retry?.announce(unit, oneRemovedResult)
  unit.remove(collection, recordId)
  retry?.record(unit)
}

export interface ChangeRequest extends Pick<UpdateRequest, 'filter' | 'sort' | 'hint'> {
  /** undefined: remove the document. */
  readonly update: UpdateRequest | undefined
  /** Show the document as it is afterwards. */
  readonly showAfter: boolean
}

/** Changes or removes the first document that matches, and says how it was before and after. */
export function changeFirst(
  operation: Operation,
  target: Target,
  { filter, sort, hint, update, showAfter }: ChangeRequest,
): Change | Promise<Change> {
  let prepared: PreparedUpdate | undefined
  return settled(operation, () => {
    prepared ??= update && prepareUpdate(operation, target, update, showAfter)
    const search = new Search(filter, sort, hint, expressionOptions(operation))
    return changeOne(operation, target, search, prepared)
  })
}

function changeOne(
  operation: Operation,
  target: Target,
  search: Search,
  prepared: PreparedUpdate | undefined,
): Change | Promise<Change> {
  const collection = writableCollection(operation, target)
  let change: Change | undefined
  if (prepared !== undefined && isTimeseries(collection))
    throw new DatabaseError(
      'InvalidOptions',
      'Cannot perform a findAndModify with an update on a time-series collection',
    )
  if (collection === undefined) return insertAndShow(operation, target, prepared)
  const { yields } = operation
  const finish = (): Change | Promise<Change> => {
    if (change !== undefined) return change
    if (prepared === undefined || !prepared.request.upsert) return { before: undefined, after: undefined }
    return unlessRaced(
      operation,
      yields,
      prepared,
      () => insertAndShow(operation, target, prepared),
      (retry) => changeOne(operation, target, search, retry),
    )
  }
  const changed = changeFirstMatch(operation, collection, search, (unit, recordId) => {
    change = changeAndShow(operation, unit, collection, recordId, prepared, search)
    return change !== undefined
  })
  return changed instanceof Promise ? changed.then(finish) : finish()
}

function changeAndShow(
  operation: Operation,
  unit: WriteUnit,
  collection: Collection,
  recordId: RecordId,
  prepared: PreparedUpdate | undefined,
  search: Search,
): Change | undefined {
  if (!collection.read(recordId, timestampMax, record)) return undefined
  if (!search.matches(record.bytes, record.start)) return undefined
  const before = record.bytes.slice(record.start, record.end)
  const { retry } = operation
  if (prepared === undefined) {
    collection.findKeys({ bytes: before, start: 0, end: before.length }, undefined)
    retry?.announce(unit, imageOf({ before, after: undefined }, undefined))
    unit.remove(collection, recordId)
    retry?.record(unit)
    return { before, after: undefined }
  }
  const { document, changed, kept } = apply(
    operation,
    prepared,
    before,
    0,
    updateContext(operation, unit, prepared.request.filter),
  )
  if (changed) {
    enforceValidator(operation, collection, document, { bytes: before, start: 0 })
    collection.findKeys({ bytes: before, start: 0, end: before.length }, document)
    retry?.announce(unit, imageOf({ before, after: document }, prepared))
    unit.update(collection, recordId, document, prepared.describer, kept)
    retry?.record(unit)
  }
  return { before, after: document }
}

function insertAndShow(operation: Operation, target: Target, prepared: PreparedUpdate | undefined): Change {
  if (prepared === undefined || !prepared.request.upsert) return { before: undefined, after: undefined }
  const { result } = operation.workspace.write((unit) =>
    insertOne(
      operation,
      unit,
      target,
      upsertedDocument(operation, unit, prepared),
      (stored) => imageOf({ before: undefined, after: stored }, prepared),
      asMade,
    ),
  )
  return { before: undefined, after: result }
}

/** What is recorded of a findAndModify: the document that it shows, and of an upsert the one with the new _id. */
function imageOf({ before, after }: Change, prepared: PreparedUpdate | undefined): Uint8Array {
  const isAfter = before === undefined || prepared?.showAfter === true
  return imageResult({
    isUpdate: prepared !== undefined,
    hadBefore: before !== undefined,
    hasAfter: after !== undefined,
    isAfter,
    image: isAfter ? after : before,
  })
}
