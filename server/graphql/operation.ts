/** Operations that come over WebSocket or as event streams: read and checked before they run, as Apollo does with the others. */
import {
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type ParseOptions,
  parse,
  specifiedRules,
  validate,
} from 'graphql'
import type { RequestContext } from './field.ts'
import { limitQueries, queryLimits } from './limits.ts'

export interface OperationRequest {
  readonly query: string
  readonly operationName?: string | null | undefined
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined
}

export const limitRule = limitQueries(queryLimits)
export const parseOptions: ParseOptions = { maxTokens: queryLimits.tokensMax }
const rules = [...specifiedRules, limitRule]

/** What is to be executed, or why it is not. */
export function prepare(
  schema: GraphQLSchema,
  { query, operationName, variables }: OperationRequest,
  contextValue: RequestContext,
): ExecutionArgs | readonly GraphQLError[] {
  let document: ExecutionArgs['document']
  try {
    document = parse(query, parseOptions)
  } catch (error) {
    if (error instanceof GraphQLError) return [error]
    throw error
  }
  const errors = validate(schema, document, rules)
  if (errors.length > 0) return errors
  if (!getOperationAST(document, operationName))
    return [new GraphQLError('the request must have one operation, or say which one is meant')]
  return { schema, document, contextValue, operationName: operationName ?? null, variableValues: variables ?? null }
}
