/** Operations as server-sent events, by the graphql-sse protocol: a request and its connection for each ("distinct connections mode"). */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ExecutionArgs, GraphQLError, GraphQLFormattedError } from 'graphql'
import { createHandler, type ExecutionResult, type Handler } from 'graphql-sse'
import { HttpProblem } from '../rest/problem.ts'
import type { OperationRequest } from './operation.ts'

type Prepare = (request: OperationRequest) => Promise<ExecutionArgs | readonly GraphQLError[]>

export class EventStreams {
  readonly #handler: Handler<undefined, Prepare>

  constructor(show: (error: GraphQLError) => GraphQLFormattedError) {
    // What is sent of an error is what its toJSON gives.
    const shown = (error: GraphQLError): GraphQLError => {
      const formatted = show(error)
      return Object.assign(error, { toJSON: () => formatted })
    }
    this.#handler = createHandler<undefined, Prepare, Record<PropertyKey, unknown>>({
      // Without a token there are no streams that several requests share.
      authenticate: () => null,
      context: {},
      onSubscribe: async ({ context: prepare }, operation) => {
        const prepared = await prepare(operation)
        return 'schema' in prepared
          ? { ...prepared, contextValue: prepared.contextValue as Record<PropertyKey, unknown> }
          : ({ data: null, errors: prepared } satisfies ExecutionResult)
      },
      onNext: (_context, _request, { errors, ...result }) =>
        errors === undefined ? undefined : { ...result, errors: errors.map(shown) },
    })
  }

  /** Answers with what `prepare` makes of the request's operation. */
  async answer(request: FastifyRequest, reply: FastifyReply, prepare: Prepare): Promise<FastifyReply> {
    // The handler would wait for a body to come that has been read.
    const { body } = request
    if (request.method === 'POST' && (typeof body !== 'object' || body === null))
      throw new HttpProblem(400, 'EmptyBody', 'the request must have an object with a query as its body')
    const headers = new Map([
      ['accept', 'text/event-stream'],
      ['content-type', request.headers['content-type']],
    ])
    const [answer, { status, headers: answered }] = await this.#handler({
      method: request.method,
      url: request.url,
      headers: { get: (name) => headers.get(name) },
      body: body as Record<PropertyKey, unknown>,
      raw: undefined,
      context: prepare,
    })
    reply.code(status).header('x-accel-buffering', 'no')
    for (const [name, value] of Object.entries(answered ?? {}))
      if (name !== 'connection' && name !== 'content-encoding' && value !== undefined) reply.header(name, value)
    return reply.send(
      typeof answer === 'string' || answer === null
        ? (answer ?? '')
        : Readable.from(answer, { objectMode: false, highWaterMark: 1 }),
    )
  }
}
