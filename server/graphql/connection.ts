/** The queries for the documents of a collection: a Relay connection, and one document by its id. */
import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLString,
} from 'graphql'
import { badInput } from './errors.ts'
import { type Arguments, type Field, type Fields, nonNullList, type RequestContext } from './field.ts'
import { queryOf } from './filter.ts'
import { idType } from './inputs.ts'
import type { CollectionModel } from './model.ts'
import { type ConnectionArguments, type Page, readPage, type SortKey } from './paging.ts'
import { projectionFor } from './selection.ts'
import type { Document } from './store.ts'

const direction = new GraphQLEnumType({ name: 'SortDirection', values: { ASC: { value: 1 }, DESC: { value: -1 } } })

const pageInfo = new GraphQLObjectType({
  name: 'PageInfo',
  fields: {
    hasNextPage: { type: new GraphQLNonNull(GraphQLBoolean) },
    hasPreviousPage: { type: new GraphQLNonNull(GraphQLBoolean) },
    startCursor: { type: GraphQLString },
    endCursor: { type: GraphQLString },
  },
})

/** A page, and the filter that it is one of, for the count of all. */
interface Connection extends Page {
  readonly filter: Document
}

export function documentQueries(
  model: CollectionModel,
  type: GraphQLObjectType,
  filter: GraphQLInputObjectType,
): Fields {
  return { [model.field]: connection(model, type, filter), [`${model.field}ById`]: byId(model, type) }
}

function connection(model: CollectionModel, type: GraphQLObjectType, filter: GraphQLInputObjectType): Field {
  const sort = new GraphQLInputObjectType({
    name: `${model.type}Sort`,
    description: 'one field an object; several objects in the order they count',
    fields: Object.fromEntries(model.fields.map((field) => [field.name, { type: direction }])),
  })
  return {
    type: new GraphQLNonNull(connectionType(model, type)),
    args: {
      filter: { type: filter },
      sort: { type: new GraphQLList(new GraphQLNonNull(sort)) },
      first: { type: GraphQLInt },
      after: { type: GraphQLString },
      last: { type: GraphQLInt },
      before: { type: GraphQLString },
    },
    resolve: async (_root, args, { store }, info): Promise<Connection> => {
      const query = queryOf(args['filter'] as Arguments | undefined, model.fields)
      const keys = sortKeys(args['sort'] as Arguments[] | undefined, model)
      const projection = projectionFor(info, model, ['nodes', 'edges.node'])
      const page = await readPage(store, model.name, query, keys, projection, args as ConnectionArguments)
      return { ...page, filter: query }
    },
  }
}

function connectionType(
  model: CollectionModel,
  type: GraphQLObjectType,
): GraphQLObjectType<Connection, RequestContext> {
  const edge = new GraphQLObjectType({
    name: `${model.type}Edge`,
    fields: { cursor: { type: new GraphQLNonNull(GraphQLString) }, node: { type: new GraphQLNonNull(type) } },
  })
  return new GraphQLObjectType<Connection, RequestContext>({
    name: `${model.type}Connection`,
    fields: {
      edges: { type: nonNullList(edge) },
      nodes: { type: nonNullList(type), resolve: ({ edges }) => edges.map(({ node }) => node) },
      pageInfo: {
        type: new GraphQLNonNull(pageInfo),
        resolve: ({ edges, hasNext, hasPrevious }) => ({
          hasNextPage: hasNext,
          hasPreviousPage: hasPrevious,
          startCursor: edges[0]?.cursor,
          endCursor: edges.at(-1)?.cursor,
        }),
      },
      totalCount: {
        type: new GraphQLNonNull(GraphQLInt),
        resolve: async (page, _args, { store }) => (await store.run({ count: model.name, query: page.filter }))['n'],
      },
    },
  })
}

function sortKeys(sort: readonly Arguments[] | null | undefined, model: CollectionModel): SortKey[] {
  return (sort ?? []).map((each) => {
    const [first, second] = Object.entries(each)
    // GraphQL hands over the fields of an object in the order of its type, not in that of the query.
    if (first === undefined || second !== undefined || first[1] === null)
      throw badInput(`an object of 'sort' has one field: [{ a: ASC }, { b: DESC }]`)
    const [name, way] = first
    return [model.fields.find((field) => field.name === name)!.path, way as 1 | -1]
  })
}

function byId(model: CollectionModel, type: GraphQLObjectType): Field {
  return {
    type,
    args: { id: { type: new GraphQLNonNull(idType(model)) } },
    resolve: async (_root, args, { store }) =>
      (await store.all({ find: model.name, filter: { _id: args['id'] }, limit: 1 }))[0],
  }
}
