/**
 * The GraphQL door: `/graphql` (the database that `?database=` or the header `laura-database` names) and `/graphql/:database`, each with a typed
 * schema made from the catalog, made anew when the catalog has changed. Queries and mutations by GET and POST, subscriptions over
 * WebSocket (graphql-ws) and server-sent events (graphql-sse), the playground for browsers.
 */
import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server'
import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type ExecutionArgs, GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from 'graphql'
import type { Logger } from 'pino'
import { ConnectionContext } from '../../pkg/command/context.ts'
import type { Database } from '../../pkg/command/dispatch.ts'
import { HttpProblem } from '../rest/problem.ts'
import { shownError } from './errors.ts'
import { EventStreams } from './event-streams.ts'
import type { RequestContext } from './field.ts'
import { checkLimits } from './limits.ts'
import { type CatalogVersion, type CollectionModel, catalogVersion, isCurrent, readModel } from './model.ts'
import { type OperationRequest, parseOptions, prepare } from './operation.ts'
import { addPlaygroundAssets, playgroundPage } from './playground.ts'
import { RelatedDocuments } from './related.ts'
import { makeSchema } from './schema.ts'
import { type Lease, SchemaCache } from './schema-cache.ts'
import { GraphqlSockets } from './sockets.ts'
import { Store } from './store.ts'

export interface GraphqlOptions {
  readonly database: Database
  readonly log: Logger
  /** Origins whose pages may open WebSockets, beside our own. */
  readonly corsOrigins: readonly string[]
}

/** Made from a catalog, and for whichever databases have that: the context of a request says which one it is about. */
interface Served {
  readonly models: readonly CollectionModel[]
  readonly schema: GraphQLSchema
  readonly apollo: ApolloServer<RequestContext>
}

/** Schemas kept, one a database that has collections. */
const schemasMax = 64
/** What those without collections are served with; no database is called so. */
const noDatabase = ''
const systemDatabases: ReadonlySet<string> = new Set(['admin', 'config', 'local'])
const defaultDatabase = 'test'
let nextConnectionId = 2 ** 31

export async function addGraphqlDoor(app: FastifyInstance, options: GraphqlOptions): Promise<void> {
  const door = new GraphqlDoor(options)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(body as string) as unknown)
    } catch (error) {
      done(new HttpProblem(400, 'FailedToParse', (error as Error).message))
    }
  })
  addPlaygroundAssets(app)
  for (const url of ['/graphql', '/graphql/:database'])
    app.route({
      method: ['GET', 'POST', 'OPTIONS'],
      url,
      schema: { hide: true },
      handler: (request, reply) => door.answer(request, reply),
    })
  for (const url of ['/graphql-stream', '/graphql-stream/:database'])
    app.route({
      method: ['GET', 'POST'],
      url,
      schema: { hide: true },
      handler: (request, reply) => door.stream(request, reply),
    })
  door.sockets.takeUpgrades(app)
  app.addHook('preClose', () => door.close())
}

class GraphqlDoor {
  readonly #database: Database
  readonly #log: Logger
  readonly #schemas: SchemaCache<CatalogVersion, Served>
  readonly sockets: GraphqlSockets
  readonly #streams: EventStreams

