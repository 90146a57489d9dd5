/** planCacheClear, and the index filters: planCacheSetFilter, planCacheListFilters, planCacheClearFilters. */
import { DatabaseError } from '../../base/errors.ts'
import { rawDocument, writeField } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { arrayValue, documentFields, documentOf, type Value } from '../../bson/value.ts'
import { type BsonWriter, indexName } from '../../bson/writer.ts'
import { parseFilter } from '../../query/filter/parse.ts'
import { planMemoryOf } from '../../query/plan-memory.ts'
import { parseProjection } from '../../query/projection/parse.ts'
import { queryShape } from '../../query/query-shape.ts'
import { parseSort } from '../../query/sort/parse.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, type Fields } from '../fields.ts'
import type { IndexFilter, QueryShape } from '../index-filters.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { refuseTimeseries } from '../timeseries.ts'
import { refuseView } from '../view.ts'

/** Fields are looked at only once the collection is known to be there, as MongoDB does. */
const shapeFields = {
  query: { type: anyType },
  sort: { type: anyType },
  projection: { type: anyType },
  collation: { type: anyType },
} as const
const lenient = { strict: false } as const

type Given = Readonly<Record<keyof typeof shapeFields, Value | undefined>>

interface Request {
  readonly collection: string
  readonly given: Given
}

function read(fields: Fields<keyof typeof shapeFields>): Given {
  const { at } = fields
  return {
    query: copied(fields.value(at.query)),
    sort: copied(fields.value(at.sort)),
    projection: copied(fields.value(at.projection)),
    collation: copied(fields.value(at.collation)),
  }
}

/** What is kept must not point into the message. */
function copied(value: Value | undefined): Value | undefined {
  if (value === undefined) return undefined
  return { type: value.type, bytes: value.bytes.slice(value.start, value.end), start: 0, end: value.end - value.start }
}

const empty = new Uint8Array([5, 0, 0, 0, 0])

/** Errors: BadValue for a part that is no document, and what is wrong with the filter, sort or projection. */
function shapeOf({ query, sort, projection, collation }: Given): QueryShape {
  if (query === undefined) throw new DatabaseError('BadValue', `required field query missing`)
  const shape = {
    query: part('query', query) ?? empty,
    sort: part('sort', sort) ?? empty,
    projection: part('projection', projection) ?? empty,
    collation: part('collation', collation),
  }
  parseFilter(shape.query)
  if (shape.sort.length > empty.length) parseSort(shape.sort)
  if (shape.projection.length > empty.length) parseProjection(shape.projection)
  if (shape.collation !== undefined) checkCollation(shape.collation)
  return shape
}

function part(name: string, value: Value | undefined): Uint8Array | undefined {
  if (value === undefined) return undefined
  if (value.type !== bsonType.document)
    throw new DatabaseError('BadValue', `optional field ${name} must be an object, not ${typeAlias(value.type)}`)
  return documentOf(value)
}

function checkCollation(collation: Uint8Array): void {
  const fields = [...documentFields(collation)]
  if (fields.length === 0) throw new DatabaseError('BadValue', 'optional field collation cannot be an empty object')
  if (!fields.some(({ name }) => name === 'locale'))
    throw new DatabaseError('MissingField', `BSON field 'collation.locale' is missing but a required field`)
}

function isThere(operation: Operation, request: Request): boolean {
  operation.namespace = `${operation.databaseName}.${request.collection}`
  const collection = operation.instance.engine.collection(operation.databaseName, request.collection)
  refuseView(collection)
  refuseTimeseries(collection)
  return collection !== undefined
}

/** The shape to clear; undefined: all. */
function clearedShape(given: Given): QueryShape | undefined {
  if (given.query !== undefined) return shapeOf(given)
  if (given.sort !== undefined || given.projection !== undefined || given.collation !== undefined)
    throw new DatabaseError('BadValue', 'sort, projection or collation provided without query')
  return undefined
}

const clearFields = commandFields('planCacheClear', { planCacheClear: { type: anyType }, ...shapeFields }, lenient)

export const planCacheClear = defineCommand({
  name: 'planCacheClear',
  help: 'forgets the plans of a collection, or those of one query shape',
  kind: 'commands',
  fields: clearFields,
  parse: (database: string): Request => ({ collection: named(database, clearFields), given: read(clearFields) }),
  run: (operation: Operation, request: Request): void => {
    if (!isThere(operation, request)) return
    const shape = clearedShape(request.given)
    const collection = operation.instance.engine.collection(operation.databaseName, request.collection)!
    planMemoryOf(collection).cache.clear(shape && planShapeOf(shape))
  },
  reply: emptyReply,
})

