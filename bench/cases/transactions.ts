/** Transfers between accounts: two reads and two updates, all or nothing, durable. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { open } from '../../pkg/lauradb.ts'
import type { Results } from '../measure.ts'
import { inTurn, timed } from '../measure.ts'

const accounts = 10_000
const transfersPerStep = 200
const steps = 30

interface Account {
  _id: number
  balance: number
}

type Laura = Awaited<ReturnType<typeof open>>

export async function transactionCases(results: Results, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true })
  // Vacuum is timed by itself.
  const laura = await open(mkdtempSync(join(directory, 'laura-')), { vacuumIntervalMs: 3_600_000 })
  await laura
    .db('bank')
    .collection<Account>('accounts')
    .insertMany(Array.from({ length: accounts }, (_, _id) => ({ _id, balance: 1000 })))
  const sqlite = openBank(mkdtempSync(join(directory, 'sqlite-')))
  await transferCase(results, laura, sqlite, 1, 0.95)
  await transferCase(results, laura, sqlite, 16, 4)
  await readBesideWriters(results, laura)
  await vacuumCase(results, laura)
  await laura.close()
  sqlite.close()
  rmSync(directory, { recursive: true, force: true })
}

async function transferCase(
  results: Results,
  laura: Laura,
  sqlite: Bank,
  clients: number,
  target: number,
): Promise<void> {
  const work = `transfer, durable, ${clients} ${clients === 1 ? 'client' : 'clients'}`
  const runLaura = async (step: number): Promise<void> => {
    const each = async (client: number): Promise<void> => {
      for (let i = client; i < transfersPerStep; i += clients) await transfer(laura, step * transfersPerStep + i)
    }
    await Promise.all(Array.from({ length: clients }, (_, client) => each(client)))
  }
  const runSqlite = (step: number): void => {
    for (let i = 0; i < transfersPerStep; i++) sqlite.transfer(...pairOf(step * transfersPerStep + i))
  }
  await inTurn({ laura: runLaura, sqlite: runSqlite }, 3)
  const seconds = await inTurn({ laura: runLaura, sqlite: runSqlite }, steps)
  const rate = results.rate(work, 'lauradb', steps * transfersPerStep, seconds.laura)
  const sqliteRate = results.rate(work, 'sqlite', steps * transfersPerStep, seconds.sqlite)
  results.ratio(work, 'lauradb / sqlite', rate / sqliteRate, String(target))
}

/** A whole read of the accounts in one snapshot, alone and while sixteen clients transfer. */
async function readBesideWriters(results: Results, laura: Laura): Promise<void> {
  const work = 'snapshot read of 10,000 documents'
  const collection = laura.db('bank').collection<Account>('accounts')
  const read = async (): Promise<void> => {
    await laura.transaction(async (session) => {
      await session.db('bank').collection<Account>('accounts').find().toArray()
    })
  }
  const busyMs = async (): Promise<number> => {
    const before = process.cpuUsage()
    const seconds = await timed(async () => {
      for (let i = 0; i < 20; i++) await read()
    })
    const used = process.cpuUsage(before)
    return Math.max((used.user + used.system) / 20_000, (seconds * 1000) / 20)
  }
  await busyMs()
  const alone = await busyMs()
  results.add({ work, engine: 'lauradb, alone', value: alone, unit: 'ms' })
  // What the writers leave behind for the reader is one version more of some documents, not their time on the one thread.
  await laura.transaction(async (session) => {
    await session.db('bank').collection<Account>('accounts').findOne({ _id: 1 })
    for (let i = 0; i < 2000; i++) await collection.updateOne({ _id: i * 5 }, { $inc: { balance: 0 } })
    const inside = session.db('bank').collection<Account>('accounts')
    const seconds = await timed(async () => {
      for (let i = 0; i < 20; i++) await inside.find().toArray()
    })
    results.add({ work, engine: 'lauradb, 2,000 newer versions', value: (seconds * 1000) / 20, unit: 'ms' })
    results.ratio(work, 'alone / with newer versions', alone / ((seconds * 1000) / 20), '0.9')
  })
}

