/** The MongoDB wire door: accepts connections and hands their commands to `dispatch`. */
import { createServer, type Server, type Socket } from 'node:net'
import type { CommandMessage } from '../../pkg/command/dispatch.ts'
import { Connection } from './connection.ts'

/** One caller as the command path sees it. */
export interface Caller {
  dispatch(message: CommandMessage): Uint8Array | Promise<Uint8Array>
  /** The connection is gone. */
  close(): void
  /** Takes the way to close the transport at once. */
  droppable?(drop: () => void): void
}

export interface WireDoorOptions {
  readonly bind: string
  /** 0: any free port. */
  readonly port: number
  readonly connectionsMax: number
  /** Called for every accepted connection; the addresses are `host:port`. */
  accept(connectionId: number, remoteAddress: string, localAddress: string): Caller
  readonly log: DoorLog
  /** A bug came to light while a command ran: the node must stop. */
  failed(error: unknown): void
}

export interface DoorLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

const keepAliveDelayMs = 120_000
const listenBacklog = 4096

export class WireDoor {
  readonly #options: WireDoorOptions
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  #lastConnectionId = 0
  #stopping = false
  #allClosed: (() => void) | undefined

  constructor(options: WireDoorOptions) {
    this.#options = options
    this.#server = createServer({ keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs, noDelay: true })
    this.#server.maxConnections = options.connectionsMax
    this.#server.on('connection', (socket) => this.#accept(socket))
    this.#server.on('drop', (dropped) => {
      options.log.warn(
        { remoteAddress: dropped?.remoteAddress, connectionsMax: options.connectionsMax },
        'connection refused: too many open',
      )
    })
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Resolves to the port that accepts connections; rejects when it cannot be had (EADDRINUSE, EACCES, ...). */
  listen(): Promise<number> {
    const { bind, port } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host: bind, port, backlog: listenBacklog }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error) =>
          this.#options.log.warn({ error: error.message }, 'cannot accept a connection'),
        )
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  /** Stops accepting, answers what is running, closes every connection; those that take longer than `patienceMs` are cut. */
  stop(patienceMs: number): Promise<void> {
    this.#stopping = true
    return new Promise((resolve) => {
      const cut = setTimeout(() => {
        for (const connection of this.#connections) connection.destroy()
      }, patienceMs)
      this.#allClosed = () => {
        clearTimeout(cut)
        resolve()
      }
      this.#server.close()
      for (const connection of this.#connections) connection.end()
      if (this.#connections.size === 0) this.#allClosed()
    })
  }

  #accept(socket: Socket): void {
    const { log } = this.#options
    const connectionId = ++this.#lastConnectionId
    const remoteAddress = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`
    const localAddress = `${socket.localAddress ?? ''}:${socket.localPort ?? ''}`
    const caller = this.#options.accept(connectionId, remoteAddress, localAddress)
    const connection = new Connection(socket, {
      dispatch: (message) => caller.dispatch(message),
      closed: () => {
        this.#connections.delete(connection)
        log.debug({ connectionId }, 'connection closed')
        caller.close()
        if (this.#stopping && this.#connections.size === 0) this.#allClosed?.()
      },
      refused: (reason) => log.info({ connectionId, remoteAddress, reason }, 'connection broken'),
      lost: (reason) => log.debug({ connectionId, reason }, 'connection lost'),
      failed: (error) => this.#options.failed(error),
    })
    caller.droppable?.(() => connection.destroy())
    this.#connections.add(connection)
    log.debug({ connectionId, remoteAddress }, 'connection accepted')
    if (this.#stopping) connection.end()
  }
}
