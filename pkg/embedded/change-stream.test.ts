import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Laura, open } from '../lauradb.ts'

let directory: string
let laura: Laura

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'laura-watch-'))
  laura = await open(directory)
})

afterEach(async () => {
  await laura.close()
  rmSync(directory, { recursive: true, force: true })
})

interface Insert {
  readonly operationType: string
  readonly fullDocument: { readonly _id: number }
}

test('what happens after the call of watch is seen, whoever is watched', async () => {
  const people = laura.db('app').collection('people')
  const streams = [people.watch<Insert>(), laura.db('app').watch<Insert>(), laura.watch<Insert>()]
  await people.insertOne({ _id: 1 })
  for (const stream of streams) {
    expect(await stream.next()).toMatchObject({ operationType: 'insert', fullDocument: { _id: 1 } })
    await stream.close()
  }
})

test('a loop gets every event in order until it breaks, which closes the stream', async () => {
  const people = laura.db('app').collection('people')
  const stream = people.watch<Insert>([{ $match: { operationType: 'insert' } }])
  const writing = (async () => {
    for (let from = 0; from < 500; from += 50)
      await people.insertMany(Array.from({ length: 50 }, (_, i) => ({ _id: from + i })))
  })()
  const seen: number[] = []
  for await (const { fullDocument } of stream) if (seen.push(fullDocument._id) === 500) break
  await writing
  expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => i))
  expect(stream.closed).toBe(true)
  await expect(stream.next()).rejects.toThrow('closed')
})

test('listeners get events, and closing ends the wait for more', async () => {
  const people = laura.db('app').collection('people')
  const stream = people.watch<Insert>()
  const seen: number[] = []
  const ended = new Promise<void>((resolve) => stream.on('close', resolve))
  const all = new Promise<void>((resolve) => {
    stream.on('change', ({ fullDocument }) => {
      if (seen.push(fullDocument._id) === 3) resolve()
    })
  })
  await expect(stream.next()).rejects.toThrow('listeners')
  await people.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }])
  await all
  await stream.close()
  await ended
  expect(seen).toEqual([1, 2, 3])
})

test('tryNext does not wait longer than it is told, and the token goes on nevertheless', async () => {
  const people = laura.db('app').collection('people')
  const stream = people.watch([], { maxAwaitTimeMS: 1 })
  expect(await stream.tryNext()).toBeNull()
  const first = stream.resumeToken!
  await laura.db('app').collection('others').insertOne({ _id: 1 })
  expect(await stream.tryNext()).toBeNull()
  expect(String(stream.resumeToken!['_data']) > String(first['_data'])).toBe(true)
})

test('a stream goes on after the database was closed and opened again, once something was watched', async () => {
  const stream = laura.db('app').collection('people').watch<Insert>()
  await laura
    .db('app')
    .collection('people')
    .insertMany([{ _id: 1 }, { _id: 2 }])
  await stream.next()
  const resumeAfter = stream.resumeToken!
  await laura.close()
  laura = await open(directory)
  await laura.db('app').collection('people').insertOne({ _id: 3 })
  const again = laura.db('app').collection('people').watch<Insert>([], { resumeAfter })
  expect([(await again.next()).fullDocument._id, (await again.next()).fullDocument._id]).toEqual([2, 3])
  await again.close()
})

test('a database without change history says so', async () => {
  await laura.close()
  laura = await open(directory, { changeHistory: 'off' })
  await expect(laura.watch().next()).rejects.toThrow('change streams are off')
})

test('the oldest history goes when the log has grown beyond its bounds, and who asks for it is told', async () => {
  await laura.close()
  rmSync(directory, { recursive: true })
  const sizes = { logSegmentBytes: 64 * 1024, oplogSizeBytes: 256 * 1024 }
  laura = await open(directory, { changeHistory: 'on', ...sizes })
  const blobs = laura.db('app').collection('blobs')
  const stream = blobs.watch()
  await blobs.insertOne({ _id: -1 })
  await stream.next()
  const resumeAfter = stream.resumeToken!
  const recent = blobs.watch()
  for (let i = 0; i < 40; i++) await blobs.insertOne({ _id: i, blob: 'x'.repeat(20_000) })
  // Two superblocks must be beyond what goes.
  await laura.checkpoint()
  await blobs.insertOne({ _id: 'x' })
  await laura.checkpoint()
  expect(laura.statistics().logSizeBytes).toBeLessThan(512 * 1024)
  expect(laura.statistics().logSizeBytes).toBeGreaterThan(250 * 1024)
  await expect(blobs.watch([], { resumeAfter }).next()).rejects.toMatchObject({ codeName: 'ChangeStreamHistoryLost' })
  // What is in memory is still there for those who watched all the time.
  expect(await recent.next()).toMatchObject({ operationType: 'insert' })
  for (const each of [stream, recent]) await each.close()
})
