/** Errors as clients see them. */
import { unwrapResolverError } from '@apollo/server/errors'
import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { Logger } from 'pino'

/** What a client got wrong. */
export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}

/** An error with a code as it is; what is nobody's to see goes to the log. */
export function shownError(error: unknown, formatted: GraphQLFormattedError, log: Logger): GraphQLFormattedError {
  const code = formatted.extensions?.['code']
  if (formatted.path === undefined || (code !== undefined && code !== 'INTERNAL_SERVER_ERROR')) return formatted
  const cause = unwrapResolverError(error)
  // What graphql says itself: a value is not of the type that the sample or the validator promised, for one.
  if (cause instanceof GraphQLError)
    return { ...formatted, extensions: { ...formatted.extensions, code: 'TypeMismatch', mongoCode: 14 } }
  log.error({ err: cause }, 'a resolver failed')
  return {
    ...formatted,
    message: 'an internal error: the log tells more',
    extensions: { ...formatted.extensions, code: 'INTERNAL_SERVER_ERROR' },
  }
}
