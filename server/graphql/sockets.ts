/** Operations over WebSocket, by the graphql-ws protocol: each connection is one of the database, each operation has a context of its own. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { ExecutionArgs, GraphQLError, GraphQLFormattedError } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { assert } from '../../pkg/base/assert.ts'
import type { ConnectionContext } from '../../pkg/command/context.ts'
import type { OperationRequest } from './operation.ts'

export interface SocketOptions {
  /** Origins whose pages may call, beside our own. */
  readonly origins: readonly string[]
  connect(remoteAddress: string): ConnectionContext
  prepare(
    url: string,
    connection: ConnectionContext,
    request: OperationRequest,
  ): Promise<ExecutionArgs | readonly GraphQLError[]>
  show(error: GraphQLError): GraphQLFormattedError
}

/** What a WebSocket has beside its socket and the request that opened it. */
type SocketExtra = Readonly<Record<PropertyKey, unknown>> & { connection: ConnectionContext }

const messageBytesMax = 4 * 1024 * 1024
const path = /^\/graphql(?:[/?]|$)/

export class GraphqlSockets {
  readonly #origins: readonly string[]
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: messageBytesMax })

  constructor({ origins, connect, prepare, show }: SocketOptions) {
    this.#origins = origins
    useServer<Record<string, unknown>, SocketExtra>(
      {
        onConnect: ({ extra }) => {
          extra.connection = connect(extra.request.socket.remoteAddress ?? '')
        },
        onSubscribe: ({ extra: { request, connection } }, _id, payload) => {
          assert(connection !== undefined, 'an operation comes after the connection was acknowledged')
          return prepare(request.url!, connection, payload)
        },
        onNext: (_session, _id, _payload, _args, { errors, data = null }) =>
          errors === undefined ? undefined : { data, errors: errors.map(show) },
        onError: (_session, _id, _payload, errors) => errors.map((error) => show(error as GraphQLError)),
        onClose: ({ extra }) => extra.connection?.close(),
      },
      this.#sockets,
    )
  }

  takeUpgrades(app: FastifyInstance): void {
    app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // Nobody else listens any more, and a client may reset the connection at any moment.
      socket.on('error', () => socket.destroy())
      if (!path.test(request.url ?? '')) refuse(socket, '404 Not Found')
      else if (!this.#mayCall(request)) refuse(socket, '403 Forbidden')
      else this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#sockets.emit('connection', ws, request))
    })
  }

  /** Browsers send the page's origin, and leave it to the server to refuse: no rule of theirs keeps pages from other servers' WebSockets. */
  #mayCall({ headers: { origin, host } }: IncomingMessage): boolean {
    if (origin === undefined || this.#origins.includes(origin)) return true
    return URL.canParse(origin) && new URL(origin).host === host
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.close(1001, 'the server is stopping')
    this.#sockets.close()
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}
