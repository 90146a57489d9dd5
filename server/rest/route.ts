/** One form for all routes: what OpenAPI says of them, and the caller their handlers get. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import type { Database } from '../../pkg/command/dispatch.ts'
import { Caller } from './caller.ts'
import { documentTypes } from './content.ts'
import { problem } from './shapes.ts'
import type { Transactions } from './transactions.ts'

export type Schema = Readonly<Record<string, unknown>>

export interface RouteSpec {
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** Query parameters by name. */
  readonly query?: Readonly<Record<string, Schema>>
  /** Request headers by name. */
  readonly headers?: Readonly<Record<string, Schema>>
  /** What the body is: shown, not checked, since the command checks it type by type. */
  readonly body?: Schema
  readonly bodyTypes?: readonly string[]
  /** By status: what is answered. */
  readonly answers?: Readonly<Record<number, string>>
  /** The body of an answer that has one; without it any object. */
  readonly answer?: Schema
  readonly answerType?: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What OpenAPI shows of a route beside its checked schema. */
    readonly shown?: Schema
  }
}

export type Handler = (caller: Caller, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** The parameters of the paths; each route's path says which it has. */
export interface PathParameters {
  readonly database: string
  readonly collection: string
  readonly id: string
  readonly index: string
  readonly cursor: string
  readonly transaction: string
}

export function parametersOf(request: FastifyRequest): PathParameters {
  return request.params as PathParameters
}

export const jsonText: Schema = { type: 'string', description: 'a document in Extended JSON' }
export const anyObject: Schema = { type: 'object', additionalProperties: true }
const ejson: Schema = {
  type: 'string',
  enum: ['relaxed', 'canonical'],
  description: 'form of the Extended JSON in the answer',
}

const problemAnswer = {
  description: 'what went wrong, as RFC 9457 has it',
  content: { 'application/problem+json': { schema: problem } },
}

export class Routes {
  readonly #app: FastifyInstance
  readonly #database: Database
  readonly #transactions: Transactions

  constructor(app: FastifyInstance, database: Database, transactions: Transactions) {
    this.#app = app
    this.#database = database
    this.#transactions = transactions
  }

  add(method: HTTPMethods, url: string, spec: RouteSpec, handler: Handler): void {
    const parameters = [...url.matchAll(/:(\w+)/g)].map(([, name]) => name!)
    const { tag, summary, description, query, headers } = spec
    this.#app.route({
      method,
      url,
      schema: {
        operationId: operationName(method, url),
        tags: [tag],
        summary,
        ...(description === undefined ? {} : { description }),
        params: {
          type: 'object',
          properties: Object.fromEntries(parameters.map((name) => [name, { type: 'string' }])),
        },
        querystring: { type: 'object', properties: { ...query, ejson }, additionalProperties: false },
        ...(headers === undefined ? {} : { headers: { type: 'object', properties: headers } }),
      },
      config: { shown: { ...shownBody(spec), ...shownHeaders(spec), response: shownAnswers(spec) } },
      handler: async (request, reply) => {
        const caller = new Caller(this.#database, request, reply)
        const finish = this.#transactions.join(caller, request)
        try {
          return await handler(caller, request, reply)
        } finally {
          finish?.()
        }
      },
    })
  }
}

/** What is only shown: bodies are checked by the commands that get them, answers are text already. */
function shownBody({ body, bodyTypes = documentTypes.slice(0, 1) }: RouteSpec): Schema {
  if (body === undefined) return {}
  return { body: { content: Object.fromEntries(bodyTypes.map((type) => [type, { schema: body }])) } }
}

/** The tags of the routes that can be statements of a transaction. */
const statements = ['documents', 'queries']
const transactionHeader: Schema = {
  type: 'string',
  description: 'the id of the transaction that this is a statement of',
}

function shownHeaders({ tag, headers }: RouteSpec): Schema {
  if (!statements.includes(tag)) return {}
  return { headers: { type: 'object', properties: { ...headers, 'laura-transaction': transactionHeader } } }
}

function shownAnswers({ answers = { 200: 'the result' }, ...spec }: RouteSpec): Schema {
  const { answerType = 'application/json' } = spec
  const schema = answerType === 'application/json' ? (spec.answer ?? anyObject) : { type: 'string' }
  const shown = Object.entries(answers).map(([status, description]) => [
    status,
    Number(status) === 204 || Number(status) === 304
      ? { description, type: 'null' }
      : { description, content: { [answerType]: { schema } } },
  ])
  return { ...Object.fromEntries(shown), default: problemAnswer }
}

/** `get /v1/databases/:database/collections` is `getDatabasesDatabaseCollections`: stable, and good as a method's name. */
function operationName(method: HTTPMethods, url: string): string {
  const words = url.split('/').filter((part) => part !== '' && part !== 'v1')
  return `${String(method).toLowerCase()}${words.map((word) => word.replace(/^:/, 'By_').replace(/(^|[-_])(\w)/g, (_, __, letter: string) => letter.toUpperCase())).join('')}`
}