const setFields = commandFields(
  'planCacheSetFilter',
  { planCacheSetFilter: { type: anyType }, ...shapeFields, indexes: { type: anyType } },
  lenient,
)

export const planCacheSetFilter = defineCommand({
  name: 'planCacheSetFilter',
  help: 'says which indexes may be used for a query shape',
  kind: 'commands',
  fields: setFields,
  parse: (database: string): Request & { readonly indexes: Value | undefined } => ({
    collection: named(database, setFields),
    given: read(setFields),
    indexes: copied(setFields.value(setFields.at.indexes)),
  }),
  run: (operation: Operation, request: Request & { readonly indexes: Value | undefined }): void => {
    if (!isThere(operation, request)) throw new DatabaseError('BadValue', 'no such collection')
    for (const [name, value] of Object.entries(request.given))
      if (value?.type === bsonType.null) throw new DatabaseError('BadValue', `field ${name} cannot be null`)
    const filter: IndexFilter = { ...shapeOf(request.given), indexes: indexesOf(request.indexes) }
    operation.instance.indexFilters.set(operation.namespace, filter)
  },
  reply: emptyReply,
})

function indexesOf(value: Value | undefined): Uint8Array {
  if (value === undefined) throw new DatabaseError('BadValue', 'required field indexes missing')
  if (value.type !== bsonType.array) throw new DatabaseError('BadValue', 'required field indexes must be an array')
  let count = 0
  for (const index of documentFields(value.bytes, value.start)) {
    count++
    if (index.type === bsonType.document) {
      if (index.end - index.start === empty.length)
        throw new DatabaseError('BadValue', 'index specification cannot be empty')
    } else if (index.type !== bsonType.string)
      throw new DatabaseError('BadValue', 'each item in indexes must be an object or string')
  }
  if (count === 0) throw new DatabaseError('BadValue', 'required field indexes must contain at least one index')
  return documentOf(value)
}

const listFields = commandFields('planCacheListFilters', { planCacheListFilters: { type: anyType } }, lenient)

export const planCacheListFilters = defineCommand({
  name: 'planCacheListFilters',
  help: 'the index filters of a collection',
  kind: 'commands',
  fields: listFields,
  parse: (database: string): string => named(database, listFields),
  run: (operation: Operation, collection: string): readonly IndexFilter[] => {
    const request: Request = {
      collection,
      given: { query: undefined, sort: undefined, projection: undefined, collation: undefined },
    }
    return isThere(operation, request) ? operation.instance.indexFilters.of(operation.namespace) : []
  },
  reply: (filters: readonly IndexFilter[], writer: BsonWriter) => {
    writer.beginArray('filters')
    filters.forEach(({ query, sort, projection, collation, indexes }, i) => {
      writeField(writer, indexName(i), {
        query: rawDocument(query),
        sort: rawDocument(sort),
        projection: rawDocument(projection),
        collation: collation === undefined ? undefined : rawDocument(collation),
        indexes: arrayValue(indexes),
      })
    })
    writer.end()
  },
})

const clearFiltersFields = commandFields(
  'planCacheClearFilters',
  { planCacheClearFilters: { type: anyType }, ...shapeFields },
  lenient,
)

export const planCacheClearFilters = defineCommand({
  name: 'planCacheClearFilters',
  help: 'forgets the index filters of a collection, or that of one query shape',
  kind: 'commands',
  fields: clearFiltersFields,
  parse: (database: string): Request => ({
    collection: named(database, clearFiltersFields),
    given: read(clearFiltersFields),
  }),
  run: (operation: Operation, request: Request): void => {
    if (isThere(operation, request))
      operation.instance.indexFilters.clear(operation.namespace, clearedShape(request.given))
  },
  reply: emptyReply,
})

/** What the plan cache calls the shape. */
function planShapeOf({ query, sort, projection }: QueryShape): string {
  const parsedSort = sort.length > empty.length ? parseSort(sort) : undefined
  return queryShape(parseFilter(query), parsedSort, projection)
}

/** The collection's name in the command's first field. */
function named(database: string, fields: Fields<string>): string {
  const at = fields.at[fields.path as keyof typeof fields.at] as number
  return collectionNameOf(database, fields.type(at), fields.bytes, fields.start(at))
}
