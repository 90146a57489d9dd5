/** The typed writes to a collection: of one document by its id, and of all that a filter finds. */
import { type GraphQLInputObjectType, GraphQLList, GraphQLNonNull, type GraphQLObjectType } from 'graphql'
import type { Arguments, Fields } from './field.ts'
import { queryOf } from './filter.ts'
import { documentInput, documentOf, idType, updateOf } from './inputs.ts'
import type { CollectionModel } from './model.ts'
import { ejsonScalar } from './scalars.ts'
import type { Document, Store } from './store.ts'
import { insertAll, insertMany, remove, update, writeResult } from './write-result.ts'

export function mutations(model: CollectionModel, type: GraphQLObjectType, filter: GraphQLInputObjectType): Fields {
  const input = documentInput(model)
  return { ...inserts(model, type, input), ...writesById(model, type, input), ...writesOfMany(model, filter, input) }
}

function inserts(
  { name, type: names, fields }: CollectionModel,
  type: GraphQLObjectType,
  input: GraphQLInputObjectType,
): Fields {
  const document = (value: unknown): Document => documentOf(value as Arguments, fields)
  return {
    [`insert${names}`]: {
      type: new GraphQLNonNull(type),
      args: { document: { type: new GraphQLNonNull(input) } },
      resolve: async (_root, args, { store }) => (await insertAll(store, name, [document(args['document'])]))[0],
    },
    [`insertMany${names}`]: {
      type: writeResult,
      args: { documents: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(input))) } },
      resolve: (_root, args, { store }) => insertMany(store, name, (args['documents'] as unknown[]).map(document)),
    },
  }
}

function writesById(model: CollectionModel, type: GraphQLObjectType, input: GraphQLInputObjectType): Fields {
  const { name, type: names, fields } = model
  const id = { type: new GraphQLNonNull(idType(model)) }
  const findAndModify = async (store: Store, _id: unknown, command: Document): Promise<unknown> =>
    (await store.run({ findAndModify: name, query: { _id }, ...command }))['value']
  return {
    [`update${names}ById`]: {
      type,
      args: { id, ...changesOf(input) },
      resolve: (_root, args, { store }) =>
        findAndModify(store, args['id'], { update: updateOf(args, fields), new: true }),
    },
    [`replace${names}ById`]: {
      type: new GraphQLNonNull(type),
      args: { id, document: { type: new GraphQLNonNull(input) } },
      resolve: (_root, args, { store }) => {
        // Another _id in the document is the database's to refuse.
        const document = { _id: args['id'], ...documentOf(args['document'] as Arguments, fields) }
        return findAndModify(store, args['id'], { update: document, upsert: true, new: true })
      },
    },
    [`delete${names}ById`]: {
      type,
      args: { id },
      resolve: (_root, args, { store }) => findAndModify(store, args['id'], { remove: true }),
    },
  }
}

function writesOfMany(
  { name, type: names, fields }: CollectionModel,
  filter: GraphQLInputObjectType,
  input: GraphQLInputObjectType,
): Fields {
  const required = { type: new GraphQLNonNull(filter) }
  const query = (args: Arguments): Document => queryOf(args['filter'] as Arguments, fields)
  return {
    [`update${names}`]: {
      type: writeResult,
      args: { filter: required, ...changesOf(input) },
      resolve: (_root, args, { store }) =>
        update(store, name, { q: query(args), u: updateOf(args, fields), multi: true }),
    },
    [`delete${names}`]: {
      type: writeResult,
      args: { filter: required },
      resolve: (_root, args, { store }) => remove(store, name, { q: query(args), limit: 0 }),
    },
  }
}

/** The arguments of which `updateOf` makes an update. */
function changesOf(input: GraphQLInputObjectType) {
  return {
    set: { type: input, description: 'fields and their new values' },
    update: { type: ejsonScalar, description: 'update operators, such as {"$inc": {"n": 1}}' },
  }
}
