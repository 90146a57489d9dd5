/** What the typed schema of a database is made from: its collections with their shapes and relations, read from the catalog and from samples. */
import { decodeDocument } from '../../pkg/bson/convert.ts'
import type { Database } from '../../pkg/command/dispatch.ts'
import type { NamedField } from './filter.ts'
import { fieldName, typeName } from './names.ts'
import { type Shape, shapeOfDocuments, shapeOfSchema } from './shape.ts'
import type { Document, Store } from './store.ts'

/** Documents looked at of a collection without a validator. */
const sampleSize = 100

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

export function catalogVersion(database: Database, databaseName: string): CatalogVersion {
  const seen = database.engine
    .collections(databaseName)
    .map(({ id, name, options, documentCount }) => ({ id, name, options, isEmpty: documentCount === 0 }))
  return { seen }
}

/** Whether the schema made from a catalog is still right: names, options and whether there are documents at all. */
export function isCurrent({ seen }: CatalogVersion, database: Database, databaseName: string): boolean {
  const collections = database.engine.collections(databaseName)
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

export async function readModel(database: Database, store: Store, databaseName: string): Promise<CollectionModel[]> {
  const taken = new Set(['documents', 'collections'])
  const types = new Set<string>()
  const models: CollectionModel[] = []
  for (const collection of database.engine.collections(databaseName)) {
    if (collection.name.startsWith('system.')) continue
    const options = decodeDocument(collection.options) as {
      validator?: { $jsonSchema?: object }
      relations?: Record<string, Document>
      viewOn?: string
    }
    const field = fieldName(collection.name, taken)
    taken.add(field)
    let type = typeName(field)
    for (let n = 2; types.has(type); n++) type = `${typeName(field)}${n}`
    types.add(type)
    const validated =
      options.validator?.$jsonSchema === undefined ? undefined : shapeOfSchema(options.validator.$jsonSchema)
    const shape =
      validated ?? shapeOfDocuments(await store.all(databaseName, { find: collection.name, limit: sampleSize }))
    models.push({
      name: collection.name,
      field,
      type,
      fields: namedFields(withId(shape)),
      relations: Object.entries(options.relations ?? {}).map(([name, relation]) => relationOf(name, relation)),
      isView: options.viewOn !== undefined,
    })
  }
  return models
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

export function namedFields(fields: ReadonlyMap<string, Shape>): NamedField[] {
  const taken = new Set<string>()
  return [...fields].map(([path, shape]) => {
    const name = fieldName(path, taken)
    taken.add(name)
    return { name, path, shape }
  })
}

const inner = new WeakMap<NamedField, readonly NamedField[]>()

/** The fields of a field's documents; the same objects every time. */
export function nestedFields(field: NamedField): readonly NamedField[] {
  let fields = inner.get(field)
  if (fields === undefined) {
    const shape = field.shape.kind === 'list' ? field.shape.of : field.shape
    fields = shape.kind === 'object' ? namedFields(shape.fields) : []
    inner.set(field, fields)
  }
  return fields
}
