/** Documents that take long to be tested are tested elsewhere, whoever asks, with the same answer. */
import { expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

const words = (seed: number) => Array.from({ length: 30_000 }, (_, i) => `w${(i * 7919 + seed) % 30_000}`)
/** Those with an even number have a word that the others have not. */
const documents = Array.from({ length: 6 }, (_, _id) => ({
  _id,
  n: _id % 3,
  words: _id % 2 === 0 ? [...words(_id), 'rare'] : words(_id),
}))
const rare = { words: /^ra.e$/ }

async function filled(): Promise<TestServer> {
  const server = await openServer()
  await server.run({ insert: 'c', documents })
  await server.run({ createIndexes: 'c', indexes: [{ key: { n: 1 }, name: 'n' }] })
  return server
}

const shown = { projection: { _id: 1 } }

test.each<[string, Record<string, unknown>, number[]]>([
  ['a scan', { find: 'c', filter: rare, ...shown }, [0, 2, 4]],
  ['a scan backwards', { find: 'c', filter: rare, sort: { $natural: -1 }, batchSize: 1, ...shown }, [4, 2, 0]],
  ['an index', { find: 'c', filter: { n: { $gte: 1 }, ...rare }, hint: 'n', ...shown }, [4, 2]],
  ['a merge', { find: 'c', filter: { n: { $in: [2, 0] }, ...rare }, sort: { n: 1 }, hint: 'n', ...shown }, [0, 2]],
  ['several _ids', { find: 'c', filter: { _id: { $in: [5, 4, 3, 2] }, ...rare }, ...shown }, [2, 4]],
  ['another order', { find: 'c', filter: rare, sort: { n: 1, _id: -1 }, limit: 2, ...shown }, [0, 4]],
  [
    'branches',
    {
      find: 'c',
      filter: {
        $or: [
          { n: 1, ...rare },
          { n: 2, ...rare },
        ],
      },
      ...shown,
    },
    [4, 2],
  ],
  ['what is not', { find: 'c', filter: { words: { $not: /^ra.e$/ } }, ...shown }, [1, 3, 5]],
  [
    'a collation',
    { find: 'c', filter: { words: 'RARE' }, collation: { locale: 'en', strength: 1 }, ...shown },
    [0, 2, 4],
  ],
  ['a pipeline', { aggregate: 'c', pipeline: [{ $match: rare }, { $project: { _id: 1 } }], cursor: {} }, [0, 2, 4]],
  [
    'a later stage',
    {
      aggregate: 'c',
      pipeline: [{ $set: { words: { $slice: ['$words', 1, 40_000] } } }, { $match: rare }, { $project: { _id: 1 } }],
      cursor: {},
    },
    [0, 2, 4],
  ],
])('%s', async (_, command, ids) => {
  const server = await filled()
  expect((await server.all(command)).map(({ _id }) => _id)).toEqual(ids)
  expect(server.database.detours.count).toBeGreaterThan(0)
  expect(server.engine.statistics().openSnapshotCount).toBe(0)
})

test('what counts, changes and removes', async () => {
  const server = await filled()
  expect(await server.run({ count: 'c', query: rare })).toMatchObject({ n: 3 })
  expect(await server.run({ distinct: 'c', key: 'n', query: rare })).toMatchObject({ values: [0, 1, 2] })
  expect(await server.run({ update: 'c', updates: [{ q: rare, u: { $inc: { n: 10 } }, multi: true }] })).toMatchObject({
    nModified: 3,
  })
  expect(
    await server.run({
      findAndModify: 'c',
      query: { n: { $gte: 11 }, ...rare },
      update: { $set: { words: [] } },
      fields: { _id: 1 },
    }),
  ).toMatchObject({ value: { _id: 4 } })
  expect(await server.run({ delete: 'c', deletes: [{ q: rare, limit: 0 }] })).toMatchObject({ n: 2 })
  expect(server.database.detours.count).toBeGreaterThan(0)
  expect((await server.all({ find: 'c', ...shown })).map(({ _id }) => _id)).toEqual([1, 3, 4, 5])
})

test('validators', async () => {
  const server = await openServer()
  const items = { bsonType: 'array', uniqueItems: true }
  await server.run({ create: 'c', validator: { $jsonSchema: { properties: { words: items } } } })
  const repeated = { _id: 2, words: [...words(1), 'w5'] }
  const all = [{ _id: 1, words: words(1) }, repeated, { _id: 3, words: words(2) }]
  expect(await server.run({ insert: 'c', documents: all, ordered: false })).toMatchObject({
    n: 2,
    writeErrors: [{ index: 1, code: 121 }],
  })
  // What is said of the one that is refused is found out elsewhere, too, after which it is tested again.
  expect(server.database.detours.count).toBe(5)
  const pushed = { update: 'c', updates: [{ q: { _id: 3 }, u: { $push: { words: 'w7' } } }] }
  expect(await server.reply(pushed)).toMatchObject({ writeErrors: [{ code: 121 }] })
})

test('what is said of a document that is refused', async () => {
  const inPlace = await openServer()
  const elsewhere = await openServer()
  const validator = { $jsonSchema: { properties: { words: { items: { maxLength: 5 } } } }, n: { $lt: 5 } }
  const refused = async (server: TestServer, count: number) => {
    await server.run({ create: 'c', validator })
    const { writeErrors } = await server.run({
      insert: 'c',
      documents: [{ _id: 1, words: words(1).slice(0, count), n: 7 }],
    })
    return (writeErrors as [{ errInfo: { details: unknown } }])[0].errInfo.details
  }
  const told = await refused(inPlace, 2000)
  expect(inPlace.database.detours.count).toBe(0)
  expect(told).toMatchObject({
    clausesNotSatisfied: [{ index: 0 }, { index: 1, details: { operatorName: '$lt', consideredValue: 7 } }],
  })
  expect(await refused(elsewhere, 8000)).toEqual(told)
  expect(elsewhere.database.detours.count).toBeGreaterThan(0)
})

test('what is said where an expression takes long', async () => {
  const server = await openServer()
  const sum = { $sum: { $map: { input: { $range: [0, '$n'] }, in: { $add: ['$$this', 1] } } } }
  const validator = { $or: [{ $expr: { $lt: [sum, 10] } }, { n: { $lt: 3 } }] }
  await server.run({ create: 'c', validator })
  expect(await server.run({ insert: 'c', documents: [{ _id: 1, n: 200_000 }] })).toMatchObject({
    writeErrors: [{ code: 121, errInfo: { details: { operatorName: '$or' } } }],
  })
})

test('sorts by large arrays', async () => {
  const server = await filled()
  const sorted = async (options: object) =>
    (await server.all({ find: 'c', projection: { _id: 1 }, ...options })).map(({ _id }) => _id)
  await server.run({
    update: 'c',
    updates: documents.map(({ _id }) => ({ q: { _id }, u: { $push: { words: `a${(_id * 5) % 6}` } } })),
  })
  const collation = { locale: 'en' }
  for (const options of [{}, { limit: 4 }, { batchSize: 1 }, { collation }, { collation, limit: 4 }]) {
    const inOrder = [0, 5, 4, 3, 2, 1].slice(0, 'limit' in options ? options.limit : 6)
    expect(await sorted({ sort: { words: 1 }, ...options })).toEqual(inOrder)
    expect(await sorted({ sort: { words: 1, n: -1 }, ...options })).toEqual(inOrder)
    const { limit = 6, batchSize = 3, ...rest } = options as { limit?: number; batchSize?: number }
    const pipeline = [{ $set: { x: 1 } }, { $sort: { words: 1 } }, { $limit: limit }, { $project: { _id: 1 } }]
    const all = await server.all({ aggregate: 'c', pipeline, cursor: { batchSize }, ...rest })
    expect(all.map(({ _id }) => _id)).toEqual(inOrder)
  }
  expect(server.database.detours.count).toBeGreaterThan(50)
  expect(await server.run({ findAndModify: 'c', sort: { words: -1 }, update: { $set: { n: 9 } } })).toMatchObject({
    ok: 1,
  })
  expect(await server.reply({ find: 'c', sort: { words: 1, others: 1 } })).toMatchObject({ ok: 1 })
  await server.run({ update: 'c', updates: [{ q: { _id: 1 }, u: { $set: { others: [1] } } }] })
  expect(await server.reply({ find: 'c', sort: { words: 1, others: 1 } })).toMatchObject({ code: 2 })
})

test('fields that are short are tested where they are', async () => {
  const server = await filled()
  await server.run({ update: 'c', updates: [{ q: {}, u: { $set: { name: 'x' } }, multi: true }] })
  expect(await server.run({ count: 'c', query: { name: /^x/ } })).toMatchObject({ n: 6 })
  expect(server.database.detours.count).toBe(0)
})

test('$merge and $out write each document once, with their indexes and validators', async () => {
  const server = await filled()
  for (const name of ['merged', 'out']) {
    await server.run({ create: name, validator: { words: { $not: /^absent$/ } } })
    await server.run({ createIndexes: name, indexes: [{ key: { n: 1 }, name: 'n' }] })
  }
  await server.run({ insert: 'merged', documents: [{ _id: 2, words: ['old'] }] })
  for (const last of [{ $merge: { into: 'merged', whenMatched: 'replace' } }, { $out: 'out' }]) {
    await server.run({ aggregate: 'c', pipeline: [{ $match: rare }, last], cursor: {} })
  }
  for (const name of ['merged', 'out']) {
    expect((await server.all({ find: name, ...shown, sort: { _id: 1 } })).map(({ _id }) => _id)).toEqual([0, 2, 4])
    expect(await server.run({ count: name, query: { words: 'rare' } })).toMatchObject({ n: 3 })
  }
})

test('$merge waits for what takes long, and gives each document one _id', async () => {
  const server = await openServer()
  const heavy = { $size: { $map: { input: { $range: [0, { $ifNull: ['$n', 0] }] }, in: { $add: ['$$this', 1] } } } }
  await server.run({ create: 'merged', validator: { $expr: { $lt: [heavy, 250_000] } } })
  await server.run({ insert: 'source', documents: [200_000, 200_001, 300_000].map((n, _id) => ({ _id, n })) })
  const merge = (...stages: object[]) =>
    server.reply({ aggregate: 'source', pipeline: [...stages, { $merge: 'merged' }], cursor: {} })
  expect(await merge({ $project: { _id: 0, n: 1 } })).toMatchObject({ code: 121 })
  expect((await server.all({ find: 'merged', sort: { n: 1 } })).map(({ n }) => n)).toEqual([200_000, 200_001])
  expect(await merge({ $match: { n: { $lt: 250_000 } } }, { $set: { again: true } })).toMatchObject({ ok: 1 })
  expect(await merge({ $match: { n: { $lt: 250_000 } } }, { $set: { n: { $add: ['$n', 5] } } })).toMatchObject({
    ok: 1,
  })
  const merged = await server.all({ find: 'merged', filter: { again: true }, sort: { n: 1 } })
  expect(merged).toEqual([200_005, 200_006].map((n, _id) => ({ _id, n, again: true })))
  expect(await server.run({ count: 'merged' })).toMatchObject({ n: 4 })
  expect(server.database.detours.count).toBeGreaterThan(6)
})

test('$merge takes each incoming document for itself, also after one that failed', async () => {
  const server = await openServer()
  await server.run({
    insert: 'source',
    documents: [
      { _id: 1, key: 1, by: 0 },
      { _id: 2, key: 1, by: 5 },
    ],
  })
  await server.run({ insert: 'target', documents: [{ _id: 1, n: 10 }] })
  const whenMatched = [{ $set: { n: { $divide: ['$n', '$$new.by'] } } }]
  const pipeline = [{ $set: { _id: '$key' } }, { $merge: { into: 'target', whenMatched } }]
  expect(await server.reply({ aggregate: 'source', pipeline, cursor: {} })).toMatchObject({ ok: 0 })
  expect(await server.all({ find: 'target' })).toEqual([{ _id: 1, n: 2 }])
})
