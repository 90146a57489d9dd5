/** Transfers over the wire with the official driver, beside what the driver does when every reply comes at once. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import type { Results } from '../measure.ts'
import { type Account, newAccounts } from './bank.ts'
import { runScript, type Server, startScript, startServer } from './processes.ts'

const seconds = 4
const rounds = 3

interface Transfers {
  readonly perSecond: number
  readonly attemptsEach: number
}

export async function wireTransferCases(results: Results, directory: string): Promise<void> {
  const home = mkdtempSync(join(directory, 'wire-'))
  const server = await startServer(home, ['--repl-set', 'rs0', '--log-level', 'warn'])
  let canned: Server | undefined
  try {
    canned = await startScript('bench/canned-server.ts', [])
    const client = await MongoClient.connect(`mongodb://127.0.0.1:${server.port}/?directConnection=true`)
    await client.db('bank').collection<Account>('accounts').insertMany(newAccounts())
    await client.close()
    for (const clients of [1, 16]) await transferCase(results, clients, server.port, canned.port)
  } finally {
    canned?.process.kill()
    server.process.kill()
    await server.ended
    rmSync(home, { recursive: true, force: true })
  }
}

async function transferCase(results: Results, clients: number, port: number, cannedPort: number): Promise<void> {
  const work = `transfer over the wire, ${clients} ${clients === 1 ? 'client' : 'clients'}`
  const run = (target: number): Promise<Transfers> =>
    runScript('bench/driver-transfers.ts', [target, clients, seconds]) as Promise<Transfers>
  let rate = 0
  let limit = 0
  // In turn, so that a drift of the machine's speed meets both; the least disturbed of each counts.
  for (let round = 0; round < rounds; round++) {
    limit = Math.max(limit, (await run(cannedPort)).perSecond)
    rate = Math.max(rate, (await run(port)).perSecond)
  }
  results.rate(work, 'driver, canned replies', limit, 1)
  results.rate(work, 'lauradb', rate, 1)
  results.ratio(work, "lauradb / driver's limit", rate / limit, '-')
}
