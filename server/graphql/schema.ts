/** The typed schema of a database: queries, connections, groups, mutations and subscriptions for each collection, made from its model. */
import { GraphQLObjectType, GraphQLSchema } from 'graphql'
import { documentQueries } from './connection.ts'
import { DocumentTypes } from './document-types.ts'
import type { Field, Fields } from './field.ts'
import { filterOf } from './filter.ts'
import { groupsField } from './groups.ts'
import type { CollectionModel } from './model.ts'
import { mutations } from './mutations.ts'
import { changesField } from './subscription.ts'
import { untypedMutations, untypedQueries } from './untyped.ts'

export function makeSchema(models: readonly CollectionModel[]): GraphQLSchema {
  const types = new DocumentTypes(models)
  const query: Fields = untypedQueries(models)
  const mutation: Fields = { ...untypedMutations }
  const subscription: Fields = {}
  for (const model of models) {
    const type = types.of(model)
    const filter = filterOf(model.type, model.fields)
    Object.assign(query, documentQueries(model, type, filter))
    query[`${model.field}Aggregate`] = groupsField(model, filter)
    if (model.isView) continue
    Object.assign(mutation, mutations(model, type, filter))
    subscription[`${model.field}Changed`] = changesField(model, type)
  }
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: query }),
    mutation: new GraphQLObjectType({ name: 'Mutation', fields: seeingWrites(mutation) }),
    ...(Object.keys(subscription).length === 0
      ? {}
      : { subscription: new GraphQLObjectType({ name: 'Subscription', fields: subscription }) }),
  })
}

/** The writes of a request come one after another: what relations led to before one is looked up again after it. */
function seeingWrites(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      const resolve: Field['resolve'] = async (root, args, context, info) => {
        const result: unknown = await field.resolve!(root, args, context, info)
        context.related.forget()
        return result
      }
      return [name, { ...field, resolve }]
    }),
  )
}
