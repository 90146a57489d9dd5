/** What writes of several documents answer. */
import { GraphQLInt, GraphQLList, GraphQLNonNull, GraphQLObjectType } from 'graphql'
import { ejsonScalar } from './scalars.ts'
import type { Document, Store } from './store.ts'

export interface WriteCounts {
  readonly matched: number
  readonly modified: number
  readonly deleted: number
  readonly insertedIds: readonly unknown[]
}

export const writeResult = new GraphQLNonNull(
  new GraphQLObjectType({
    name: 'WriteResult',
    fields: {
      matched: { type: new GraphQLNonNull(GraphQLInt) },
      modified: { type: new GraphQLNonNull(GraphQLInt) },
      deleted: { type: new GraphQLNonNull(GraphQLInt) },
      insertedIds: { type: new GraphQLNonNull(new GraphQLList(ejsonScalar)) },
    },
  }),
)

export const bulkWriteResult = new GraphQLNonNull(
  new GraphQLObjectType({
    name: 'BulkWriteResult',
    fields: {
      ...Object.fromEntries(
        ['inserted', 'matched', 'modified', 'deleted', 'upserted'].map((name) => [
          name,
          { type: new GraphQLNonNull(GraphQLInt) },
        ]),
      ),
      errors: { type: new GraphQLNonNull(new GraphQLList(ejsonScalar)), description: 'by the position in `idx`' },
    },
  }),
)

const nothing: WriteCounts = { matched: 0, modified: 0, deleted: 0, insertedIds: [] }

/** Inserts documents; they come back with their ids. */
export async function insertAll(store: Store, collection: string, documents: readonly Document[]): Promise<Document[]> {
  const withIds = documents.map((document) => {
    // Untyped ones may be anything, which the command refuses in its own words.
    if (typeof document !== 'object' || document === null || Array.isArray(document)) return document
    return { _id: document['_id'] ?? store.newId(), ...document }
  })
  await store.run({ insert: collection, documents: withIds })
  return withIds
}

export async function insertMany(
  store: Store,
  collection: string,
  documents: readonly Document[],
): Promise<WriteCounts> {
  const inserted = await insertAll(store, collection, documents)
  return { ...nothing, insertedIds: inserted.map(({ _id }) => _id) }
}

/** Runs one update of the command `update`. */
export async function update(store: Store, collection: string, one: Document): Promise<WriteCounts> {
  const done = await store.run({ update: collection, updates: [one] })
  const insertedIds = ((done['upserted'] ?? []) as Document[]).map(({ _id }) => _id)
  const matched = Number(done['n']) - insertedIds.length
  return { ...nothing, matched, modified: Number(done['nModified']), insertedIds }
}

/** Runs one delete of the command `delete`. */
export async function remove(store: Store, collection: string, one: Document): Promise<WriteCounts> {
  const { n } = await store.run({ delete: collection, deletes: [one] })
  return { ...nothing, deleted: Number(n) }
}
