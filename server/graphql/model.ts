/** What the typed schema of a database is made from: its collections with their shapes and relations, read from the catalog and from samples. */
import { GraphQLError } from 'graphql'
import { decodeDocument } from '../../pkg/bson/convert.ts'
import type { StoredCollection } from '../../pkg/engine/collection.ts'
import type { NamedField } from './filter.ts'
import { fieldName, SchemaNames } from './names.ts'
import { type Shape, shapeOfDocuments, shapeOfSchema } from './shape.ts'
import type { Document, Store } from './store.ts'

/** Documents looked at of a collection without a validator. */
const sampleSize = 100
const sampleTimeMs = 2000

export interface Relation {
  readonly name: string
  /** The collection the other documents are in. */
  readonly collection: string
  readonly localField: string
  readonly foreignField: string
  readonly many: boolean
}

export interface CollectionModel {
  readonly name: string
  /** As its root fields and its type are called. */
  readonly field: string
  readonly type: string
  readonly fields: readonly NamedField[]
  readonly relations: readonly Relation[]
  readonly isView: boolean
}

/** What a schema was made from. */
export interface CatalogVersion {
  readonly seen: readonly {
    readonly id: number
    readonly name: string
    readonly options: Uint8Array
    readonly isEmpty: boolean
  }[]
}

export function catalogVersion(collections: readonly StoredCollection[]): CatalogVersion {
  const seen = collections.map(({ id, name, options, documentCount }) => ({
    id,
    name,
    options,
    isEmpty: documentCount === 0,
  }))
  return { seen }
}

/** Whether the schema made from a catalog is still right: names, options and whether there are documents at all. */
export function isCurrent({ seen }: CatalogVersion, collections: readonly StoredCollection[]): boolean {
  return (
    collections.length === seen.length &&
    collections.every(({ id, name, options, documentCount }, i) => {
      const before = seen[i]!
      return (
        id === before.id &&
        name === before.name &&
        options === before.options &&
        (documentCount === 0) === before.isEmpty
      )
    })
  )
}

export async function readModel(collections: readonly StoredCollection[], store: Store): Promise<CollectionModel[]> {
  const names = new SchemaNames()
  const models: CollectionModel[] = []
  for (const collection of collections) {
    if (collection.name.startsWith('system.')) continue
    const options = decodeDocument(collection.options) as {
      validator?: { $jsonSchema?: object }
      relations?: Record<string, Document>
      viewOn?: string
    }
    const field = names.field(collection.name)
    const type = names.type(field)
    const validated =
      options.validator?.$jsonSchema === undefined ? undefined : shapeOfSchema(options.validator.$jsonSchema)
    const shape = validated ?? shapeOfDocuments(await sample(store, collection.name))
    models.push({
      name: collection.name,
      field,
      type,
      fields: namedFields(withId(shape), type, names),
      relations: Object.entries(options.relations ?? {}).map(([name, relation]) => relationOf(name, relation)),
      isView: options.viewOn !== undefined,
    })
  }
  return models
}

/** Some documents; none of a view that cannot be read, or not in time, which is for those to hear of who ask for it. */
async function sample(store: Store, collection: string): Promise<Document[]> {
  try {
    return await store.all({ find: collection, limit: sampleSize, maxTimeMS: sampleTimeMs })
  } catch (error) {
    if (error instanceof GraphQLError) return []
    throw error
  }
}

function relationOf(name: string, relation: Document): Relation {
  return {
    name,
    collection: String(relation['collection']),
    localField: String(relation['localField']),
    foreignField: String(relation['foreignField'] ?? '_id'),
    many: relation['many'] === true,
  }
}

function withId(fields: ReadonlyMap<string, Shape>): ReadonlyMap<string, Shape> {
  if (fields.has('_id')) return fields
  return new Map<string, Shape>([['_id', { kind: 'any' }], ...fields])
}

function namedFields(fields: ReadonlyMap<string, Shape>, owner: string, names: SchemaNames): NamedField[] {
  const taken = new Set<string>()
  return [...fields]
    .filter(([path]) => isPath(path))
    .map(([path, shape]) => {
      const name = fieldName(path, (each) => !taken.has(each))
      taken.add(name)
      const inner = shape.kind === 'list' ? shape.of : shape
      if (inner.kind !== 'object' || inner.fields.size === 0) return { name, path, shape, type: '', nested: [] }
      const type = names.nested(owner, name)
      return { name, path, shape, type, nested: namedFields(inner.fields, type, names) }
    })
}

/** Whether queries and projections can name the field: what they cannot is in the whole document only. */
function isPath(name: string): boolean {
  return name !== '' && name !== '__proto__' && !name.startsWith('$') && !name.includes('.')
}
