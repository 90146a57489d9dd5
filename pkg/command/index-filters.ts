/** Index filters: which indexes the planner may consider for queries of one shape. They live as long as the process does. */
import { equalValues } from '../bson/order.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf, readString, type Value } from '../bson/value.ts'
import type { QueryIndex } from '../query/plan-source.ts'

export interface IndexFilter {
  readonly query: Uint8Array
  readonly sort: Uint8Array
  readonly projection: Uint8Array
  readonly collation: Uint8Array | undefined
  /** Names (strings) and key patterns (documents), as they were given: a BSON array. */
  readonly indexes: Uint8Array
}

export type QueryShape = Pick<IndexFilter, 'query' | 'sort' | 'projection' | 'collation'>

export class IndexFilters {
  readonly #filters = new Map<string, Map<string, IndexFilter>>()

  get isEmpty(): boolean {
    return this.#filters.size === 0
  }

  set(namespace: string, filter: IndexFilter): void {
    let filters = this.#filters.get(namespace)
    if (filters === undefined) {
      filters = new Map()
      this.#filters.set(namespace, filters)
    }
    filters.set(shapeOf(filter), filter)
  }

  of(namespace: string): readonly IndexFilter[] {
    return [...(this.#filters.get(namespace)?.values() ?? [])]
  }

  /** The filter for a query's shape. */
  find(namespace: string, shape: QueryShape): IndexFilter | undefined {
    return this.#filters.get(namespace)?.get(shapeOf(shape))
  }

  /** Forgets the filter of one shape, or all of a namespace. */
  clear(namespace: string, shape: QueryShape | undefined): void {
    if (shape !== undefined) this.#filters.get(namespace)?.delete(shapeOf(shape))
    if (shape === undefined || this.#filters.get(namespace)?.size === 0) this.#filters.delete(namespace)
  }
}

/** Which indexes a filter lets a query use: by name, or by key pattern. */
export function allowedBy({ indexes }: IndexFilter): (index: QueryIndex) => boolean {
  const named = [...documentFields(indexes)]
  return ({ name, definition }) =>
    named.some((one) => {
      if (one.type === bsonType.string) return readString(one.bytes, one.start) === name
      return equalValues(bsonType.document, one.bytes, one.start, bsonType.document, definition.keyPattern, 0)
    })
}

/** A query without the values it compares with; sort, projection and collation count as they are. */
function shapeOf({ query, sort, projection, collation }: QueryShape): string {
  return [filterShape(query), hex(sort), hex(projection), collation === undefined ? '' : hex(collation)].join('|')
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A filter without the values that it compares with. */
export function filterShape(filter: Uint8Array): string {
  const parts = [...documentFields(filter)].map((field) => `${JSON.stringify(field.name)}:${operandShape(field)}`)
  return `{${parts.sort().join()}}`
}

const combining: ReadonlySet<string> = new Set(['$and', '$or', '$nor'])

function operandShape(field: Value & { readonly name: string }): string {
  if (combining.has(field.name) && field.type === bsonType.array)
    return [...documentFields(field.bytes, field.start)]
      .map((part) => (part.type === bsonType.document ? filterShape(documentOf(part)) : '?'))
      .sort()
      .join()
  if (field.type !== bsonType.document) return '?'
  const [first] = documentFields(field.bytes, field.start)
  return first?.name.startsWith('$') === true ? filterShape(documentOf(field)) : '?'
}
