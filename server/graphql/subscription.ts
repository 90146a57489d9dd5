/** Subscriptions to the changes of a collection. */
import { GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLString } from 'graphql'
import type { Field } from './field.ts'
import type { CollectionModel } from './model.ts'
import { ejsonScalar } from './scalars.ts'
import type { Document } from './store.ts'

export function changesField(model: CollectionModel, type: GraphQLObjectType): Field {
  return {
    type: new GraphQLNonNull(changeType(model, type)),
    args: {
      operations: {
        type: new GraphQLList(new GraphQLNonNull(GraphQLString)),
        description: 'insert, update, replace, delete; none: all',
      },
      resumeAfter: {
        type: GraphQLString,
        description: 'goes on after the event with this token, also after the end of the collection',
      },
    },
    subscribe: (_root, args, { store }) => {
      const resumeAfter = args['resumeAfter'] as string | null | undefined
      const operations = args['operations'] as string[] | null | undefined
      const stage = {
        fullDocument: 'updateLookup',
        ...(resumeAfter == null ? {} : { startAfter: { _data: resumeAfter } }),
      }
      const match = operations == null ? [] : [{ $match: { operationType: { $in: operations } } }]
      return store.changes(model.name, [{ $changeStream: stage }, ...match])
    },
    resolve: (event, _args, { related, store }) => {
      // What relations led to when the last event came may have changed since; each event is like a request of its own.
      related.forget()
      store.renew()
      return event
    },
  }
}

function changeType(model: CollectionModel, type: GraphQLObjectType): GraphQLObjectType<Document> {
  return new GraphQLObjectType<Document>({
    name: `${model.type}Change`,
    fields: {
      operationType: { type: new GraphQLNonNull(GraphQLString) },
      id: { type: ejsonScalar, resolve: (event) => (event['documentKey'] as Document | undefined)?.['_id'] },
      document: { type, resolve: (event) => event['fullDocument'] },
      updateDescription: { type: ejsonScalar },
      resumeToken: {
        type: new GraphQLNonNull(GraphQLString),
        resolve: (event) => (event['_id'] as Document)['_data'],
      },
    },
  })
}
