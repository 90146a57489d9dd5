/**
 * Histories on a real server: clients of the official driver append to lists in transactions, transfer money and count, while the server is killed
 * and started again; what they saw and were told goes to the checkers of `pkg/sim`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientSession, type Db, MongoClient, MongoError } from 'mongodb'
import type { Random } from '../../../pkg/io/random.ts'
import { checkListAppend, type ListOperation, type ListTransaction } from '../../../pkg/sim/checkers/list-append.ts'
import { checkBank } from '../../../pkg/sim/checkers/snapshots.ts'
import { LauraServer } from '../../laura-process.ts'

const clientCount = 6
const listCount = 3
const accountCount = 5
const balance = 100

interface List {
  readonly _id: number
  readonly v: number[]
}

interface Account {
  readonly _id: number
  readonly balance: number
}

export interface DriverHistoryReport {
  readonly committed: number
  readonly aborted: number
  readonly unknown: number
  readonly kills: number
}

type Outcome = ListTransaction['outcome']

export class DriverHistory {
  readonly #dir: string
  readonly #random: Random
  readonly #outcomes: Record<Outcome, number> = { committed: 0, aborted: 0, unknown: 0 }
  readonly #history: ListTransaction[] = []
  readonly #snapshots: number[][] = []
  #server: LauraServer | undefined
  #eventCount = 0
  #lastValue = 0
  #counted = 0
  #perhapsCounted = 0
  #kills = 0

  /** `dir`: of a database that is not there yet. */
  constructor(dir: string, random: Random) {
    this.#dir = dir
    this.#random = random
  }

  /** Throws an Error that says what was wrong in the history. */
  async run(steps: number, kills: number): Promise<DriverHistoryReport> {
    this.#server = await this.#start('0')
    const port = new URL(this.#server.mongoUri).port
    const client = new MongoClient(`${this.#server.mongoUri}/?replicaSet=history&serverSelectionTimeoutMS=20000`)
    try {
      const db = client.db('history')
      await this.#setUp(db)
      let working = true
      const killing = this.#killNowAndThen(port, kills, () => working)
      await Promise.all(Array.from({ length: clientCount }, () => this.#work(client, db, steps)))
      working = false
      await killing
      await this.#check(db)
    } finally {
      await client.close()
      await this.#server.stop()
    }
    return { ...this.#outcomes, kills: this.#kills }
  }

  #start(port: string): Promise<LauraServer> {
    return LauraServer.start(this.#dir, ['--repl-set', 'history', '--mongo-port', port, '--log-level', 'error'])
  }

  async #killNowAndThen(port: string, kills: number, working: () => boolean): Promise<void> {
    for (let kill = 0; kill < kills && working(); kill++) {
      await sleep(200 + this.#below(400))
      this.#server!.process.kill('SIGKILL')
      await this.#server!.finished
      this.#kills++
      this.#server = await this.#start(port)
    }
  }

  async #setUp(db: Db): Promise<void> {
    await db.collection<List>('lists').insertMany(Array.from({ length: listCount }, (_, _id) => ({ _id, v: [] })))
    const accounts = Array.from({ length: accountCount }, (_, _id) => ({ _id, balance }))
    await db.collection<Account>('accounts').insertMany(accounts)
    await db.collection<{ _id: number; n: number }>('counters').insertOne({ _id: 1, n: 0 })
  }

  async #work(client: MongoClient, db: Db, steps: number): Promise<void> {
    await using session = client.startSession()
    for (let step = 0; step < steps; step++) {
      const kind = this.#below(4)
      if (kind === 0) await this.#count(db)
      else if (kind === 1) await this.#transfer(session, db)
      else await this.#append(session, db)
    }
  }

  async #count(db: Db): Promise<void> {
    try {
      await db.collection<{ _id: number; n: number }>('counters').updateOne({ _id: 1 }, { $inc: { n: 1 } })
      this.#counted++
      this.#outcomes.committed++
    } catch (error) {
      if (!(error instanceof MongoError)) throw error
      this.#perhapsCounted++
      this.#outcomes.unknown++
    }
  }

  async #append(session: ClientSession, db: Db): Promise<void> {
    const lists = db.collection<List>('lists')
    const operations: ListOperation[] = []
    const beganAt = ++this.#eventCount
    const outcome = await this.#transaction(session, async () => {
      for (let i = 1 + this.#below(3); i > 0; i--) {
        const key = this.#below(listCount)
        if (this.#below(2) === 0) {
          const value = ++this.#lastValue
          operations.push({ kind: 'append', key, value })
          await lists.updateOne({ _id: key }, { $push: { v: value } }, { session })
        } else {
          const found = await lists.findOne({ _id: key }, { session })
          operations.push({ kind: 'read', key, values: found!.v })
        }
      }
    })
    this.#history.push({ operations, outcome, beganAt, endedAt: ++this.#eventCount })
  }

  async #transfer(session: ClientSession, db: Db): Promise<void> {
    const accounts = db.collection<Account>('accounts')
    const from = this.#below(accountCount)
    const to = (from + 1 + this.#below(accountCount - 1)) % accountCount
    await this.#transaction(session, async () => {
      const account = await accounts.findOne({ _id: from }, { session })
      await accounts.updateOne({ _id: from }, { $set: { balance: account!.balance - 1 } }, { session })
      await accounts.updateOne({ _id: to }, { $inc: { balance: 1 } }, { session })
    })
    const seen = accounts.find({}, { readConcern: { level: 'snapshot' } }).toArray()
    this.#snapshots.push(...(await seen.then(balancesOf, ofMongo)))
  }

  /** One transaction with the driver's own commit, which is asked for again while its outcome is unknown. */
  async #transaction(session: ClientSession, body: () => Promise<void>): Promise<Outcome> {
    let outcome: Outcome = 'aborted'
    try {
      session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } })
      await body()
      outcome = await this.#commit(session)
    } catch (error) {
      if (!(error instanceof MongoError)) throw error
      if (session.inTransaction()) await session.abortTransaction()
    }
    this.#outcomes[outcome]++
    return outcome
  }

  async #commit(session: ClientSession): Promise<Outcome> {
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        await session.commitTransaction()
        return 'committed'
      } catch (error) {
        if (!(error instanceof MongoError)) throw error
        if (error.hasErrorLabel('TransientTransactionError')) return 'aborted'
        if (!error.hasErrorLabel('UnknownTransactionCommitResult')) return 'unknown'
      }
    }
    return 'unknown'
  }

  async #check(db: Db): Promise<void> {
    const beganAt = ++this.#eventCount
    const lists = await db.collection<List>('lists').find().toArray()
    const operations = lists.map(({ _id, v }): ListOperation => ({ kind: 'read', key: _id, values: v }))
    this.#history.push({ operations, outcome: 'committed', beganAt, endedAt: ++this.#eventCount })
    this.#snapshots.push(...balancesOf(await db.collection<Account>('accounts').find().toArray()))
    const counter = await db.collection<{ _id: number; n: number }>('counters').findOne({ _id: 1 })
    const problems = [
      ...checkListAppend(this.#history)
        .filter(({ kind }) => kind !== 'G2-item')
        .map(({ kind, about }) => `${kind}: ${about}`),
      ...checkBank(this.#snapshots, accountCount * balance),
    ]
    const n = counter!.n
    if (n < this.#counted || n > this.#counted + this.#perhapsCounted)
      problems.push(`${this.#counted} increments, and perhaps ${this.#perhapsCounted} more, came to ${n}`)
    if (problems.length > 0) throw new Error(problems.slice(0, 5).join('\n'))
  }

  #below(limit: number): number {
    return this.#random.bytes(1)[0]! % limit
  }
}

function balancesOf(accounts: readonly Account[]): number[][] {
  return [accounts.map((account) => account.balance)]
}

/** A read that the server did not survive says nothing. */
function ofMongo(error: unknown): number[][] {
  if (error instanceof MongoError) return []
  throw error
}
