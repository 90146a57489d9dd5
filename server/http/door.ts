/**
 * The HTTP door: one port for health, metrics and every interface that speaks HTTP. What they have in common is here: limits, request ids, one
 * log line a request, errors as problems, compression, CORS, and a stop that lets requests end.
 */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import compress from '@fastify/compress'
import cors from '@fastify/cors'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { version } from '../../pkg/base/version.ts'
import type { Database } from '../../pkg/command/dispatch.ts'
import { addGraphqlDoor } from '../graphql/door.ts'
import { openMetrics } from '../metrics/metrics.ts'
import { addRestDoor } from '../rest/door.ts'
import { problemBody, statusOf } from '../rest/problem.ts'
import { problemType, refuseClientError, refuseExpectations } from './unread-requests.ts'

export interface HttpDoorOptions {
  readonly bind: string
  /** 0: any free port. */
  readonly port: number
  readonly database: Database
  readonly log: Logger
  /** Origins that browsers may call from; empty: none but our own pages. */
  readonly corsOrigins?: readonly string[]
  /** How long a request may take to arrive; of a stream, how long nothing of it may come. */
  readonly requestTimeoutMs?: number
  /** Whether requests for data would be served now. */
  isReady(): boolean
}

export interface HttpDoor {
  readonly port: number
  /**
   * Stops accepting, ends streams of events, and resolves when every other request has been answered; those that have not after `patienceMs`
   * are cut off.
   */
  stop(patienceMs: number): Promise<void>
}

/** A document of the largest size in its most verbose text. */
const bodySizeMax = 64 * 1024 * 1024
const headersSizeMax = 32 * 1024
const requestTimeoutDefaultMs = 60_000
const headersTimeoutMs = 15_000
const keepAliveMs = 65_000
/** Texts, whole documents and streams of them; events must not wait until there is enough to compress. */
const compressible = /^text\/(?!event-stream)|[/+](?:x-nd)?json(?:;|$)|\/jsonl(?:;|$)/

/** Resolves when connections are accepted; rejects when the port cannot be had. */
export async function openHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const { bind, port } = options
  const app = fastify({
    forceCloseConnections: 'idle',
    bodyLimit: bodySizeMax,
    keepAliveTimeout: keepAliveMs,
    http: { maxHeaderSize: headersSizeMax, headersTimeout: headersTimeoutMs },
    genReqId: () => randomUUID(),
    clientErrorHandler: refuseClientError,
    // A path that cannot be decoded has no route, whose hooks and handlers would answer.
    frameworkErrors: (error, request, reply: FastifyReply) => {
      const id = String(request.id)
      return reply.code(statusOf(error)).header('x-request-id', id).type(problemType).send(problemBody(error, id))
    },
    routerOptions: { maxParamLength: 1024 },
  })
  shareManners(app, options)
  endEventStreams(app)
  refuseExpectations(app.server)
  limitArrival(app, options.requestTimeoutMs ?? requestTimeoutDefaultMs)
  app.get('/', { schema: { hide: true } }, () => ({
    name: 'LauraDB',
    version,
    docs: '/docs',
    openapi: '/openapi.json',
  }))
  app.get('/healthz', { schema: { hide: true } }, () => ({ status: 'ok' }))
  app.get('/readyz', { schema: { hide: true } }, (_request, reply) => {
    const ready = options.isReady()
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' })
  })
  const metrics = openMetrics(options.database)
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  )
  const corsOrigins = options.corsOrigins ?? []
  if (corsOrigins.length > 0)
    await app.register(cors, {
      origin: [...corsOrigins],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposedHeaders: ['etag', 'link', 'location', 'x-request-id', 'preference-applied'],
    })
  await app.register(compress, {
    threshold: 1024,
    encodings: ['zstd', 'br', 'gzip', 'deflate'],
    customTypes: compressible,
  })
  await app.register((scope) => addRestDoor(scope, { database: options.database }))
  await app.register((scope) => addGraphqlDoor(scope, { database: options.database, log: options.log, corsOrigins }))
  await app.listen({ host: bind, port })
  const address = app.server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    stop: async (patienceMs) => {
      const cut = setTimeout(() => app.server.closeAllConnections(), patienceMs)
      await app.close()
      clearTimeout(cut)
    },
  }
}

/** Streams of events have no end of their own: when the door closes they end, with their connections. */
function endEventStreams(app: FastifyInstance): void {
  const open = new Set<ServerResponse>()
  app.addHook('onSend', (_request, reply, payload, done) => {
    const { raw } = reply
    if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) {
      open.add(raw)
      raw.once('close', () => open.delete(raw))
    }
    done(null, payload)
  })
  app.addHook('preClose', (done) => {
    for (const response of open) response.end(() => response.socket?.end())
    done()
  })
}

/**
 * Ends requests whose bodies do not arrive in time. Node's own limit is one for all: an import would have to be sent within it, too. What
 * is handled while it still arrives is a stream, which may take as long as something comes.
 */
function limitArrival(app: FastifyInstance, timeoutMs: number): void {
  const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>()
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers, socket } = request.raw
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined)
      timers.set(
        request,
        setTimeout(() => socket.end('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n'), timeoutMs),
      )
    done()
  })
  app.addHook('preValidation', (request, _reply, done) => {
    clearTimeout(timers.get(request))
    if (!request.raw.complete && request.body !== undefined) request.raw.socket.setTimeout(timeoutMs)
    done()
  })
  app.addHook('onResponse', (request, _reply, done) => {
    clearTimeout(timers.get(request))
    done()
  })
}

/** What every answer has: its request's id, and errors as problems; and the line in the log. */
function shareManners(app: FastifyInstance, { log }: HttpDoorOptions): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', String(request.id)).header('x-content-type-options', 'nosniff')
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    log.info(
      {
        requestId: request.id,
        method: request.method,
        url: request.url,
        status: reply.statusCode,
        tookMs: Math.round(reply.elapsedTime * 10) / 10,
        remote: request.ip,
      },
      'http',
    )
    done()
  })
  app.setErrorHandler((error, request, reply) => {
    const status = statusOf(error)
    if (status >= 500 && status !== 501) log.error({ err: error, requestId: request.id }, 'a request failed')
    return reply
      .code(status)
      .type(problemType)
      .send(problemBody(error, String(request.id)))
  })
  app.setNotFoundHandler((request, reply) => {
    const error = Object.assign(new Error(`there is nothing at ${request.method} ${request.url}`), { statusCode: 404 })
    return reply
      .code(404)
      .type(problemType)
      .send(problemBody(error, String(request.id)))
  })
}
