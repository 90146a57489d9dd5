/** The server's life: starting, being killed, being restarted, and how much memory and disk it takes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { open } from '../../pkg/lauradb.ts'
import { idOf, makePerson } from '../documents.ts'
import type { Results } from '../measure.ts'
import { opMsg } from './frames.ts'
import { startServer } from './processes.ts'

function answer(port: number, frame: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(frame))
    socket.once('data', () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', reject)
  })
}

/** Memory of a process right now, MB. */
export function residentMegabytes(pid: number): number {
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return kilobytes / 1024
}

export async function startCase(results: Results, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    const home = mkdtempSync(join(directory, 'start-'))
    const begin = performance.now()
    const server = await startServer(home)
    await answer(server.port, opMsg(1, { ping: 1, $db: 'admin' }))
    times.push(performance.now() - begin)
    server.process.kill()
    await server.ended
    rmSync(home, { recursive: true, force: true })
  }
  times.sort((a, b) => a - b)
  results.add({
    work: 'laura serve, empty directory, to first answer',
    engine: 'lauradb (median of 5)',
    value: times[2]!,
    unit: 'ms',
    target: 'under 500',
  })
}

export async function restartCase(results: Results, directory: string): Promise<void> {
  const home = mkdtempSync(join(directory, 'restart-'))
  const server = await startServer(home)
  const client = await MongoClient.connect(`mongodb://127.0.0.1:${server.port}`)
  const collection = client.db('bench').collection('people')
  const count = Math.ceil((64 * 1024 * 1024) / 330)
  for (let at = 0; at < count; at += 10_000) {
    await collection.insertMany(Array.from({ length: 10_000 }, (_, i) => makePerson(at + i)) as never)
  }
  server.process.kill('SIGKILL')
  await server.ended
  await client.close()
  const begin = performance.now()
  const again = await startServer(home)
  await answer(again.port, opMsg(1, { find: 'people', filter: { _id: idOf(1) }, $db: 'bench' }))
  const value = performance.now() - begin
  results.add({
    work: 'restart after kill -9, 64 MB of log to replay',
    engine: 'lauradb',
    value,
    unit: 'ms',
    target: 'under 3000',
  })
  again.process.kill()
  await again.ended
  rmSync(home, { recursive: true, force: true })
}

/** Random reads of data ten times the cache. */
export async function memoryCase(results: Results, directory: string, cacheMegabytes: number): Promise<void> {
  const home = mkdtempSync(join(directory, 'memory-'))
  const documents = Math.ceil((cacheMegabytes * 10 * 1024 * 1024) / 330)
  const loader = await open(home, { cacheSizeBytes: cacheMegabytes * 1024 * 1024 })
  const people = loader.db('bench').collection('people')
  for (let at = 0; at < documents; at += 10_000) {
    await people.insertMany(Array.from({ length: 10_000 }, (_, i) => makePerson(at + i)) as never)
  }
  await loader.close()
  const server = await startServer(home, ['--cache-size', `${cacheMegabytes}MB`])
  const client = await MongoClient.connect(`mongodb://127.0.0.1:${server.port}`, { maxPoolSize: 16 })
  const collection = client.db('bench').collection('people')
  const samples: number[] = []
  let reads = 0
  const begin = performance.now()
  for (let round = 0; round < 10; round++) {
    const until = performance.now() + 2000
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (performance.now() < until) {
          const found = await collection.findOne({ _id: idOf(Math.floor(Math.random() * documents)) as never })
          if (found === null) throw new Error('a document is missing')
          reads++
        }
      }),
    )
    samples.push(residentMegabytes(server.process.pid!))
  }
  const work = `random reads, data 10 x the cache of ${cacheMegabytes} MB`
  results.rate(work, 'lauradb (official driver)', reads, (performance.now() - begin) / 1000)
  results.add({
    work,
    engine: 'RSS at most',
    value: Math.max(...samples),
    unit: 'MB',
    target: `most ${cacheMegabytes + 300}`,
  })
  results.add({ work, engine: 'RSS growth, second half', value: samples.at(-1)! - samples[4]!, unit: 'MB' })
  await client.close()
  server.process.kill()
  await server.ended
  rmSync(home, { recursive: true, force: true })
}

/** One document of 1 KiB updated for a while: the file must not keep the past. */
export async function hotDocumentCase(results: Results, directory: string, seconds: number): Promise<void> {
  const home = mkdtempSync(join(directory, 'hot-'))
  const laura = await open(home, { checkpointLogBytes: 8 * 1024 * 1024 })
  const collection = laura.db('bench').collection('hot')
  await collection.insertOne({ _id: 1, filler: 'x'.repeat(1000), n: 0 })
  await laura.checkpoint()
  const before = statSync(join(home, 'data.laura')).size
  const begin = performance.now()
  let updates = 0
  while (performance.now() - begin < seconds * 1000) {
    await Promise.all(
      Array.from({ length: 32 }, () =>
        collection.updateOne({ _id: 1 }, { $set: { filler: 'y'.repeat(1000 - (updates++ % 10)) }, $inc: { n: 1 } }),
      ),
    )
  }
  await laura.checkpoint()
  const after = statSync(join(home, 'data.laura')).size
  const work = `1 KiB updates of one document for ${seconds} s`
  results.rate(work, 'lauradb', updates, seconds)
  results.add({ work, engine: 'data file, after / before', value: after / before, unit: 'x', target: 'most 2' })
  await laura.close()
  rmSync(home, { recursive: true, force: true })
}
