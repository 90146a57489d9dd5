/** Queries and writes for what has no type: any collection, any filter, any document. */
import { GraphQLBoolean, GraphQLInt, GraphQLList, GraphQLNonNull, GraphQLString } from 'graphql'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { badInput } from './errors.ts'
import { type Fields, nonNullList } from './field.ts'
import type { CollectionModel } from './model.ts'
import { ejsonScalar } from './scalars.ts'
import { bulkWriteResult, insertMany, remove, update, writeResult } from './write-result.ts'

const collection = { type: new GraphQLNonNull(GraphQLString) }
const required = { type: new GraphQLNonNull(ejsonScalar) }
const requiredList = { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(ejsonScalar))) }

export function untypedQueries(models: readonly CollectionModel[]): Fields {
  return {
    documents: {
      type: nonNullList(ejsonScalar),
      description: 'documents of any collection, untyped',
      args: {
        collection,
        filter: { type: ejsonScalar },
        projection: { type: ejsonScalar },
        sort: { type: ejsonScalar },
        skip: { type: GraphQLInt },
        limit: { type: GraphQLInt, defaultValue: 20 },
      },
      resolve: (_root, { collection: find, filter, projection, sort, skip, limit }, { store }) =>
        store.all({ find, filter: filter ?? {}, projection, sort, skip, limit: Math.abs(limit as number) }),
    },
    aggregateDocuments: {
      type: nonNullList(ejsonScalar),
      description: 'what a pipeline makes of any collection, untyped',
      args: { collection, pipeline: requiredList },
      resolve: (_root, { collection: aggregate, pipeline }, { store }) =>
        store.all({ aggregate, pipeline, cursor: {} }),
    },
    collections: {
      type: nonNullList(GraphQLString),
      description: 'the names of the collections',
      resolve: () => models.map(({ name }) => name),
    },
  }
}

/** Writes to any collection, also to one that is not there yet. */
export const untypedMutations: Fields = {
  insertDocuments: {
    type: writeResult,
    args: { collection, documents: requiredList },
    resolve: (_root, args, { store }) => insertMany(store, args['collection'], args['documents']),
  },
  updateDocuments: {
    type: writeResult,
    args: {
      collection,
      filter: required,
      update: { ...required, description: 'update operators, a pipeline, or without `many` a replacement' },
      upsert: { type: GraphQLBoolean },
      many: { type: GraphQLBoolean, description: 'all documents that match, not only one' },
    },
    resolve: (_root, { collection: name, filter: q, update: u, upsert, many }, { store }) =>
      update(store, name, { q, u, upsert: upsert === true, multi: many === true }),
  },
  bulkWriteDocuments: {
    type: bulkWriteResult,
    description: 'several writes; those of them that fail are told of, and end the others only when they are ordered',
    args: {
      collection,
      operations: {
        ...requiredList,
        description:
          '{insertOne: {document}}, {updateOne, updateMany: {filter, update, upsert, arrayFilters, ...}}, {replaceOne: {filter, replacement, upsert}}, ' +
          '{deleteOne, deleteMany: {filter}}',
      },
      ordered: { type: new GraphQLNonNull(GraphQLBoolean), defaultValue: true },
    },
    resolve: async (_root, { collection: name, operations, ordered }, { store }) => {
      try {
        return await store.bulkWrite(name, operations, ordered)
      } catch (error) {
        if (error instanceof DatabaseError) throw badInput(error.message)
        throw error
      }
    },
  },
  deleteDocuments: {
    type: writeResult,
    args: { collection, filter: required, many: { type: GraphQLBoolean } },
    resolve: (_root, { collection: name, filter: q, many }, { store }) =>
      remove(store, name, { q, limit: many === true ? 0 : 1 }),
  },
}
