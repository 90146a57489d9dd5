import { DatabaseError } from '../../base/errors.ts'
import type { Value } from '../../bson/value.ts'
import { type BsonWriter, indexName } from '../../bson/writer.ts'
import { Distinct, DistinctValues } from '../../query/distinct.ts'
import { find } from '../../query/execute.ts'
import { collated } from '../../query/filter/parse.ts'
import { parsePath } from '../../query/path.ts'
import { ValueSorter } from '../../query/sort/value-sorter.ts'
import { chooseCollationFor } from '../collation.ts'
import { defineCommand } from '../definition.ts'
import { type Explanation, explainSearch, type Verbosity } from '../explanation.ts'
import { anyType, commandFields, objectType, stringType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { Pace } from '../pace.ts'
import { ReadView } from '../read-view.ts'
import { Search } from '../search.ts'
import { advanceSlice, readInSlices } from '../slices.ts'
import { isTimeseries } from '../timeseries.ts'
import { drain, openView, readsByPipeline } from '../view-rows.ts'
import { emptyDocument, parseHint } from './find.ts'

const fields = commandFields('distinct', {
  distinct: { type: anyType, required: true },
  key: { type: stringType, required: true },
  query: { type: objectType },
  hint: { type: anyType },
  collation: { type: objectType },
  querySettings: { type: objectType },
})

export interface DistinctCommand {
  readonly collection: string
  readonly key: string
  readonly filter: Uint8Array
  readonly hint: Value | undefined
  readonly collation?: Uint8Array | undefined
}

/** The distinct values of a field. */
export const distinct = defineCommand({
  name: 'distinct',
  help: 'the distinct values of a field',
  kind: 'reads',
  readConcern: true,
  snapshotReads: true,
  fields,
  parse: (database: string): DistinctCommand => {
    const at = fields.at
    const key = fields.string(at.key)!
    if (key.includes('\0')) throw new DatabaseError(31032, 'Key field cannot contain an embedded null byte')
    return {
      collection: collectionNameOf(database, fields.type(at.distinct), fields.bytes, fields.start(at.distinct)),
      key,
      filter: fields.document(at.query) ?? emptyDocument,
      hint: parseHint(fields.value(at.hint)),
      collation: fields.document(at.collation)?.slice(),
    }
  },
  run: (operation: Operation, request: DistinctCommand): readonly Value[] | Promise<readonly Value[]> => {
    operation.namespace = `${operation.databaseName}.${request.collection}`
    chooseCollationFor(operation, operation.databaseName, request.collection, request.collation)
    // Without a time for `$$NOW`, which MongoDB refuses here too.
    const search = new Search(request.filter, undefined, request.hint, collated(operation.collation))
    const path = parsePath(request.key)
    const collection = operation.workspace.collection(operation.databaseName, request.collection)
    if (readsByPipeline(operation, request.collection, collection)) return distinctInView(operation, request)
    if (collection === undefined) return []
    operation.repliesForView = isTimeseries(collection)
    const view = new ReadView(operation.workspace)
    const { instance } = operation
    const node = search.planValues(instance, collection, view.at, request.key)
    const values = node === undefined ? search.requestOn(instance, collection, {}) : search.request({})
    const rows = find(collection, view.at, values, node)
    const distinct = new Distinct(rows, path, operation.collation)
    let sorter: ValueSorter | undefined
    /** Whatever way the values were found, they come in order. */
    const advance = (budget: number): boolean => {
      if (sorter === undefined) {
        if (!distinct.advance(budget)) return false
        operation.figures?.examined(rows.work)
        sorter = new ValueSorter(distinct.values, operation.collation)
      }
      return sorter.advance(budget)
    }
    const done = readInSlices(operation, view, rows, advance)
    return done === undefined ? sorter!.values : done.then(() => sorter!.values)
  },
  reply: (values: readonly Value[], writer: BsonWriter) => {
    writer.beginArray('values')
    for (let i = 0; i < values.length; i++) writer.value(indexName(i), values[i]!)
    writer.end()
  },
  explain: (
    operation: Operation,
    request: DistinctCommand,
    verbosity: Verbosity,
  ): Explanation | Promise<Explanation> => {
    chooseCollationFor(operation, operation.databaseName, request.collection, request.collation)
    return explainSearch(
      operation,
      request.collection,
      { filter: request.filter, sort: undefined, hint: request.hint, distinctPath: request.key },
      {},
      verbosity,
    )
  },
})

async function distinctInView(operation: Operation, request: DistinctCommand): Promise<readonly Value[]> {
  operation.repliesForView = true
  const view = new ReadView(operation.workspace)
  const distinct = new DistinctValues(parsePath(request.key), operation.collation)
  await drain(
    operation,
    openView(operation, request, new Pace(operation), view),
    view,
    (rows) => distinct.add(rows.bytes, rows.start, operation.stride),
    () => advanceSlice(operation, (budget) => distinct.goOn(budget) > 0),
  )
  const sorter = new ValueSorter(distinct.values, operation.collation)
  while (!advanceSlice(operation, (budget) => sorter.advance(budget))) await operation.pause()
  return sorter.values
}
