/**
 * Histories: clients that work at the same time on a server that crashes, and what they saw and were told, judged by a checker. What
 * the history tests and the soak repeat with many seeds.
 *
 *   list append   transactions that append to a few lists and read them      no cycle but G2-item, nothing lost
 *   serializable  the same at the level serializable                         no cycle at all
 *   committed     the same at the level read committed                       G0 and G1 do not occur
 *   write skew    transactions that take one of a pair if both are there     no pair loses both
 *   bank          transfers between accounts, and snapshots of all           the sum is the same in each, and at the end
 *   register      writes, reads and compare-and-set of a few documents       linearizable
 *   long fork     inserts of one document each, and snapshots of all         all see them in one order
 *   counter       increments under transaction numbers, sent again           each counts once
 */

import { Long } from 'bson'
import type { TransactionOptions } from '../embedded/session.ts'
import { checkRegister, type RegisterOperation } from './checkers/linearizability.ts'
import { checkListAppend, type ListOperation, type ListTransaction } from './checkers/list-append.ts'
import { checkBank, checkLongFork, checkWriteSkew, type Seen } from './checkers/snapshots.ts'
import { smallEngine } from './engine-workload.ts'
import { documentsOf, HistoryClient, type Outcome } from './history-client.ts'
import { type Document, ServerGone, SimulatedServer } from './simulated-server.ts'

export interface HistoryReport {
  /** What was done and known to be done. */
  readonly committed: number
  readonly aborted: number
  readonly unknown: number
  readonly crashes: number
}

interface Workload {
  setUp?(client: HistoryClient): Promise<void>
  /** One piece of work of a client; `n` counts them over all clients. */
  step(client: HistoryClient, server: SimulatedServer, n: number): Promise<void>
  /** What is wrong with what was seen. */
  check(client: HistoryClient, server: SimulatedServer): Promise<readonly string[]>
  readonly report: Omit<HistoryReport, 'crashes'>
}

const clientCount = 5
const stepsPerClient = 12
const crashChance = 0.7

export const workloadNames = [
  'list append',
  'serializable',
  'committed',
  'write skew',
  'bank',
  'register',
  'long fork',
  'counter',
] as const
export type WorkloadName = (typeof workloadNames)[number]

