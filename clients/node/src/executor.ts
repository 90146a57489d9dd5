/** Runs commands: finds a connection, adds the session's fields, tries again where that is safe, turns failures into errors. */
import { type Document, deserialize, Long, serialize } from 'bson'
import type { Sequence } from './codec.ts'
import type { Connection } from './connection.ts'
import {
  LauraError,
  LauraNetworkError,
  LauraServerError,
  LauraWriteConcernError,
  labelsOf,
  mayReadAgain,
  mayWriteAgain,
} from './errors.ts'
import { Pool } from './pool.ts'
import { type ClientSession, type ServerSession, ServerSessions } from './session.ts'
import type { Settings } from './uri.ts'

export interface RunOptions {
  readonly session?: ClientSession | undefined
  /** What may be done when the connection breaks: a read comes again as it is, a write with the same transaction number. */
  readonly again?: 'read' | 'write' | undefined
  readonly sequence?: Sequence | undefined
  /** Lets the caller look at write errors itself. */
  readonly keepsWriteErrors?: boolean
}

export class Executor {
  readonly settings: Settings
  readonly sessions = new ServerSessions()
  readonly #pool: Pool

  constructor(settings: Settings) {
    this.settings = settings
    this.#pool = new Pool(settings)
  }

  async connect(): Promise<void> {
    await this.#pool.acquire()
  }

  acquire(): Connection | Promise<Connection> {
    return this.#pool.acquire()
  }

  /** Ends the sessions that the server still knows, and all connections. */
  async close(): Promise<void> {
    const ids = this.sessions.drain()
    if (ids.length > 0 && this.#pool.hello !== undefined)
      await this.run('admin', { endSessions: ids.slice(0, 10_000) }).catch(ignored)
    this.#pool.close()
  }

  encode(document: Document): Uint8Array {
    return serialize(document, { ignoreUndefined: this.settings.ignoreUndefined })
  }

  decode(bytes: Uint8Array): Document {
    return deserialize(bytes, this.settings.bson)
  }

  /** Runs a command and resolves with its reply. Errors: LauraServerError, LauraNetworkError. */
  async run(databaseName: string, command: Document, options: RunOptions = {}): Promise<Document> {
    const { session, again } = options
    if (again === 'write') return this.#write(databaseName, command, options)
    const body = this.body(databaseName, command, session)
    try {
      return await this.#once(body, options)
    } catch (error) {
      if (again !== 'read' || !this.settings.retryReads || session?.inTransaction() || !mayReadAgain(error)) {
        throw inTransaction(session, error)
      }
      return this.#once(body, options)
    }
  }

  /** Runs a command that has its session's fields already, behind what the session has asked for before. */
  runInLane(databaseName: string, command: Document, lane: number): Promise<Document> {
    return this.#once(this.body(databaseName, command), {}, lane)
  }

  /** A write that is done once, however often it is sent, if the server keeps transaction numbers. */
  async #write(databaseName: string, command: Document, options: RunOptions): Promise<Document> {
    const { session } = options
    if (session?.inTransaction()) {
      const body = this.body(databaseName, command, session)
      return this.#once(body, options).catch((error: unknown) => {
        throw inTransaction(session, error)
      })
    }
    const connection = await this.#pool.acquire()
    // Only members of a replica set keep them, as MongoDB has it.
    const numbered = this.settings.retryWrites && connection.hello['setName'] !== undefined
    const server: ServerSession | undefined = numbered ? (session?.serverSession ?? this.sessions.take()) : undefined
    try {
      if (server !== undefined) {
        server.txnNumber++
        command = { ...command, lsid: server.id, txnNumber: Long.fromNumber(server.txnNumber) }
      }
      const body = this.body(databaseName, command, session)
      try {
        return await this.#once(body, options)
      } catch (error) {
        if (server === undefined || !mayWriteAgain(error)) throw error
        return await this.#once(body, options)
      }
    } finally {
      if (server !== undefined && session === undefined) this.sessions.giveBack(server)
    }
  }

  /** The bytes of a command. */
  body(databaseName: string, command: Document, session?: ClientSession): Uint8Array {
    const whole: Document = { ...command, $db: databaseName }
    if (session !== undefined) session.apply(whole)
    return this.encode(whole)
  }

  async #once(body: Uint8Array, options: RunOptions, lane = options.session?.lane ?? 0): Promise<Document> {
    const { sequence, keepsWriteErrors } = options
    const acquired = this.#pool.acquire()
    const connection = acquired instanceof Promise ? await acquired : acquired
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      connection.send({ body, sequence, lane }, { reply: resolve, failed: reject })
    })
    const reply = this.decode(bytes)
    throwIfFailed(reply)
    if (keepsWriteErrors !== true) throwWriteErrors(reply)
    return reply
  }
}

/** Throws what a reply with `ok: 0` says. */
export function throwIfFailed(reply: Document): void {
  if (Number(reply['ok']) === 0) throw new LauraServerError(reply)
}

function throwWriteErrors(reply: Document): void {
  const [first] = (reply['writeErrors'] ?? []) as Document[]
  if (first !== undefined) throw new LauraServerError(first, labelsOf(reply))
  const concern = reply['writeConcernError'] as Document | undefined
  if (concern !== undefined) throw new LauraWriteConcernError(concern, labelsOf(reply))
}

/** A connection that breaks in a transaction: all of it may come again. */
function inTransaction(session: ClientSession | undefined, error: unknown): unknown {
  if (!(error instanceof LauraNetworkError) || session === undefined || !session.inTransaction()) return error
  return new LauraNetworkError(error.message, ['TransientTransactionError'], error)
}

function ignored(error: unknown): void {
  if (!(error instanceof LauraError)) throw error
}
