/** Relay's connections over keyset pagination: a cursor is the sort key of a document, so that pages neither skip nor repeat while others write. */
import type { GraphQLError } from 'graphql'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { decodeDocument, encodeDocument } from '../../pkg/bson/convert.ts'
import { validateDocument } from '../../pkg/bson/validate.ts'
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
  if (after !== null && after !== undefined) conditions.push(beyond(keys, keyOf(after, keys), 1))
  if (before !== null && before !== undefined) conditions.push(beyond(keys, keyOf(before, keys), -1))
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
    edges: shown.map((node) => ({ node, cursor: cursorOf(node, keys) })),
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

function cursorOf(document: Document, keys: readonly SortKey[]): string {
  return Buffer.from(encodeDocument({ k: keys.map(([path]) => valueAt(document, path)) })).toString('base64url')
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

/** The documents after (1) or before (-1) the place with these values, in MongoDB's order over all types. */
function beyond(keys: readonly SortKey[], values: readonly unknown[], side: 1 | -1): Document {
  const only = keys[0]![0]
  if (keys.length === 1) return { [only]: { [keys[0]![1] === side ? '$gt' : '$lt']: values[0] } }
  const branches = keys.map(([path, direction], i) => ({
    $and: [
      ...keys.slice(0, i).map(([before], j) => ({ $eq: [{ $ifNull: [`$${before}`, null] }, { $literal: values[j] }] })),
      { [direction === side ? '$gt' : '$lt']: [{ $ifNull: [`$${path}`, null] }, { $literal: values[i] }] },
    ],
  }))
  return { $expr: { $or: branches } }
}
