/** findOne by `_id` over the wire, beside a bare TCP echo of the same message sizes. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import type { Person } from '../documents.ts'
import { makePeople } from '../documents.ts'
import type { Results } from '../measure.ts'
import type { Server } from './processes.ts'
import { runLoad, startEcho, startServer } from './processes.ts'

const work = 'wire findOne by _id'
const seconds = 4

async function fill(uri: string, people: readonly Person[]): Promise<void> {
  const client = await MongoClient.connect(uri)
  const collection = client.db('bench').collection<Person>('people')
  await collection.drop()
  for (let at = 0; at < people.length; at += 10_000) await collection.insertMany(people.slice(at, at + 10_000))
  await client.close()
}

/** `uri`: another server to measure in the same run. */
export async function wireCases(
  results: Results,
  directory: string,
  count: number,
  uri: string | undefined,
): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const home = mkdtempSync(join(directory, 'wire-'))
  const server = await startServer(home)
  let echo: Server | undefined
  try {
    const people = makePeople(count)
    await fill(`mongodb://127.0.0.1:${server.port}`, people)
    if (uri !== undefined) await fill(uri, people)
    const { replyBytes } = await runLoad(server.port, 1, 1, 1, count)
    echo = await startEcho(replyBytes)
    for (const [connections, depth] of [
      [1, 1],
      [16, 1],
      [64, 1],
      [16, 16],
    ] as const) {
      const what = `${work}, ${connections} connections, depth ${depth}`
      let limit = 0
      let rate = 0
      for (let round = 0; round < 2; round++) {
        limit = Math.max(limit, (await runLoad(echo.port, connections, depth, seconds, count)).perSecond)
        rate = Math.max(rate, (await runLoad(server.port, connections, depth, seconds, count)).perSecond)
      }
      results.rate(what, 'bare TCP echo', limit, 1)
      results.rate(what, 'lauradb', rate, 1)
      results.ratio(what, 'lauradb / echo', rate / limit, depth === 1 ? '0.5' : '-')
      if (uri !== undefined) {
        const { perSecond } = await runLoad(Number(new URL(uri).port || 27017), connections, depth, seconds, count)
        results.rate(what, uri, perSecond, 1)
      }
    }
  } finally {
    echo?.process.kill()
    server.process.kill()
    await server.ended
    rmSync(home, { recursive: true, force: true })
  }
}
