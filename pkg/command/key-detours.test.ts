/** Keys that take long are taken from documents elsewhere: indexes hold what they would hold otherwise. */
import { Timestamp } from 'bson'
import { expect, test } from 'vitest'
import { encodeDocument } from '../bson/convert.ts'
import { parseIndexDefinition } from '../index/definition.ts'
import { KeySet } from '../index/extract.ts'
import { extractorOf } from '../index/extractor-of.ts'
import { computeKeys } from '../index/keys-task.ts'
import { openServer, type TestServer } from './testdata/server.ts'

/** Few and long: what a check of the database reads for each of their keys is the whole document. */
const count = 1000
const padding = 'x'.repeat(200)
const texts = (seed: number) =>
  Array.from({ length: count }, (_, i) => `Text ${(i * 7919 + seed) % (2 * count)} ${padding}`)
const items = Array.from({ length: 200 }, (_, i) => ({ n: i % 700, label: i % 3 === 0 ? null : `item ${i}` }))

const indexes = [
  { key: { texts: 1 }, name: 'texts' },
  { key: { n: -1, texts: -1 }, name: 'both' },
  { key: { texts: 1, n: 1 }, name: 'german', collation: { locale: 'de', strength: 1 } },
  { key: { 'items.label': 1 }, name: 'sparse', sparse: true },
  { key: { 'items.$**': 1 }, name: 'wildcard' },
  { key: { texts: 1 }, name: 'partial', partialFilterExpression: { n: { $gt: 1 } } },
]

async function filled(): Promise<TestServer> {
  const server = await openServer()
  await server.run({ createIndexes: 'c', indexes })
  return server
}

async function problems(server: TestServer): Promise<readonly unknown[]> {
  expect(server.database.detours.count).toBeGreaterThan(0)
  return (await server.engine.check()).problems
}

test.each(indexes)('the keys of $name are the same elsewhere', ({ key, name, ...options }) => {
  const definition = parseIndexDefinition(encodeDocument({ v: 2, key, name, ...options }))
  for (const document of [{ n: 2, texts: texts(1), items }, { n: [1, 2], texts: [] }, {}, { n: [1], texts: [1] }]) {
    const bytes = encodeDocument(document)
    const [found] = computeKeys({
      kind: 'keys',
      documents: [bytes],
      wanted: [{ definition: definition.bytes, document: 0 }],
    })
    const keys = new KeySet()
    try {
      extractorOf(definition).extract(bytes, 0, keys)
    } catch (error) {
      expect(found!.failure).toMatchObject({ message: (error as Error).message })
      continue
    }
    const loaded = new KeySet()
    loaded.load(structuredClone(found!.keys!))
    expect(loaded.equals(keys)).toBe(true)
    const [there, here] = [loaded.parts(), keys.parts()]
    for (const part of ['starts', 'ends', 'types', 'valueStarts', 'codes', 'lost'] as const)
      expect(Buffer.compare(new Uint8Array(there[part].buffer), new Uint8Array(here[part].buffer))).toBe(0)
    expect([there.multikey, there.paths]).toEqual([here.multikey, here.paths])
  }
})

test('inserts, updates and removals leave indexes whole', async () => {
  const server = await filled()
  await server.run({ insert: 'c', documents: [1, 2, 3].map((_id) => ({ _id, n: _id, texts: texts(_id), items })) })
  expect(await problems(server)).toEqual([])
  const inserted = server.database.detours.count
  await server.run({ update: 'c', updates: [{ q: { _id: 1 }, u: { $push: { texts: 'one more' }, $inc: { n: 1 } } }] })
  await server.run({
    update: 'c',
    updates: [{ q: {}, u: [{ $set: { texts: { $slice: ['$texts', 900] } } }], multi: true }],
  })
  await server.run({ findAndModify: 'c', query: { _id: 2 }, update: { $set: { 'items.7.label': 'other', n: 0 } } })
  expect(server.database.detours.count).toBeGreaterThan(inserted)
  expect(await problems(server)).toEqual([])
  expect(await server.run({ count: 'c', query: { 'items.label': 'other' }, hint: 'sparse' })).toMatchObject({ n: 1 })
  const written = server.database.detours.count
  await server.run({ delete: 'c', deletes: [{ q: { _id: 1 }, limit: 1 }] })
  await server.run({ findAndModify: 'c', query: { _id: 3 }, remove: true })
  expect(server.database.detours.count).toBe(written + 2)
  expect(await problems(server)).toEqual([])
  await server.run({ delete: 'c', deletes: [{ q: {}, limit: 0 }] })
  expect(await problems(server)).toEqual([])
  for (const hint of ['texts', 'both', 'german', 'sparse']) {
    expect(await server.run({ count: 'c', hint })).toMatchObject({ n: 0 })
  }
})

