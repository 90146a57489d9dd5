/** Transfers between accounts, what readers and writers cost each other, and vacuum beside writers. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { open } from '../../pkg/lauradb.ts'
import type { Results } from '../measure.ts'
import { inTurn, timed } from '../measure.ts'
import {
  type Account,
  accountCount,
  type Laura,
  newAccounts,
  openSqliteBank,
  pairOf,
  type SqliteBank,
  transfer,
} from './bank.ts'
import { snapshotReadCases } from './snapshot-reads.ts'
import { wireTransferCases } from './wire-transfers.ts'

const transfersPerStep = 200
const steps = 60
/** Until the code and the log's segments are as they will stay, compiled and grown: nobody's database begins anew every second. */
const warmUpSteps = 300
const deadVersions = 1_000_000

export async function transactionCases(results: Results, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true })
  // Vacuum is timed by itself.
  const laura = await open(mkdtempSync(join(directory, 'laura-')), { vacuumIntervalMs: 3_600_000 })
  await laura.db('bank').collection<Account>('accounts').insertMany(newAccounts())
  const sqlite = openSqliteBank(mkdtempSync(join(directory, 'sqlite-')))
  await transferCase(results, laura, sqlite, 1, 0.95)
  await transferCase(results, laura, sqlite, 16, 4)
  sqlite.close()
  await snapshotReadCases(results, laura)
  await vacuumCase(results, laura)
  await laura.close()
  await wireTransferCases(results, directory)
  rmSync(directory, { recursive: true, force: true })
}

async function transferCase(
  results: Results,
  laura: Laura,
  sqlite: SqliteBank,
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
  await inTurn({ laura: runLaura, sqlite: runSqlite }, warmUpSteps)
  const seconds = await inTurn({ laura: runLaura, sqlite: runSqlite }, steps)
  const rate = results.rate(work, 'lauradb', steps * transfersPerStep, seconds.laura)
  const sqliteRate = results.rate(work, 'sqlite', steps * transfersPerStep, seconds.sqlite)
  results.ratio(work, 'lauradb / sqlite', rate / sqliteRate, String(target))
}

/** What durable writers lose while vacuum drops a version of every document. */
async function vacuumCase(results: Results, laura: Laura): Promise<void> {
  const work = 'durable updates by 16 clients'
  const dead = laura.db('bank').collection<Account>('dead')
  const busy = laura.db('bank').collection<Account>('accounts')
  for (let at = 0; at < deadVersions; at += 10_000) {
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
      await busy.updateOne({ _id: i % accountCount }, { $inc: { balance: 1 } })
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