/** Runs a workload; throws an Error that begins with what to repeat when its history is not what it must be. */
export async function historyRun(name: WorkloadName, seed: number): Promise<HistoryReport> {
  const server = new SimulatedServer(seed, {
    ...smallEngine,
    commitSliceOperations: 1 + (seed % 3),
    commitSliceEntries: 1,
  })
  const workload = workloads[name]()
  try {
    const observer = new HistoryClient(server)
    await workload.setUp?.(observer)
    let steps = 0
    let done = false
    const work = async (client: HistoryClient): Promise<void> => {
      for (let i = 0; i < stepsPerClient; i++) {
        await workload.step(client, server, ++steps)
        if (server.random.chance(0.3)) await server.sleep(server.random.integer(3))
      }
    }
    const crash = async (): Promise<void> => {
      while (!done && server.random.chance(crashChance)) {
        await server.sleep(1 + server.random.integer(12))
        if (!done) await server.crash()
      }
    }
    const clients = Array.from({ length: clientCount }, () => new HistoryClient(server))
    const crashing = crash()
    await Promise.all(clients.map(work))
    done = true
    await crashing
    // What is only in memory must be on disk too.
    await server.crash()
    const problems = await workload.check(observer, server)
    if (problems.length > 0) throw new Error(problems.slice(0, 5).join('\n'))
    await server.stop()
  } catch (error) {
    throw new Error(`historyRun('${name}', ${seed}): ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  return { ...workload.report, crashes: server.crashCount }
}

class Tally {
  committed = 0
  aborted = 0
  unknown = 0

  count(outcome: 'committed' | 'aborted' | 'unknown'): void {
    this[outcome]++
  }
}

const workloads: Readonly<Record<WorkloadName, () => Workload>> = {
  'list append': () => new ListAppend(undefined, (kind) => kind !== 'G2-item'),
  serializable: () => new ListAppend('serializable', () => true),
  committed: () => new ListAppend('read committed', (kind) => ofReadCommitted.has(kind)),
  'write skew': () => new WriteSkew(),
  bank: () => new Bank(),
  register: () => new Register(),
  'long fork': () => new LongFork(),
  counter: () => new Counter(),
}

const majority = { level: 'majority' }

/** What may not occur when each statement sees what is committed by then. */
const ofReadCommitted: ReadonlySet<string> = new Set([
  'G0',
  'G1a',
  'G1b',
  'duplicate',
  'incompatible order',
  'phantom value',
  'bad history',
])

type Isolation = TransactionOptions['isolation']

/** Runs a transaction over the wire (no `isolation`), or at this level; one of two waits for locks, or locks what it reads. */
function transact(
  client: HistoryClient,
  { random }: SimulatedServer,
  isolation: Isolation | undefined,
  body: Parameters<HistoryClient['transaction']>[0],
): Promise<Outcome> {
  if (isolation === undefined) return client.transaction(body)
  const onConflict = random.chance(0.5) ? 'wait' : 'abort'
  const readLocks = isolation === 'serializable' && random.chance(0.5)
  return client.isolated({ isolation, onConflict, readLocks, lockTimeoutMs: 20 }, body)
}

class ListAppend implements Workload {
  readonly report = new Tally()
  readonly #isolation: Isolation | undefined
  readonly #isForbidden: (kind: string) => boolean
  readonly #history: ListTransaction[] = []
  #lastValue = 0

  constructor(isolation: Isolation | undefined, isForbidden: (kind: string) => boolean) {
    this.#isolation = isolation
    this.#isForbidden = isForbidden
  }

  async setUp(client: HistoryClient): Promise<void> {
    await client.write({ insert: 'lists', documents: [0, 1, 2].map((_id) => ({ _id, v: [] })) })
  }

  async step(client: HistoryClient, server: SimulatedServer): Promise<void> {
    const operations: ListOperation[] = []
    const beganAt = server.tick()
    const outcome = await transact(client, server, this.#isolation, async (run) => {
      const rest = server.random.chance(0.3) ? await readByCursor(run, operations) : undefined
      for (let i = 1 + server.random.integer(4); i > 0; i--) {
        const key = server.random.integer(3)
        if (server.random.chance(0.5)) {
          const value = ++this.#lastValue
          operations.push({ kind: 'append', key, value })
          await run({ update: 'lists', updates: [{ q: { _id: key }, u: { $push: { v: value } } }] })
        } else {
          const [found] = documentsOf(await run({ find: 'lists', filter: { _id: key } }))
          operations.push({ kind: 'read', key, values: found!['v'] as number[] })
        }
        if (server.random.chance(0.3)) await server.sleep(server.random.integer(2))
      }
      await rest?.()
    })
    this.report.count(outcome)
    this.#history.push({ operations, outcome, beganAt, endedAt: server.tick() })
  }

  async check(client: HistoryClient, server: SimulatedServer): Promise<readonly string[]> {
    const beganAt = server.tick()
    const lists = await client.read({ find: 'lists', readConcern: majority })
    const operations = lists.map(
      ({ _id, v }): ListOperation => ({ kind: 'read', key: _id as number, values: v as number[] }),
    )
    this.#history.push({ operations, outcome: 'committed', beganAt, endedAt: server.tick() })
    return checkListAppend(this.#history)
      .filter(({ kind }) => this.#isForbidden(kind))
      .map(({ kind, about }) => `${kind}: ${about}`)
  }
}

/** Reads the first of the lists by a cursor over all; what is returned reads the others, after whatever has been done meanwhile. */
async function readByCursor(
  run: (command: Document) => Promise<Document>,
  operations: ListOperation[],
): Promise<() => Promise<void>> {
  const note = ({ cursor }: Document): unknown => {
    const {
      id,
      firstBatch,
      nextBatch = firstBatch,
    } = cursor as { id: unknown; firstBatch?: Document[]; nextBatch?: Document[] }
    for (const { _id, v } of nextBatch!) operations.push({ kind: 'read', key: _id as number, values: v as number[] })
    return id
  }
  let id = note(await run({ find: 'lists', batchSize: 1 }))
  return async () => {
    while (Number(id) !== 0)
      id = note(await run({ getMore: Long.fromString(String(id)), collection: 'lists', batchSize: 1 }))
  }
}

const pairCount = 6

class WriteSkew implements Workload {
  readonly report = new Tally()

  async setUp(client: HistoryClient): Promise<void> {
    const documents = Array.from({ length: 2 * pairCount }, (_, _id) => ({ _id, pair: _id >> 1, on: true }))
    await client.write({ insert: 'pairs', documents })
    await client.command({ createIndexes: 'pairs', indexes: [{ key: { pair: 1 }, name: 'pair_1' }] })
  }

  async step(client: HistoryClient, server: SimulatedServer): Promise<void> {
    const { random } = server
    const pair = random.integer(pairCount)
    const byIndex = random.chance(0.5)
    const outcome = await transact(client, server, 'serializable', async (run) => {
      const filter = byIndex ? { pair } : { _id: { $gte: 2 * pair, $lte: 2 * pair + 1 } }
      const both = documentsOf(await run({ find: 'pairs', filter }))
      if (random.chance(0.5)) await server.sleep(random.integer(3))
      const on = both.filter((each) => each['on'] === true)
      if (on.length < 2) {
        // So that there is something to take away again.
        await run({ update: 'pairs', updates: [{ q: { pair, on: false }, u: { $set: { on: true } } }] })
        return
      }
      const { _id } = on[random.integer(2)]!
      await run({ update: 'pairs', updates: [{ q: { _id }, u: { $set: { on: false } } }] })
      this.#taken++
    })
    this.report.count(outcome)
    this.#see(await client.read({ find: 'pairs', readConcern: { level: 'snapshot' } }))
  }

  readonly #seen: (readonly [boolean, boolean])[] = []
  #taken = 0

  #see(documents: readonly Document[]): void {
    const on = new Map(documents.map(({ _id, on: isOn }) => [_id as number, isOn as boolean]))
    for (let pair = 0; pair < pairCount; pair++) this.#seen.push([on.get(2 * pair)!, on.get(2 * pair + 1)!])
  }

  async check(client: HistoryClient): Promise<readonly string[]> {
    this.#see(await client.read({ find: 'pairs' }))
    return this.#taken === 0 ? ['nothing was ever taken'] : checkWriteSkew(this.#seen)
  }
}

const accountCount = 4
const total = 100 * accountCount

class Bank implements Workload {
  readonly report = new Tally()
  readonly #snapshots: number[][] = []

  async setUp(client: HistoryClient): Promise<void> {
    await client.write({
      insert: 'accounts',
      documents: Array.from({ length: accountCount }, (_, _id) => ({ _id, balance: 100 })),
    })
  }

  async step(client: HistoryClient, server: SimulatedServer, n: number): Promise<void> {
    if (n % 3 === 0) {
      this.#see(await client.read({ find: 'accounts', readConcern: { level: 'snapshot' } }))
      return
    }
    const outcome = await client.transaction(async (run) => {
      const from = server.random.integer(accountCount)
      const to = (from + 1 + server.random.integer(accountCount - 1)) % accountCount
      const amount = 1 + server.random.integer(20)
      const [account] = documentsOf(await run({ find: 'accounts', filter: { _id: from } }))
      if ((account!['balance'] as number) < amount) return
      if (server.random.chance(0.3)) await server.sleep(server.random.integer(2))
      // The balance that was read, not an increment: a write that does not see another one loses it.
      const u = { $set: { balance: (account!['balance'] as number) - amount } }
      await run({ update: 'accounts', updates: [{ q: { _id: from }, u }] })
      await run({ update: 'accounts', updates: [{ q: { _id: to }, u: { $inc: { balance: amount } } }] })
      if (server.random.chance(0.2)) this.#see(documentsOf(await run({ find: 'accounts' })))
    })
    this.report.count(outcome)
  }

  #see(accounts: readonly Document[]): void {
    this.#snapshots.push(accounts.map(({ balance }) => balance as number))
  }

  async check(client: HistoryClient): Promise<readonly string[]> {
    this.#see(await client.read({ find: 'accounts' }))
    return checkBank(this.#snapshots, total)
  }
}

const registerCount = 2

class Register implements Workload {
  readonly report = new Tally()
  readonly #histories: RegisterOperation[][] = Array.from({ length: registerCount }, () => [])
  #lastValue = 0

  async setUp(client: HistoryClient): Promise<void> {
    const documents = Array.from({ length: registerCount }, (_, _id) => ({ _id, v: 0 }))
    await client.write({ insert: 'registers', documents })
  }

  async step(client: HistoryClient, server: SimulatedServer): Promise<void> {
    const _id = server.random.integer(registerCount)
    const history = this.#histories[_id]!
    const beganAt = server.tick()
    const kind = server.random.integer(4)
    if (kind < 2) {
      const [found] = await client.read({ find: 'registers', filter: { _id }, readConcern: { level: 'linearizable' } })
      history.push({ kind: 'read', value: found!['v'] as number, beganAt, endedAt: server.tick() })
      this.report.count('committed')
      return
    }
    const to = ++this.#lastValue
    const from = server.random.integer(to)
    const q = kind === 2 ? { _id } : { _id, v: from }
    let endedAt = Number.POSITIVE_INFINITY
    let done = false
    try {
      const reply = await client.write({ update: 'registers', updates: [{ q, u: { $set: { v: to } } }] })
      done = reply['n'] === 1
      endedAt = server.tick()
      this.report.count('committed')
    } catch (error) {
      if (!(error instanceof ServerGone)) throw error
      this.report.count('unknown')
    }
    if (kind === 2) history.push({ kind: 'write', value: to, beganAt, endedAt })
    else history.push({ kind: 'compareAndSet', from, to, done, beganAt, endedAt })
  }

  async check(client: HistoryClient, server: SimulatedServer): Promise<readonly string[]> {
    for (const { _id, v } of await client.read({ find: 'registers' })) {
      const beganAt = server.tick()
      this.#histories[_id as number]!.push({ kind: 'read', value: v as number, beganAt, endedAt: server.tick() })
    }
    return this.#histories.flatMap((history, i) => {
      const problem = checkRegister(history, 0)
      return problem === undefined ? [] : [`register ${i}: ${problem}`]
    })
  }
}

class LongFork implements Workload {
  readonly report = new Tally()
  readonly #snapshots: Seen[] = []
  readonly #written: number[] = []

  async step(client: HistoryClient, _server: SimulatedServer, n: number): Promise<void> {
    if (n % 2 === 0) {
      await client.write({ insert: 'forks', documents: [{ _id: n }] })
      this.#written.push(n)
      this.report.count('committed')
    } else this.#see(await client.read({ find: 'forks', batchSize: 1000, readConcern: { level: 'snapshot' } }))
  }

  #see(documents: readonly Document[]): void {
    const there = new Set(documents.map(({ _id }) => _id as number))
    const keys = Array.from({ length: clientCount * stepsPerClient }, (_, i) => i + 1).filter((n) => n % 2 === 0)
    this.#snapshots.push(new Map(keys.map((key) => [key, there.has(key)])))
  }

  async check(client: HistoryClient): Promise<readonly string[]> {
    this.#see(await client.read({ find: 'forks', batchSize: 1000 }))
    const last = this.#snapshots.at(-1)!
    const lost = this.#written.filter((key) => last.get(key) !== true).map((key) => `${key} is lost`)
    return [...lost, ...checkLongFork(this.#snapshots)]
  }
}

class Counter implements Workload {
  readonly report = new Tally()
  #expected = 0
  #unknown = 0
  readonly #shown = new Set<number>()
  readonly #twice: string[] = []

  async setUp(client: HistoryClient): Promise<void> {
    await client.write({ insert: 'counters', documents: [{ _id: 1, n: 0 }] })
  }

  async step(client: HistoryClient, server: SimulatedServer): Promise<void> {
    const isShown = server.random.chance(0.5)
    try {
      if (isShown) {
        const command = { findAndModify: 'counters', query: { _id: 1 }, update: { $inc: { n: 1 } }, new: true }
        const { n } = (await client.write(command))['value'] as { readonly n: number }
        if (this.#shown.has(n)) this.#twice.push(`two increments were answered with ${n}`)
        this.#shown.add(n)
      } else await client.write({ update: 'counters', updates: [{ q: {}, u: { $inc: { n: 1 } } }] })
      this.#expected++
      this.report.count('committed')
    } catch (error) {
      if (!(error instanceof ServerGone)) throw error
      this.#unknown++
      this.report.count('unknown')
    }
  }

  async check(client: HistoryClient): Promise<readonly string[]> {
    const [counter] = await client.read({ find: 'counters' })
    const n = counter!['n'] as number
    const isRight = n >= this.#expected && n <= this.#expected + this.#unknown
    return isRight ? this.#twice : [`${this.#expected} increments came to ${n}`, ...this.#twice]
  }
}