test('documents that are given an _id are written once', async () => {
  const server = await filled()
  await server.run({ insert: 'c', documents: [{ texts: texts(1) }, { texts: texts(2) }] })
  expect(server.database.detours.count).toBeLessThanOrEqual(4)
  const push = { $push: { texts: { $each: texts(5) } } }
  expect(await server.run({ update: 'c', updates: [{ q: { n: 9 }, u: push, upsert: true }] })).toMatchObject({ n: 1 })
  expect(await server.run({ count: 'c' })).toMatchObject({ n: 3 })
  expect(await problems(server)).toEqual([])
})

test('empty timestamps stay where the command says so', async () => {
  const server = await filled()
  const stamp = new Timestamp({ t: 0, i: 0 })
  const insert = { insert: 'c', documents: [{ stamp, texts: texts(1) }] }
  await server.run({ ...insert, bypassEmptyTsReplacement: true })
  await server.run(insert)
  expect(await server.run({ count: 'c', query: { stamp } })).toMatchObject({ n: 1 })
  expect(await problems(server)).toEqual([])
})

test('indexes are built of documents whose keys are taken elsewhere, also of those written meanwhile', async () => {
  const server = await openServer()
  const documents = (from: number) => [1, 2, 3].map((i) => ({ _id: from + i, n: i, texts: texts(i), items }))
  await server.run({ insert: 'c', documents: documents(0) })
  const building = server.run({ createIndexes: 'c', indexes })
  await server.connect(2).run({ insert: 'c', documents: documents(10) })
  await server.connect(2).run({ delete: 'c', deletes: [{ q: { _id: 2 }, limit: 1 }] })
  await building
  expect(await problems(server)).toEqual([])
  expect(await server.run({ count: 'c', query: { texts: texts(1)[0] }, hint: 'texts' })).toMatchObject({ n: 5 })
  const unique = { createIndexes: 'c', indexes: [{ key: { texts: 1 }, name: 'unique', unique: true }] }
  expect(await server.reply(unique)).toMatchObject({ code: 11000 })
  expect(await problems(server)).toEqual([])
})

test('a key that another document has is refused', async () => {
  const server = await openServer()
  await server.run({ createIndexes: 'c', indexes: [{ key: { texts: 1 }, name: 'texts', unique: true }] })
  await server.run({
    insert: 'c',
    documents: [
      { _id: 1, texts: texts(1) },
      { _id: 2, texts: ['mine'] },
    ],
  })
  const large = { _id: 3, texts: [...texts(1).map((text) => `${text}!`), 'mine'] }
  expect(await server.reply({ insert: 'c', documents: [large] })).toMatchObject({ writeErrors: [{ code: 11000 }] })
  const pushed = { update: 'c', updates: [{ q: { _id: 1 }, u: { $push: { texts: 'mine' } } }] }
  expect(await server.reply(pushed)).toMatchObject({ writeErrors: [{ code: 11000 }] })
  expect(await problems(server)).toEqual([])
})

test('several at a time', async () => {
  const server = await filled()
  await server.run({ insert: 'c', documents: [1, 2, 3, 4, 5, 6].map((_id) => ({ _id, n: _id, texts: texts(_id) })) })
  const writes = [1, 2, 3, 4, 5, 6].map((_id) =>
    server.connect(_id + 1).run({ update: 'c', updates: [{ q: { _id }, u: { $push: { texts: `mine ${_id}` } } }] }),
  )
  const again = server.connect(9).run({ update: 'c', updates: [{ q: { _id: 2 }, u: { $push: { texts: 'ours' } } }] })
  for (const reply of await Promise.all([...writes, again])) expect(reply).toMatchObject({ nModified: 1 })
  expect(await server.run({ count: 'c', query: { texts: { $in: ['mine 2', 'ours', 'mine 6'] } } })).toMatchObject({
    n: 2,
  })
  expect(await problems(server)).toEqual([])
})
