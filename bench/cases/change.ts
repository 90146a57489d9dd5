/** Change streams: how long after a write its event comes, how many can watch, and what noting changes costs those who write. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { decodeDocument, encodeDocument } from '../../pkg/bson/convert.ts'
import { open } from '../../pkg/lauradb.ts'
import { WireClient } from '../../server/tools/wire-client.ts'
import { makePerson } from '../documents.ts'
import type { Results } from '../measure.ts'
import { startServer } from './processes.ts'

const subscriberCount = 100
const eventCount = 10_000
const latencyWrites = 500

export async function changeCases(results: Results, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const home = mkdtempSync(join(directory, 'change-'))
  const server = await startServer(home)
  try {
    await latency(results, server.port)
    await manySubscribers(results, server.port)
  } finally {
    server.process.kill()
    await server.ended
    rmSync(home, { recursive: true, force: true })
  }
  await costOfHistory(results, directory)
}

/** From the call of insertOne to the event, one client writing and another one watching, both the official driver. */
async function latency(results: Results, port: number): Promise<void> {
  const uri = `mongodb://127.0.0.1:${port}`
  const [writer, watcher] = await Promise.all([MongoClient.connect(uri), MongoClient.connect(uri)])
  const stream = watcher.db('bench').collection('latency').watch([], { maxAwaitTimeMS: 1000 })
  await stream.tryNext()
  const times: number[] = []
  for (let i = 0; i < latencyWrites; i++) {
    const event = stream.next()
    // The stream waits by the time the write comes.
    await new Promise((resolve) => setTimeout(resolve, 2))
    const begin = performance.now()
    await Promise.all([writer.db('bench').collection('latency').insertOne({ i }), event])
    times.push(performance.now() - begin)
  }
  await Promise.all([stream.close(), writer.close(), watcher.close()])
  times.sort((a, b) => a - b)
  const value = times[times.length >>> 1]!
  results.add({
    work: 'insertOne to its event, one subscriber',
    engine: 'lauradb (median)',
    value,
    unit: 'ms',
    target: 'under 5',
  })
  results.add({
    work: 'insertOne to its event, one subscriber',
    engine: 'lauradb (99 of 100)',
    value: times[Math.floor(times.length * 0.99)]!,
    unit: 'ms',
  })
}

/** Each subscriber counts the documents of its batches and looks at none, so that the time is the server's. */
async function manySubscribers(results: Results, port: number): Promise<void> {
  const address = { host: '127.0.0.1', port }
  const connections = await Promise.all(Array.from({ length: subscriberCount }, () => WireClient.connect(address)))
  const cursors = await Promise.all(connections.map((connection) => watch(connection)))
  const begin = performance.now()
  const counting = connections.map((connection, i) => countEvents(connection, cursors[i]!))
  const writer = await MongoClient.connect(`mongodb://127.0.0.1:${port}`)
  const people = writer.db('bench').collection('people')
  for (let at = 0; at < eventCount; at += 100)
    await people.insertMany(Array.from({ length: 100 }, (_, i) => makePerson(at + i)) as never)
  const counts = await Promise.all(counting)
  const seconds = (performance.now() - begin) / 1000
  await writer.close()
  for (const connection of connections) connection.close()
  if (counts.some((count) => count !== eventCount))
    throw new Error(`events were lost or came twice: ${counts.join(' ')}`)
  const work = `${subscriberCount} subscribers get ${eventCount} events each, none lost`
  results.rate(work, 'lauradb (events given)', subscriberCount * eventCount, seconds)
}

async function watch(connection: WireClient): Promise<bigint> {
  const command = { aggregate: 'people', pipeline: [{ $changeStream: {} }], cursor: {}, $db: 'bench' }
  const { cursor } = decodeDocument(await connection.command(encodeDocument(command)))
  // A small id comes as a number, which would go back as a double.
  return BigInt(String((cursor as { id: unknown }).id))
}

async function countEvents(connection: WireClient, id: bigint): Promise<number> {
  const body = encodeDocument({ getMore: id, collection: 'people', $db: 'bench' })
  let count = 0
  while (count < eventCount) count += batchLength(await connection.command(body))
  return count
}

/** Elements of `cursor.nextBatch`, which come first in a reply, by their lengths alone. */
function batchLength(reply: Uint8Array): number {
  const view = new DataView(reply.buffer, reply.byteOffset)
  const batch = 4 + 'cursor'.length + 2 + 4 + 'nextBatch'.length + 2
  const end = batch + view.getInt32(batch, true) - 1
  let count = 0
  for (let at = batch + 4; at < end; count++) {
    while (reply[at] !== 0) at++
    at++
    at += view.getInt32(at, true)
  }
  return count
}

/** The same writes with change history and without, taking turns. */
async function costOfHistory(results: Results, directory: string): Promise<void> {
  const modes = ['off', 'on'] as const
  const count = 10_000
  const seconds = new Map<string, number>()
  for (let round = 0; round < 8; round++) {
    for (const mode of round % 2 === 0 ? modes : modes.toReversed()) {
      const home = mkdtempSync(join(directory, `history-${mode}-`))
      const laura = await open(home, { changeHistory: mode })
      const people = laura.db('bench').collection('people')
      const documents = Array.from({ length: count }, (_, i) => ({ ...makePerson(i), _id: i }))
      const measure = async (work: string, action: () => Promise<unknown>): Promise<void> => {
        const begin = performance.now()
        await action()
        const key = `${work} ${mode}`
        const taken = (performance.now() - begin) / 1000
        seconds.set(key, Math.min(seconds.get(key) ?? Number.POSITIVE_INFINITY, taken))
      }
      await measure('insertMany', async () => {
        for (let at = 0; at < count; at += 1000) await people.insertMany(documents.slice(at, at + 1000))
      })
      await measure('updateOne', async () => {
        for (let at = 0; at < count; at += 50)
          await Promise.all(
            Array.from({ length: 50 }, (_, i) => people.updateOne({ _id: at + i }, { $inc: { age: 1 } })),
          )
      })
      await laura.close()
      rmSync(home, { recursive: true, force: true })
    }
  }
  for (const [work, shown, target] of [
    ['insertMany', 'insertMany by 1000 with change history', 'about 1 x without'],
    ['updateOne', 'updateOne, 50 at a time, with change history', '0.85 x without'],
  ] as const)
    results.ratio(shown, 'lauradb', seconds.get(`${work} off`)! / seconds.get(`${work} on`)!, target)
}
