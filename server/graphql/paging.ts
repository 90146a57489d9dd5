/** Relay's connections over keyset pagination: a cursor is the sort key of a document, so that pages neither skip nor repeat while others write. */
import { BSONRegExp, MinKey } from 'bson'
import type { GraphQLError } from 'graphql'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { decodeDocument, encodeDocument } from '../../pkg/bson/convert.ts'
import { compare } from '../../pkg/bson/order.ts'
import { validateDocument } from '../../pkg/bson/validate.ts'
import { documentFields, getField } from '../../pkg/bson/value.ts'
import { badInput } from './errors.ts'
import type { Document, Store } from './store.ts'

export interface ConnectionArguments {
  readonly first?: number | null
  readonly after?: string | null
  readonly last?: number | null
  readonly before?: string | null
}

/** A path and its direction. `_id` is the last one, so that no two documents have the same place. */
export type SortKey = readonly [path: string, direction: 1 | -1]

export interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: Document }[]
  readonly hasNext: boolean
  readonly hasPrevious: boolean
}

const pageSizeDefault = 20
const pageSizeMax = 1000

export async function readPage(
  store: Store,
  collection: string,
  filter: Document,
  sort: readonly SortKey[],
  projection: Document | undefined,
  { first, after, last, before }: ConnectionArguments,
): Promise<Page> {
  const backward = last !== null && last !== undefined
  if (backward && first !== null && first !== undefined) throw badInput(`'first' and 'last' cannot be given together`)
  const size = (backward ? last : first) ?? pageSizeDefault
  if (size < 0 || size > pageSizeMax) throw badInput(`a page has 0 to ${pageSizeMax} documents`)
  const keys = sort.some(([path]) => path === '_id') ? sort : [...sort, ['_id', 1] as const]
  const conditions = [filter]
  const way = backward ? 'backward' : 'forward'
  if (after !== null && after !== undefined) conditions.push(beyond(keys, keyOf(after, keys), 'after', way))
  if (before !== null && before !== undefined) conditions.push(beyond(keys, keyOf(before, keys), 'before', way))
  const documents = await store.all({
    find: collection,
    filter: conditions.length === 1 ? filter : { $and: conditions },
    sort: Object.fromEntries(keys.map(([path, direction]) => [path, backward ? -direction : direction])),
    ...(projection === undefined ? {} : { projection: withKeys(projection, keys) }),
    limit: size + 1,
    batchSize: size + 2,
  })
  const hasMore = documents.length > size
  const shown = documents.slice(0, size)
  if (backward) shown.reverse()
  return {
    edges: shown.map((node) => ({ node, cursor: cursorOf(node, keys, way) })),
    hasNext: backward ? before !== null && before !== undefined : hasMore,
    hasPrevious: backward ? hasMore : after !== null && after !== undefined,
  }
}

function withKeys(projection: Document, keys: readonly SortKey[]): Document {
  const all = { ...projection }
  for (const [path] of keys) {
    const covered = Object.keys(all).some((field) => path === field || path.startsWith(`${field}.`))
    if (!covered) all[path] = 1
  }
  return all
}

function valueAt(document: Document, path: string): unknown {
  let value: unknown = document
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null) return null
    value = (value as Document)[part]
  }
  return value ?? null
}

/** The order in which a page is read: `backward` the last documents come first. */
type Way = 'forward' | 'backward'

function cursorOf(document: Document, keys: readonly SortKey[], way: Way): string {
  const values = keys.map(([path, direction]) => {
    const value = valueAt(document, path)
    return Array.isArray(value) ? extremeOf(value, sortDirection(direction, way)) : value
  })
  return Buffer.from(encodeDocument({ k: values })).toString('base64url')
}

function sortDirection(direction: 1 | -1, way: Way): 1 | -1 {
  return way === 'forward' ? direction : direction === 1 ? -1 : 1
}

/** Empty arrays are sorted before everything but MinKey, from which they are not told apart here. */
const ofEmptyArray = new MinKey()

/** The element by which an array is sorted: the smallest in ascending order, else the largest. */
function extremeOf(array: readonly unknown[], direction: 1 | -1): unknown {
  const { bytes, start } = getField(encodeDocument({ array }), 'array')!
  const elements = [...documentFields(bytes, start)]
  let extreme: number | undefined
  for (const [i, element] of elements.entries())
    if (extreme === undefined || compare(element, elements[extreme]!) * direction < 0) extreme = i
  return extreme === undefined ? ofEmptyArray : array[extreme]
}

/** What `cursorOf` made of a document's values. Throws when the cursor is not one of this order. */
function keyOf(cursor: string, keys: readonly SortKey[]): readonly unknown[] {
  const bytes = Uint8Array.from(Buffer.from(cursor, 'base64url'))
  try {
    validateDocument(bytes, 0, bytes.length)
  } catch (error) {
    if (error instanceof DatabaseError) throw foreignCursor()
    throw error
  }
  const { k } = decodeDocument(bytes)
  if (!Array.isArray(k) || k.length !== keys.length) throw foreignCursor()
  return k
}

function foreignCursor(): GraphQLError {
  return badInput('the cursor does not belong to this list, or its order')
}

/** A filter for the documents `after` or `before` the place with these values, in the database's order over all types. */
export function beyond(
  keys: readonly SortKey[],
  values: readonly unknown[],
  side: 'after' | 'before',
  way: Way,
): Document {
  const isGreater = (direction: 1 | -1): boolean => (direction === 1) === (side === 'after')
  const sorted = keys.map(([path, direction]) => sortExpression(path, sortDirection(direction, way)))
  const branches = keys.map(([, direction], i) => ({
    $and: [
      ...sorted.slice(0, i).map((before, j) => ({ $eq: [before, { $literal: values[j] }] })),
      { [isGreater(direction) ? '$gt' : '$lt']: [sorted[i], { $literal: values[i] }] },
    ],
  }))
  const exact = { $expr: { $or: branches } }
  const [[path, direction]] = keys as readonly [SortKey]
  const [value] = values
  // Reading away from the cursor, what lies beyond it has no element on this side of it: this gives an index its bounds. Arrays and
  // regular expressions mean more than themselves in a query.
  const hasBounds =
    (side === 'after') === (way === 'forward') && !Array.isArray(value) && !(value instanceof BSONRegExp)
  return hasBounds ? { $and: [{ [path]: { $not: { [isGreater(direction) ? '$lt' : '$gt']: value } } }, exact] } : exact
}

/** The value by which a document is sorted, as an expression. */
function sortExpression(path: string, direction: 1 | -1): Document {
  const value = `$${path}`
  const elements = { $sortArray: { input: value, sortBy: direction } }
  const extreme = { $cond: [{ $eq: [value, []] }, { $literal: ofEmptyArray }, { $first: elements }] }
  return { $cond: [{ $isArray: value }, extreme, { $ifNull: [value, null] }] }
}