  constructor({ database, log, corsOrigins }: GraphqlOptions) {
    this.#database = database
    this.#log = log
    this.sockets = new GraphqlSockets({
      origins: corsOrigins,
      connect: (remoteAddress) => this.#connect(remoteAddress),
      prepare: (url, connection, request) => this.#prepare(this.#databaseOf(url, undefined), connection, request),
      show: (error) => this.#show(error),
    })
    this.#streams = new EventStreams((error) => this.#show(error))
    this.#schemas = new SchemaCache({
      entriesMax: schemasMax,
      make: (databaseName) => this.#make(databaseName),
      stop: ({ apollo }) =>
        apollo.stop().catch((error: unknown) => log.error({ err: error }, 'a schema was not stopped')),
    })
  }

  /** The schema of a database as its catalog is now. */
  #serve(databaseName: string): Promise<Lease<Served>> {
    const collections = this.#database.engine.collections(databaseName)
    return this.#schemas.lend(
      collections.length === 0 ? noDatabase : databaseName,
      (version) => isCurrent(version, collections),
      () => catalogVersion(collections),
    )
  }

  async #make(databaseName: string): Promise<Served> {
    const connection = this.#connect('')
    try {
      const models = await readModel(
        this.#database.engine.collections(databaseName),
        new Store(this.#database, connection, databaseName),
      )
      const schema = makeSchema(models)
      const apollo = new ApolloServer<RequestContext>({
        schema,
        introspection: true,
        // Hints for caches in between, which nothing here gives, cost a call for each field.
        plugins: [ApolloServerPluginCacheControlDisabled(), refuseEarly],
        parseOptions,
        csrfPrevention: true,
        includeStacktraceInErrorResponses: false,
        stopOnTerminationSignals: false,
        logger: silent,
        formatError: (formatted, error) => shownError(error, formatted, this.#log),
      })
      await apollo.start()
      return { models, schema, apollo }
    } finally {
      connection.close()
    }
  }

  /** A connection of its own; what still runs when it closes is interrupted. */
  #connect(remoteAddress: string): ConnectionContext {
    const connection = new ConnectionContext({ connectionId: nextConnectionId++, remoteAddress, ownDoor: true })
    this.#database.connect(connection)
    return connection
  }

  #contextOf(connection: ConnectionContext, databaseName: string): RequestContext {
    const store = new Store(this.#database, connection, databaseName)
    return { store, related: new RelatedDocuments(store) }
  }

  #databaseOf(url: string, header: string | undefined): string {
    const { pathname, searchParams } = new URL(url, 'http://host')
    const [, , named] = pathname.split('/')
    const asked =
      named === undefined || named === '' ? (searchParams.get('database') ?? header) : decodeURIComponent(named)
    if (asked !== undefined && asked !== null) return asked
    const own = this.#database.engine.databases().filter((name) => !systemDatabases.has(name))
    return own.length === 1 ? own[0]! : defaultDatabase
  }

  async answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (/^\s*text\/event-stream\b/.test(request.headers.accept ?? '')) return this.stream(request, reply)
    const name = this.#databaseOf(request.url, request.headers['laura-database'] as string | undefined)
    const { made, release } = await this.#serve(name)
    try {
      const query = request.query as { query?: string }
      if (request.method === 'GET' && query.query === undefined && (request.headers.accept ?? '').includes('text/html'))
        return reply
          .type('text/html; charset=utf-8')
          .send(playgroundPage(name, `/graphql/${encodeURIComponent(name)}`, made.models))
      return await this.#execute(made.apollo, name, request, reply)
    } finally {
      release()
    }
  }

  async #execute(
    apollo: ApolloServer<RequestContext>,
    databaseName: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const connection = this.#connect(request.ip)
    reply.raw.once('close', () => connection.close())
    const headers = new HeaderMap()
    for (const [header, value] of Object.entries(request.headers))
      if (value !== undefined) headers.set(header, String(value))
    const { search } = new URL(request.url, 'http://host')
    const response = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method: request.method, headers, search, body: request.body },
      context: () => Promise.resolve(this.#contextOf(connection, databaseName)),
    })
    for (const [header, value] of response.headers) reply.header(header, value)
    reply.code(response.status ?? 200)
    if (response.body.kind === 'complete') return reply.send(response.body.string)
    return reply.send(response.body.asyncIterator)
  }

  /** Subscriptions, and queries, as server-sent events. */
  stream(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const name = this.#databaseOf(request.url, request.headers['laura-database'] as string | undefined)
    const connection = this.#connect(request.ip)
    reply.raw.once('close', () => connection.close())
    return this.#streams.answer(request, reply, (operation) => this.#prepare(name, connection, operation))
  }

  async #prepare(
    databaseName: string,
    connection: ConnectionContext,
    request: OperationRequest,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    // Stopping what answers requests leaves the schema as it is: it may be used for as long as somebody has it.
    const { made, release } = await this.#serve(databaseName)
    release()
    return prepare(made.schema, request, this.#contextOf(connection, databaseName))
  }

  #show(error: GraphQLError): GraphQLFormattedError {
    return shownError(error, error.toJSON(), this.#log)
  }

  async close(): Promise<void> {
    this.sockets.close()
    await this.#schemas.close()
  }
}

/** Refuses what asks for too much, and subscriptions where one answer is all there is: they would be run as queries. */
const refuseEarly: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation: ({ schema, document, operation, request }) => {
        if (operation?.operation === 'subscription')
          throw new GraphQLError('subscriptions are for WebSocket, or for server-sent events', {
            extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
          })
        if (operation !== undefined) checkLimits(schema, document, operation, request.variables ?? {})
        return Promise.resolve()
      },
    }),
}

/** What Apollo says of itself goes nowhere: the request's own log line and the errors are told by us. */
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }
function nothing(): void {
  // Nothing is to be told.
}
