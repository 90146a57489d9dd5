/**
 * Transfers through the official driver, by several clients with a connection each, one transfer after the other. Prints one JSON line.
 *
 *   node driver-transfers.ts PORT CLIENTS SECONDS
 */
import { MongoClient } from 'mongodb'
import { type Account, pairOf } from './cases/bank.ts'

const [port, clients, seconds] = process.argv.slice(2).map(Number) as [number, number, number]
const client = await MongoClient.connect(`mongodb://127.0.0.1:${port}/?directConnection=true`, { maxPoolSize: clients })
const accounts = client.db('bank').collection<Account>('accounts')
let done = 0
let attempts = 0
let isOver = false

async function transfers(lane: number): Promise<void> {
  const session = client.startSession()
  for (let n = lane; !isOver; n += clients) {
    const [from, to] = pairOf(n)
    await session.withTransaction(async () => {
      attempts++
      const source = await accounts.findOne({ _id: from }, { session })
      const target = await accounts.findOne({ _id: to }, { session })
      await accounts.updateOne({ _id: from }, { $set: { balance: source!.balance - 1 } }, { session })
      await accounts.updateOne({ _id: to }, { $set: { balance: target!.balance + 1 } }, { session })
    })
    done++
  }
  await session.endSession()
}

const lanes = Array.from({ length: clients }, (_, lane) => transfers(lane))
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
await wait(1000)
const before = { done, attempts }
const begin = performance.now()
await wait(seconds * 1000)
const perSecond = (done - before.done) / ((performance.now() - begin) / 1000)
const attemptsEach = (attempts - before.attempts) / Math.max(1, done - before.done)
isOver = true
await Promise.all(lanes)
await client.close()
console.log(JSON.stringify({ perSecond, attemptsEach }))