/** What durable writers lose while vacuum drops a version of every document. */
async function vacuumCase(results: Results, laura: Laura): Promise<void> {
  const work = 'durable updates by 16 clients'
  const dead = laura.db('bank').collection<Account>('dead')
  const busy = laura.db('bank').collection<Account>('accounts')
  const count = 200_000
  for (let at = 0; at < count; at += 10_000) {
    await dead.insertMany(Array.from({ length: 10_000 }, (_, i) => ({ _id: at + i, balance: 0 })))
  }
  // A transaction that reads holds what is superseded.
  await laura.transaction(async (session) => {
    await session.db('bank').collection('accounts').findOne({ _id: 1 })
    await dead.updateMany({}, { $inc: { balance: 1 } })
  })
  let stop = false
  let updates = 0
  const write = async (client: number): Promise<void> => {
    for (let i = client; !stop; i += 16) {
      await busy.updateOne({ _id: i % accounts }, { $inc: { balance: 1 } })
      updates++
    }
  }
  const rateOf = async (during: () => Promise<unknown>): Promise<number> => {
    stop = false
    updates = 0
    const writers = Array.from({ length: 16 }, (_, client) => write(client))
    const seconds = await timed(during)
    const rate = updates / seconds
    stop = true
    await Promise.all(writers)
    return rate
  }
  const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2000))
  await rateOf(rest)
  const before = await rateOf(rest)
  let dropped = 0
  const begin = performance.now()
  const during = await rateOf(async () => {
    dropped = await laura.vacuum()
  })
  const seconds = (performance.now() - begin) / 1000
  // The machine's speed drifts: what is alone is looked at on both sides.
  const alone = (before + (await rateOf(rest))) / 2
  results.rate(`vacuum of ${dropped.toLocaleString('en')} dead versions beside them`, 'lauradb', dropped, seconds)
  results.add({ work, engine: 'lauradb, alone', value: alone, unit: 'per second' })
  results.add({ work, engine: 'lauradb, beside vacuum', value: during, unit: 'per second' })
  results.ratio(work, 'beside vacuum / alone', during / alone, '0.8')
}

function pairOf(n: number): [from: number, to: number] {
  const from = (n * 48271) % accounts
  return [from, (from + 1 + (n % 97)) % accounts]
}

async function transfer(laura: Laura, n: number): Promise<void> {
  const [from, to] = pairOf(n)
  await laura.transaction(async (session) => {
    const collection = session.db('bank').collection<Account>('accounts')
    const source = await collection.findOne({ _id: from })
    const target = await collection.findOne({ _id: to })
    await collection.updateOne({ _id: from }, { $set: { balance: source!.balance - 1 } })
    await collection.updateOne({ _id: to }, { $set: { balance: target!.balance + 1 } })
  })
}

type Bank = ReturnType<typeof openBank>

function openBank(directory: string) {
  const database = new DatabaseSync(`${directory}/bank.sqlite`)
  database.exec(
    'pragma journal_mode=wal; pragma synchronous=full; create table accounts (id integer primary key, doc blob)',
  )
  const insert = database.prepare('insert into accounts values (?, jsonb(?))')
  database.exec('begin')
  for (let id = 0; id < accounts; id++) insert.run(id, JSON.stringify({ _id: id, balance: 1000 }))
  database.exec('commit')
  const get = database.prepare('select json(doc) as doc from accounts where id = ?')
  const set = database.prepare(`update accounts set doc = jsonb_set(doc, '$.balance', ?) where id = ?`)
  const balanceOf = (id: number): number => (JSON.parse((get.get(id) as { doc: string }).doc) as Account).balance
  return {
    transfer(from: number, to: number): void {
      database.exec('begin immediate')
      const source = balanceOf(from)
      const target = balanceOf(to)
      set.run(source - 1, from)
      set.run(target + 1, to)
      database.exec('commit')
    },
    close: () => database.close(),
  }
}
