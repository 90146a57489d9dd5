import { DatabaseError } from '../../base/errors.ts'
import { wholeInt64Of } from '../../bson/number.ts'
import { bsonType } from '../../bson/type.ts'
import { isNumber, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { Count } from '../../query/execute.ts'
import { collated } from '../../query/filter/parse.ts'
import { chooseCollationFor } from '../collation.ts'
import { defineCommand } from '../definition.ts'
import { type Explanation, explainSearch, type Verbosity } from '../explanation.ts'
import { anyType, commandFields, numberType, objectType, stringType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { Pace } from '../pace.ts'
import { ReadView } from '../read-view.ts'
import { refuse } from '../refuse.ts'
import { Search } from '../search.ts'
import { readInSlices } from '../slices.ts'
import { isTimeseries } from '../timeseries.ts'
import { drain, openView, readsByPipeline } from '../view-rows.ts'
import { emptyDocument, parseHint } from './find.ts'

const fields = commandFields('count', {
  count: { type: anyType, required: true },
  query: { type: objectType },
  limit: { type: anyType },
  skip: { type: numberType, min: 0 },
  hint: { type: anyType },
  collation: { type: objectType },
  fields: { type: anyType },
  queryOptions: { type: objectType },
  mode: { type: stringType },
  encryptionInformation: { type: objectType },
  querySettings: { type: objectType },
})

export interface CountCommand {
  readonly collection: string
  readonly filter: Uint8Array
  readonly skip: number
  /** 0: no limit. */
  readonly limit: number
  readonly hint: Value | undefined
  readonly collation?: Uint8Array | undefined
}

/** How many documents match a filter. */
export const count = defineCommand({
  name: 'count',
  help: 'how many documents match a filter',
  kind: 'reads',
  stable: true,
  readConcern: true,
  fields,
  parse: (database: string): CountCommand => {
    const at = fields.at
    refuse('encryptionInformation', fields.value(at.encryptionInformation))
    return {
      collection: collectionNameOf(database, fields.type(at.count), fields.bytes, fields.start(at.count)),
      filter: fields.document(at.query) ?? emptyDocument,
      skip: fields.number(at.skip) ?? 0,
      limit: limitOf(fields.value(at.limit)),
      hint: parseHint(fields.value(at.hint)),
      collation: fields.document(at.collation)?.slice(),
    }
  },
  run: (operation: Operation, request: CountCommand): number | Promise<number> => {
    const { workspace } = operation
    operation.namespace = `${operation.databaseName}.${request.collection}`
    chooseCollationFor(operation, operation.databaseName, request.collection, request.collation)
    // Without a time for `$$NOW`, which MongoDB refuses here too.
    const search = new Search(request.filter, undefined, request.hint, collated(operation.collation))
    const collection = workspace.collection(operation.databaseName, request.collection)
    if (readsByPipeline(operation, request.collection, collection)) return countInView(operation, request)
    if (collection === undefined) return 0
    operation.repliesForView = isTimeseries(collection)
    const view = new ReadView(workspace)
    const counting = new Count(collection, view.at, {
      ...search.requestOn(operation.instance, collection, { skip: request.skip, limit: request.limit }),
      // How many there are now is not how many its transaction, or the past, has.
      looks: operation.statement !== undefined || workspace.isPast,
    })
    const done = readInSlices(operation, view, counting.rows, (budget) => counting.advance(budget))
    return done === undefined ? counted(operation, counting) : done.then(() => counted(operation, counting))
  },
  reply: (n: number, writer: BsonWriter) => {
    if (n <= 0x7fffffff) writer.int32('n', n)
    else writer.int64('n', n)
  },
  explain: (operation: Operation, request: CountCommand, verbosity: Verbosity): Explanation | Promise<Explanation> => {
    chooseCollationFor(operation, operation.databaseName, request.collection, request.collation)
    return explainSearch(
      operation,
      request.collection,
      { filter: request.filter, sort: undefined, hint: request.hint },
      { skip: request.skip, limit: request.limit, keysOnly: true },
      verbosity,
      { stage: 'COUNT' },
    )
  },
})

async function countInView(operation: Operation, request: CountCommand): Promise<number> {
  operation.repliesForView = true
  const view = new ReadView(operation.workspace)
  let n = 0
  await drain(operation, openView(operation, request, new Pace(operation), view), view, () => {
    n++
  })
  return n
}

/** A negative limit means the same as a positive one. Errors: BadValue for what is no number, FailedToParse for no whole one. */
function limitOf(given: Value | undefined): number {
  if (given === undefined || given.type === bsonType.null) return 0
  if (!isNumber(given.type)) throw new DatabaseError('BadValue', 'limit value is not a valid number')
  const limit = wholeInt64Of(given)
  if (limit === undefined) throw new DatabaseError('FailedToParse', 'Expected a whole number for limit')
  if (limit === -(2n ** 63n)) throw new DatabaseError('BadValue', 'Limit value for count cannot be min long')
  return Math.abs(Number(limit))
}

function counted({ figures }: Operation, { rows, count }: Count): number {
  if (rows !== undefined) figures?.examined(rows.work)
  return count
}
