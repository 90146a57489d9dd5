/** Work on one document that takes long is done by other threads: with the results it would have here, and as well interrupted. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Thread, Threads } from '../io/threads.ts'
import { ThreadEnded } from '../io/threads.ts'
import { type Collection, type Laura, open } from '../lauradb.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Detours } from './detours.ts'
import { openServer } from './testdata/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'laura-detour-'))
let laura: Laura
let items: Collection<{ _id: number; [field: string]: unknown }>

const count = 100_000
const texts = Array.from({ length: count }, (_, i) => `text ${(i * 7919) % count}`)

beforeAll(async () => {
  laura = await open(join(folder, 'data'))
  items = laura.db('app').collection('items')
})
afterAll(async () => {
  await laura.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The longest that this thread computed without letting a timer fire, in milliseconds, while `work` was under way. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  const computedMs = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let longestMs = 0
  let lastMs = computedMs()
  let working = true
  const look = () => {
    const nowMs = computedMs()
    longestMs = Math.max(longestMs, nowMs - lastMs)
    lastMs = nowMs
    if (working) setTimeout(look, 1)
  }
  look()
  await work()
  working = false
  look()
  return longestMs
}

/** What holds the thread for a tenth of a second and more when it is done in place; code that is not warm yet takes its time. */
const turnMaxMs = 60

const manyFilters = (): [object, { arrayFilters: object[] }] => {
  const names = Array.from({ length: 500 }, (_, i) => `f${i}`)
  return [
    { $set: Object.fromEntries(names.map((name, i) => [`items.$[${name}].v${i}`, i])) },
    { arrayFilters: names.map((name, i) => ({ [`${name}.at`]: i })) },
  ]
}

test.each<[string, () => Promise<unknown>]>([
  ['500 arrayFilters', () => items.updateOne({ _id: 1 }, ...(manyFilters() as [never, never]))],
  ['$push with $sort', () => items.updateOne({ _id: 1 }, { $push: { texts: { $each: ['a'], $sort: 1 } } } as never)],
  ['$pull', () => items.updateOne({ _id: 1 }, { $pull: { texts: { $in: texts.slice(0, 5000) } } } as never)],
  ['findOneAndUpdate', () => items.findOneAndUpdate({ _id: 1 }, { $pull: { texts: /7$/ } } as never)],
])('%s of a large array lets others in', async (_, work) => {
  const at = Array.from({ length: 5000 }, (__, i) => ({ at: i }))
  await items.deleteMany({})
  await items.insertOne({ _id: 1, texts, items: at })
  await work()
  await items.replaceOne({ _id: 1 }, { texts, items: at } as never)
  expect(await longestTurn(work)).toBeLessThan(turnMaxMs)
})

test('a document that is changed meanwhile is changed as it is then', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ _id: 1, n: 0, texts }] })
  const long = server.run({ update: 'c', updates: [{ q: { _id: 1 }, u: { $pull: { texts: { $ne: 'text 5' } } } }] })
  await server.connect(2).run({ update: 'c', updates: [{ q: { _id: 1 }, u: { $inc: { n: 1 } } }] })
  await server.connect(3).run({ update: 'c', updates: [{ q: { _id: 1 }, u: { $push: { texts: 'text 5' } } }] })
  expect(await long).toMatchObject({ n: 1, nModified: 1 })
  expect(await server.all({ find: 'c' })).toEqual([{ _id: 1, n: 1, texts: ['text 5', 'text 5'] }])
})

test('many documents, upserts and transactions take detours, too', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [1, 2, 3].map((_id) => ({ _id, texts })) })
  const pulled = { $pull: { texts: { $ne: 'text 5' } } }
  expect(await server.run({ update: 'c', updates: [{ q: {}, u: pulled, multi: true }] })).toMatchObject({
    nModified: 3,
  })
  const sorted = { $push: { texts: { $each: texts, $sort: -1, $slice: 1 } } }
  await server.run({ update: 'c', updates: [{ q: { _id: 4 }, u: sorted, upsert: true }] })
  expect(
    await server.run({ findAndModify: 'c', query: { _id: 5 }, update: sorted, upsert: true, new: true }),
  ).toMatchObject({
    value: { _id: 5, texts: ['text 99999'] },
  })
  expect(await server.all({ find: 'c', sort: { _id: 1 } })).toEqual([
    ...[1, 2, 3].map((_id) => ({ _id, texts: ['text 5'] })),
    { _id: 4, texts: ['text 99999'] },
    { _id: 5, texts: ['text 99999'] },
  ])
  await laura.transaction(async (session) => {
    const inside = session.db('app').collection<{ _id: number }>('items')
    await inside.insertOne({ _id: 7, texts } as never)
    await inside.updateOne({ _id: 7 }, pulled as never)
  })
  expect(await items.findOne({ _id: 7 })).toEqual({ _id: 7, texts: ['text 5'] })
})

test('maxTimeMS and killOp end the work, and what comes after it is done', async () => {
  await items.deleteMany({})
  await items.insertOne({ _id: 1, items: Array.from({ length: 200_000 }, (_, at) => ({ at })) })
  const [update, options] = manyFilters()
  const command = { update: 'items', updates: [{ q: { _id: 1 }, u: update, ...options }] }
  await expect(laura.db('app').command({ ...command, maxTimeMS: 300 })).rejects.toMatchObject({ code: 50 })
  const running = laura.db('app').command(command)
  const killed = expect(running).rejects.toMatchObject({ code: 11601 })
  const { inprog } = (await laura.db('admin').command({ currentOp: 1 })) as { inprog: { opid: number; ns: string }[] }
  await laura.db('admin').command({ killOp: 1, op: inprog.find(({ ns }) => ns === 'app.items')!.opid })
  await killed
  const short = { $pull: { items: { at: { $gte: 5 } } } }
  expect(await items.updateOne({ _id: 1 }, short as never)).toMatchObject({ modifiedCount: 1 })
})

test('a database can be closed while such work is under way', async () => {
  const other = await open(join(folder, 'closed'))
  const documents = other.db('app').collection<{ _id: number }>('c')
  await documents.insertOne({ _id: 1, items: Array.from({ length: 100_000 }, (_, at) => ({ at })) } as never)
  const working = expect(documents.updateOne({ _id: 1 }, ...(manyFilters() as [never, never]))).rejects.toMatchObject({
    code: 11600,
  })
  await other.close()
  await working
})

/** Threads of which the first ends without an answer. */
function failingThreads(failure: ThreadEnded): Threads {
  let started = 0
  return {
    start: (_entry, answer): Thread => ({
      ask: started++ === 0 ? () => Promise.reject(failure) : (message) => Promise.resolve(answer(message).message),
      stop: () => undefined,
    }),
  }
}

test('a thread that runs out of memory is told, and another one takes its place', async () => {
  const { clock } = simulatedWorld(1)
  const task = { kind: 'none such' }
  const detours = new Detours(failingThreads(new ThreadEnded('full', true)), clock)
  await expect(detours.run(task).done).rejects.toMatchObject({ codeName: 'ExceededMemoryLimit' })
  await expect(detours.run(task).done).rejects.toThrow(/not a function/)
  detours.close()
})
