/** What the fields of a schema have in common: the context that their resolvers get, and how lists are written. */
import { type GraphQLFieldConfig, GraphQLList, GraphQLNonNull, type GraphQLOutputType } from 'graphql'
import type { RelatedDocuments } from './related.ts'
import type { Store } from './store.ts'

/** What every resolver of a request gets. */
export interface RequestContext {
  readonly store: Store
  readonly related: RelatedDocuments
}

export type Field = GraphQLFieldConfig<unknown, RequestContext>
export type Fields = Record<string, Field>
export type Arguments = Readonly<Record<string, unknown>>

/** `[type!]!` */
export function nonNullList(type: GraphQLOutputType): GraphQLOutputType {
  return new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(type)))
}
