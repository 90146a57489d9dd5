/** Reads are answered in their caller's turn: even so, who reads all the time must not keep a writer from the disk, or a timer from firing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Collection, type Laura, open } from '../lauradb.ts'

const folder = mkdtempSync(join(tmpdir(), 'laura-turn-'))
let laura: Laura
let items: Collection<{ _id: number; n: number }>
/** Asked so often, each of the calls below keeps the thread for a second. */
const callsMax = 60_000

beforeAll(async () => {
  laura = await open(join(folder, 'data'))
  items = laura.db('app').collection('items')
  await items.insertMany(Array.from({ length: 1000 }, (_, _id) => ({ _id, n: _id })))
})
afterAll(async () => {
  await laura.close()
  rmSync(folder, { recursive: true, force: true })
})

/** How many calls of `read` were answered before a durable write and a timer were. */
async function callsBefore(read: () => Promise<unknown>): Promise<number> {
  let left = 2
  const written = items.updateOne({ _id: 1 }, { $inc: { n: 1 } }).then(() => left--)
  const fired = new Promise<void>((resolve) => setTimeout(resolve, 1)).then(() => left--)
  let calls = 0
  for (; left > 0 && calls < callsMax; calls++) await read()
  await Promise.all([written, fired])
  return calls
}

test.each<[string, () => Promise<unknown>]>([
  ['findOne by _id', () => items.findOne({ _id: 5 })],
  ['findOne by another field', () => items.findOne({ n: 5 })],
  ['find', () => items.find({ _id: { $lt: 100 } }).toArray()],
  ['aggregate', () => items.aggregate([{ $limit: 10 }]).toArray()],
  ['countDocuments', () => items.countDocuments()],
  ['distinct', () => items.distinct('n', { _id: { $lt: 10 } })],
  ['a command', () => laura.db('app').command({ ping: 1 })],
  ['an update that changes nothing', () => items.updateOne({ _id: 5 }, { $inc: { n: 0 } })],
])('%s in a loop lets others in', async (_, read) => {
  expect(await callsBefore(read)).toBeLessThan(callsMax)
})

test('so do the statements of a long transaction', async () => {
  await laura.transaction(async (session) => {
    const inside = session.db('app').collection<{ _id: number; n: number }>('items')
    expect(await callsBefore(() => inside.updateOne({ _id: 7 }, { $inc: { n: 1 } }))).toBeLessThan(callsMax)
    expect(await callsBefore(() => inside.findOne({ _id: 7 }))).toBeLessThan(callsMax)
    expect(await callsBefore(() => inside.find({ _id: 7 }).next())).toBeLessThan(callsMax)
  })
})
