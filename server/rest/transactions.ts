/**
 * Transactions as resources: POST makes one, requests that name it in `Laura-Transaction` are statements of it, commit and abort end it.
 *
 *   open ──statement──▶ open ──commit──▶ committed (kept, so that a repeated commit is told so)
 *     └─────────────────┴──abort, its lifetime──▶ gone
 */
import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { buildDocument, rawDocument } from '../../pkg/bson/build.ts'
import { binaryValue } from '../../pkg/bson/value.ts'
import type { Caller } from './caller.ts'
import { HttpProblem } from './problem.ts'

interface OpenTransaction {
  readonly session: ReturnType<typeof rawDocument>
  /** What its first statement has besides its own fields. */
  readonly first: Readonly<Record<string, unknown>>
  started: boolean
  busy: boolean
  lastUseMs: number
}

const transactionNumber = 1n
const transactionsMax = 10_000
/** The database ends a transaction that lives too long by itself; what is kept of it here goes a while later. */
const keptMs = 10 * 60_000

export class Transactions {
  readonly #open = new Map<string, OpenTransaction>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Makes a transaction that begins with its first statement, which gets the fields of `first`; its id. */
  begin(first: Readonly<Record<string, unknown>>): string {
    this.#forgetOld()
    if (this.#open.size >= transactionsMax)
      throw new HttpProblem(503, 'TooManyTransactions', 'too many transactions are open')
    const id = randomUUID()
    this.#open.set(id, {
      session: sessionOf(uuidBytes(id)),
      first,
      started: false,
      busy: false,
      lastUseMs: this.#now(),
    })
    return id
  }

  /** Makes the caller's commands statements of the transaction that the request names; call what is returned when they are done. */
  join(caller: Caller, request: FastifyRequest): (() => void) | undefined {
    const id = request.headers['laura-transaction']
    if (id === undefined) return undefined
    if (typeof id !== 'string') throw new HttpProblem(400, 'BadValue', 'one request is a statement of one transaction')
    const transaction = this.#named(id)
    if (transaction.busy)
      throw new HttpProblem(409, 'TransactionBusy', 'another statement of the transaction is running')
    transaction.busy = true
    Object.assign(caller.shared, { lsid: transaction.session, txnNumber: transactionNumber, autocommit: false })
    if (!transaction.started) Object.assign(caller.shared, { startTransaction: true, ...transaction.first })
    caller.onCommand = () => {
      transaction.started = true
      for (const name of ['startTransaction', ...Object.keys(transaction.first)]) delete caller.shared[name]
    }
    return () => {
      transaction.busy = false
      transaction.lastUseMs = this.#now()
    }
  }

  async end(caller: Caller, id: string, how: 'commitTransaction' | 'abortTransaction'): Promise<void> {
    const transaction = this.#named(id)
    if (transaction.busy) throw new HttpProblem(409, 'TransactionBusy', 'a statement of the transaction is running')
    const { session: lsid, started } = transaction
    try {
      if (started) await caller.run('admin', { [how]: 1, lsid, txnNumber: transactionNumber, autocommit: false })
    } finally {
      if (how === 'abortTransaction' || !started) this.#open.delete(id)
    }
  }

  #named(id: string): OpenTransaction {
    const transaction = this.#open.get(id)
    if (transaction === undefined) throw new HttpProblem(404, 'NoSuchTransaction', `there is no transaction ${id}`)
    return transaction
  }

  #forgetOld(): void {
    const before = this.#now() - keptMs
    for (const [id, { lastUseMs, busy }] of this.#open) if (!busy && lastUseMs < before) this.#open.delete(id)
  }
}

function sessionOf(uuid: Uint8Array): ReturnType<typeof rawDocument> {
  return rawDocument(buildDocument({ id: binaryValue(uuid, 4) }))
}

function uuidBytes(uuid: string): Uint8Array {
  return Uint8Array.from(Buffer.from(uuid.replaceAll('-', ''), 'hex'))
}
