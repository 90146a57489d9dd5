/** Operations that come over WebSocket or as event streams: read and checked before they run, as Apollo does with the others. */
import {
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type ParseOptions,
  parse,
  validate,
} from 'graphql'
import type { RequestContext } from './field.ts'
import { checkLimits, queryLimits } from './limits.ts'

export interface OperationRequest {
  readonly query: string
  readonly operationName?: string | null | undefined
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined
}

export const parseOptions: ParseOptions = { maxTokens: queryLimits.tokensMax }

/** What is to be executed, or why it is not. */
export function prepare(
  schema: GraphQLSchema,
  { query, operationName, variables }: OperationRequest,
  contextValue: RequestContext,
): ExecutionArgs | readonly GraphQLError[] {
  try {
    const document = parse(query, parseOptions)
    const errors = validate(schema, document)
    if (errors.length > 0) return errors
    const operation = getOperationAST(document, operationName)
    if (!operation) return [new GraphQLError('the request must have one operation, or say which one is meant')]
    checkLimits(schema, document, operation, variables ?? {})
    return { schema, document, contextValue, operationName: operationName ?? null, variableValues: variables ?? null }
  } catch (error) {
    if (error instanceof GraphQLError) return [error]
    throw error
  }
}
