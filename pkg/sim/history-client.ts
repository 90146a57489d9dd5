/**
 * What a driver does for an application, over a simulated connection: sessions, retryable writes that are sent again when the
 * server was gone, and transactions of which it knows that they committed, that they were aborted, or neither.
 */
import { Binary, Long } from 'bson'
import { DatabaseError } from '../base/errors.ts'
import { localContext } from '../command/context.ts'
import { ClientSession, type TransactionOptions } from '../embedded/session.ts'
import { type Document, heard, ServerGone, type SimulatedConnection, type SimulatedServer } from './simulated-server.ts'

export type Outcome = 'committed' | 'aborted' | 'unknown'

/** The statement failed, and the transaction with it. */
class TransactionFailed extends Error {
  override readonly name = 'TransactionFailed'
}

/** How often a command is sent again before its outcome is left unknown. */
const attemptsMax = 20

export class HistoryClient {
  readonly #server: SimulatedServer
  readonly #connection: SimulatedConnection
  readonly #lsid: Document
  #txnNumber = 0

  constructor(server: SimulatedServer) {
    this.#server = server
    this.#connection = server.connect()
    this.#lsid = { id: new Binary(Buffer.from(server.random.bytes(16)), 4) }
  }

  /** A write under a number of its own, sent until it is answered: done exactly once. */
  async write(command: Document): Promise<Document> {
    const numbered = { ...command, lsid: this.#lsid, txnNumber: Long.fromNumber(++this.#txnNumber) }
    for (let attempt = 1; ; attempt++) {
      try {
        return succeeded(await this.#connection.send(numbered))
      } catch (error) {
        if (!(error instanceof ServerGone) || attempt === attemptsMax) throw error
      }
    }
  }

  /** A read, sent until it is answered. */
  async read(command: Document): Promise<Document[]> {
    return documentsOf(await this.command(command))
  }

  /** A command that may be done more than once, sent until it is answered. */
  async command(command: Document): Promise<Document> {
    for (let attempt = 1; ; attempt++) {
      try {
        return succeeded(await this.#connection.send(command))
      } catch (error) {
        if (!(error instanceof ServerGone) || attempt === attemptsMax) throw error
      }
    }
  }

  /**
   * Runs `body` as one transaction. Its statements go through `run`, which throws when the transaction is over. The commit is sent again
   * when the server was gone: it then says what became of it.
   */
  async transaction(body: (run: (command: Document) => Promise<Document>) => Promise<void>): Promise<Outcome> {
    const fields = { lsid: this.#lsid, txnNumber: Long.fromNumber(++this.#txnNumber), autocommit: false }
    let isFirst = true
    const run = async (command: Document): Promise<Document> => {
      const start = isFirst ? { startTransaction: true, readConcern: { level: 'snapshot' } } : {}
      isFirst = false
      const reply = await this.#connection.send({ ...command, ...fields, ...start })
      if (reply['ok'] !== 1 || reply['writeErrors'] !== undefined)
        throw new TransactionFailed(`${reply['codeName']}: ${reply['errmsg']}`)
      return reply
    }
    try {
      await body(run)
    } catch (error) {
      if (!(error instanceof TransactionFailed) && !(error instanceof ServerGone)) throw error
      return 'aborted'
    }
    if (isFirst) return 'committed'
    return this.#commit(fields)
  }

  /** As `transaction`, through the embedded API, with an isolation level of its own; a commit that the server did not survive is unknown. */
  async isolated(
    options: TransactionOptions,
    body: (run: (command: Document) => Promise<Document>) => Promise<void>,
  ): Promise<Outcome> {
    const life = await this.#server.life()
    const session = new ClientSession(life.database, localContext('history'))
    session.startTransaction(options)
    try {
      await body((command) => heard(life, session.port.command('test', command).then(succeeded)))
    } catch (error) {
      if (error instanceof ServerGone) return 'aborted'
      if (!isRefusal(error)) throw error
      await session.endSession()
      return 'aborted'
    }
    try {
      await heard(life, session.commitTransaction())
      return 'committed'
    } catch (error) {
      if (error instanceof ServerGone) return 'unknown'
      if (isRefusal(error)) return 'aborted'
      throw error
    }
  }

  async #commit(fields: Document): Promise<Outcome> {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      try {
        const reply = await this.#connection.send({ commitTransaction: 1, ...fields, $db: 'admin' })
        if (reply['ok'] === 1) return 'committed'
        const labels = (reply['errorLabels'] as string[] | undefined) ?? []
        // A first attempt that was refused is not done; one after a crash was lost with it.
        if (labels.includes('TransientTransactionError')) return 'aborted'
        return 'unknown'
      } catch (error) {
        if (!(error instanceof ServerGone)) throw error
      }
      await this.#server.sleep(1)
    }
    return 'unknown'
  }
}

/** How transactions end that met others. */
const refusals: ReadonlySet<string> = new Set([
  'WriteConflict',
  'NoSuchTransaction',
  'LockTimeout',
  'SnapshotUnavailable',
])

function isRefusal(error: unknown): boolean {
  if (error instanceof RefusedWrite) return true
  return error instanceof DatabaseError && refusals.has(error.codeName)
}

/** A write command that answered with write errors. */
class RefusedWrite extends Error {
  override readonly name = 'RefusedWrite'
}

function succeeded(reply: Document): Document {
  if (reply['ok'] !== 1) throw new Error(`${reply['codeName']}: ${reply['errmsg']}`)
  const [error] = (reply['writeErrors'] as Document[] | undefined) ?? []
  if (error !== undefined) throw new RefusedWrite(`write error ${error['code']}: ${error['errmsg']}`)
  return reply
}

export function documentsOf(reply: Document): Document[] {
  return (succeeded(reply)['cursor'] as { readonly firstBatch: Document[] }).firstBatch
}
