/** The connections of a client: opened when they are needed, the least busy one used. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection } from './connection.ts'
import { LauraNetworkError, LauraUsageError } from './errors.ts'
import type { Settings } from './uri.ts'

const firstPauseMs = 20
const longestPauseMs = 1000

export class Pool {
  readonly #settings: Settings
  readonly #connections: Connection[] = []
  #opening: Promise<Connection> | undefined
  #closed = false

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** A connection that is ready. Errors: LauraNetworkError, when none could be made in time; LauraUsageError after `close`. */
  acquire(): Connection | Promise<Connection> {
    if (this.#closed) return Promise.reject(new LauraUsageError('the client is closed'))
    let best: Connection | undefined
    for (const connection of this.#connections)
      if (best === undefined || connection.inProgress < best.inProgress) best = connection
    if (best === undefined) return this.#open()
    const { maxPoolSize, commandsPerConnection } = this.#settings
    if (best.inProgress >= commandsPerConnection && this.#connections.length < maxPoolSize) {
      // Who asks now is served by what there is; if it cannot be opened, that stays so.
      this.#open().catch(() => undefined)
    }
    return best
  }

  /** The server's answer to the hello of a connection that there is. */
  get hello(): Connection['hello'] | undefined {
    return this.#connections[0]?.hello
  }

  close(): void {
    this.#closed = true
    for (const connection of [...this.#connections]) connection.close()
  }

  /** Opens one connection, however many ask. */
  #open(): Promise<Connection> {
    this.#opening ??= this.#tryToOpen().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #tryToOpen(): Promise<Connection> {
    const endMs = performance.now() + this.#settings.serverSelectionTimeoutMS
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      try {
        const connection = await Connection.open(this.#settings)
        if (this.#closed) {
          connection.close()
          throw new LauraUsageError('the client is closed')
        }
        this.#connections.push(connection)
        connection.onClosed = () => {
          const at = this.#connections.indexOf(connection)
          if (at >= 0) this.#connections.splice(at, 1)
        }
        // It may have broken before anybody could be told.
        if (connection.isClosed) connection.onClosed()
        else return connection
      } catch (error) {
        if (!(error instanceof LauraNetworkError) || this.#closed || performance.now() + pauseMs >= endMs) throw error
      }
      await sleep(pauseMs)
    }
  }
}
