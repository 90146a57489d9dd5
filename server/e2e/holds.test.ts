/**
 * How long requests hold the event loop at a stretch, by the processor time of its thread that passes between two turns of it: on a busy machine
 * that is less than what the clock says, but more than on an idle one. The aim is 20 ms; what fails here holds it several times as long.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decodeDocument, encodeDocument } from '../../pkg/bson/convert.ts'
import { type Node, openNode, ownContext } from '../node.ts'

type Document = Record<string, unknown>

const holdMaxMs = 120

const dir = mkdtempSync(join(tmpdir(), 'laura-holds-'))
const context = ownContext()
let node: Node

beforeAll(async () => {
  node = await openNode({ dir, engine: {} })
})

afterAll(async () => {
  await node.close()
  rmSync(dir, { recursive: true, force: true })
})

function encoded({ $db = 'test', ...command }: Document): Uint8Array {
  return encodeDocument({ ...command, $db })
}

async function dispatch(body: Uint8Array): Promise<Uint8Array> {
  return node.database.dispatch(context, { body, sequences: new Map(), replyExpected: true })
}

async function reply(command: Document): Promise<Document> {
  return decodeDocument(await dispatch(encoded(command)))
}

/** The reply, and the longest hold while it was made. */
async function held(command: Document): Promise<{ reply: Document; holdMs: number }> {
  const body = encoded(command)
  let longest = 0
  let last = process.cpuUsage()
  let running = true
  const watch = (): void => {
    const { user, system } = process.threadCpuUsage(last)
    longest = Math.max(longest, (user + system) / 1000)
    last = process.threadCpuUsage()
    if (running) setImmediate(watch)
  }
  setImmediate(watch)
  await new Promise(setImmediate)
  longest = 0
  last = process.threadCpuUsage()
  const result = await dispatch(body)
  watch()
  running = false
  return { reply: decodeDocument(result), holdMs: longest }
}

async function expectShortHolds(command: Document): Promise<Document> {
  // What is compiled and first run is slower: the second time counts when the first took too long.
  const first = await held(command)
  const { holdMs } = first.holdMs < holdMaxMs ? first : await held(command)
  expect(holdMs, JSON.stringify(command).slice(0, 200)).toBeLessThan(holdMaxMs)
  return first.reply
}

/** What takes long is computed by another thread, for as long as it may. */
async function expectEndInTime(expression: unknown, collection: string): Promise<void> {
  const pipeline = [{ $project: { r: { $type: expression } } }]
  const { ok, code } = await expectShortHolds({ aggregate: collection, pipeline, cursor: {}, maxTimeMS: 1000 })
  if (ok !== 1) expect(code).toBe(50)
}

test.each([
  '(a+)+b',
  '(a|aa)+$',
  '(.*)(.*)(.*)(.*)(.*)[^a]b',
  '(a*)*\\1b',
  '(?=(a+))a*b',
  '(?:a{1,100}){1,100}b',
  '(a|b)*a(a|b){30}c',
])('a hostile pattern on long texts: %s', async (pattern) => {
  await reply({
    insert: 'texts',
    documents: Array.from({ length: 4 }, (_, i) => ({ _id: `${pattern}${i}`, t: 'a'.repeat(200_000) })),
  })
  const filter = { _id: { $gte: pattern, $lte: `${pattern}9` }, t: { $regex: pattern } }
  const { ok, code } = await expectShortHolds({ find: 'texts', filter })
  if (ok !== 1) expect(code).toBe(51156)
})

test.each<[string, unknown]>([
  [
    'nested maps',
    {
      $map: {
        input: { $range: [0, '$n'] },
        as: 'x',
        in: { $map: { input: { $range: [0, '$n'] }, in: { $add: ['$$x', '$$this'] } } },
      },
    },
  ],
  [
    'a sum by $reduce',
    {
      $reduce: {
        input: { $range: [0, { $multiply: ['$n', 100] }] },
        initialValue: 0,
        in: { $add: ['$$value', '$$this'] },
      },
    },
  ],
  [
    'a growing array',
    { $reduce: { input: { $range: [0, '$n'] }, initialValue: [], in: { $concatArrays: ['$$value', ['$$this']] } } },
  ],
  ['powers of decimals', { $map: { input: { $range: [0, '$n'] }, in: { $pow: [{ $toDecimal: '$$this' }, 2.5] } } }],
])('an expression of very many steps: %s', async (_, expression) => {
  await reply({ update: 'numbers', updates: [{ q: { _id: 1 }, u: { _id: 1, n: 20_000 }, upsert: true }] })
  await expectEndInTime(expression, 'numbers')
})

const heavy = { $size: { $map: { input: { $range: [0, '$n'] }, in: { $add: ['$$this', 1] } } } }

test.each<[string, Document]>([
  ['projected', { aggregate: 'heavy', pipeline: [{ $project: { r: heavy } }], cursor: {} }],
  ['matched', { aggregate: 'heavy', pipeline: [{ $match: { $expr: { $eq: [heavy, 1] } } }], cursor: {} }],
  ['found', { find: 'heavy', filter: { $expr: { $eq: [heavy, 1] } } }],
  ['counted', { count: 'heavy', query: { $expr: { $eq: [heavy, 1] } } }],
  ['distinct', { distinct: 'heavy', key: 'n', query: { $expr: { $eq: [heavy, 1] } } }],
  ['updated', { update: 'heavy', updates: [{ q: {}, u: [{ $set: { r: heavy } }], multi: true }] }],
  [
    'unwound and projected',
    {
      aggregate: 'heavy',
      pipeline: [{ $limit: 1 }, { $unwind: '$a' }, { $project: { r: heavy } }, { $group: { _id: '$r' } }],
      cursor: {},
    },
  ],
  [
    'redacted',
    { aggregate: 'heavy', pipeline: [{ $redact: { $cond: [{ $gt: [heavy, 1] }, '$$KEEP', '$$PRUNE'] } }], cursor: {} },
  ],
  [
    'in buckets',
    {
      aggregate: 'heavy',
      pipeline: [{ $bucketAuto: { groupBy: heavy, buckets: 3, output: { n: { $max: heavy } } } }],
      cursor: {},
    },
  ],
  [
    'in windows',
    {
      aggregate: 'heavy',
      pipeline: [
        {
          $setWindowFields: {
            sortBy: { _id: 1 },
            output: { n: { $sum: heavy, window: { documents: [-1, 0] } }, first: { $first: heavy } },
          },
        },
      ],
      cursor: {},
    },
  ],
  [
    'merged',
    {
      aggregate: 'heavy',
      pipeline: [{ $merge: { into: 'heavy', whenMatched: [{ $set: { r: heavy } }] } }],
      cursor: {},
    },
  ],
  [
    'found by a long let',
    {
      find: 'heavy',
      filter: { $expr: { $eq: ['$_id', '$$n'] } },
      let: { n: { $size: { $map: { input: { $range: [0, 300_000] }, in: { $add: ['$$this', 1] } } } } },
    },
  ],
  [
    'made up and projected',
    {
      aggregate: 1,
      pipeline: [
        { $documents: { $map: { input: { $range: [0, 25] }, in: { n: 40_000 } } } },
        { $project: { r: heavy } },
        { $match: { r: 1 } },
      ],
      cursor: {},
    },
  ],
])('documents of which each takes long: %s', async (_, command) => {
  const documents = Array.from({ length: 25 }, (_, i) => ({ _id: i, n: 40_000, a: new Array(25).fill(1) }))
  await reply({ delete: 'heavy', deletes: [{ q: {}, limit: 0 }] })
  await reply({ insert: 'heavy', documents })
  expect(await expectShortHolds(command)).toMatchObject({ ok: 1 })
})

const places = Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 100_003)

test.each<[string, unknown[], Document]>([
  ['numbers added to a set', places, { $addToSet: { a: { $each: places.slice(0, 2000).map((n) => n + 100_003) } } }],
  [
    'texts added to a set',
    places.map(String),
    { $addToSet: { a: { $each: places.slice(0, 2000).map((n) => `${n}+`) } } },
  ],
  ['a set made', [], { $addToSet: { a: { $each: places } } }],
  ['numbers pulled', places, { $pullAll: { a: places.slice(0, 500) } }],
  ['texts pulled', places.map(String), { $pullAll: { a: places.slice(0, 500).map(String) } }],
  ['numbers sorted', places, { $push: { a: { $each: [5], $sort: -1 } } }],
  ['texts sorted', places.map(String), { $push: { a: { $each: ['5'], $sort: 1 } } }],
])('an update of one large array: %s', async (_, a, u) => {
  await reply({ update: 'arrays', updates: [{ q: { _id: 1 }, u: { _id: 1, a }, upsert: true }] })
  expect(await expectShortHolds({ update: 'arrays', updates: [{ q: { _id: 1 }, u }] })).toMatchObject({ ok: 1 })
})

const large = { _id: 1, a: places, x: 1 }

test.each<[string, Document | undefined, Document]>([
  ['inserted', undefined, { insert: 'indexed', documents: [{ _id: 0 }, large, { _id: 2 }] }],
  ['emptied', large, { update: 'indexed', updates: [{ q: { x: 1 }, u: { $unset: { a: 1 } }, multi: true }] }],
  ['made longer', large, { update: 'indexed', updates: [{ q: { _id: 1 }, u: { $push: { a: -1 } } }] }],
  ['deleted', large, { delete: 'indexed', deletes: [{ q: {}, limit: 0 }] }],
  ['found and removed', large, { findAndModify: 'indexed', query: { x: 1 }, remove: true }],
])('a large array in indexes, one of them unique: %s', async (_, before, command) => {
  await reply({ createIndexes: 'indexed', indexes: [{ key: { a: 1 }, name: 'a' }] })
  const unique = { key: { a: -1 }, name: 'u', unique: true, partialFilterExpression: { x: 1 } }
  await reply({ createIndexes: 'indexed', indexes: [unique] })
  await reply({ delete: 'indexed', deletes: [{ q: {}, limit: 0 }] })
  if (before !== undefined) await reply({ insert: 'indexed', documents: [before] })
  expect(await expectShortHolds(command)).toMatchObject({ ok: 1 })
  expect(await reply({ validate: 'indexed' })).toMatchObject({ valid: true })
})

const numbers = Array.from({ length: 3000 }, (_, i) => i)

test.each<[string, Document]>([
  ['one `$or` of thousands of equalities', { $or: numbers.map((a) => ({ a })) }],
  ['one `$or` over two indexes', { $or: numbers.map((i) => (i % 2 === 0 ? { a: i } : { b: i })) }],
  [
    'hundreds of `$or`s',
    { $and: numbers.slice(0, 300).map((i) => ({ $or: numbers.slice(i, i + 10).map((a) => ({ a })) })) },
  ],
  ['thousands of ranges', { $and: numbers.map((i) => ({ a: { $gte: -i } })) }],
])('a filter of many parts, planned: %s', async (_, filter) => {
  const indexes = ['a', 'b'].map((name) => ({ key: { [name]: 1 }, name }))
  await reply({ createIndexes: 'planned', indexes: [...indexes, { key: { a: 1, b: 1 }, name: 'ab' }] })
  await reply({ insert: 'planned', documents: numbers.map((_id) => ({ _id, a: _id, b: _id % 7 })) })
  expect(await expectShortHolds({ find: 'planned', filter })).toMatchObject({ ok: 1 })
  expect(await expectShortHolds({ explain: { find: 'planned', filter } })).toMatchObject({ ok: 1 })
})

test.each<[string, unknown[], Document]>([
  ['numbers', places, {}],
  ['texts', places.map((n) => `text ${n}`), {}],
  ['texts under a collation', places.map((n) => `tëxt ${n}`), { collation: { locale: 'de', strength: 1 } }],
  ['values of all kinds', places.map((n) => [n, `${n}`, new Date(n), null, [n]][n % 5]), {}],
])('a set of very many values: %s', async (_, values, options) => {
  await reply({ drop: 'sets' })
  const some = values.slice(0, 50).map((a, i) => ({ a, i }))
  await reply({ insert: 'sets', documents: [...some, { a: -1, i: -1 }, { a: 'none', i: -1 }, { a: { b: 1 }, i: -1 }] })
  const filter = { a: { $in: values } }
  const others = { a: { $nin: values } }
  const update = { q: filter, u: { $set: { found: true } }, multi: true, ...options }
  for (const index of [undefined, { a: 1 }, { i: 1, a: -1 }]) {
    if (index !== undefined) {
      const indexes = [{ key: index, name: JSON.stringify(index), ...options }]
      expect(await reply({ createIndexes: 'sets', indexes })).toMatchObject({ ok: 1 })
    }
    expect(await expectShortHolds({ count: 'sets', query: filter, ...options })).toMatchObject({ n: 50 })
    const bounded = { i: { $gte: 0 }, a: { $in: values } }
    expect(await expectShortHolds({ count: 'sets', query: bounded, ...options })).toMatchObject({ n: 50 })
    expect(await expectShortHolds({ count: 'sets', query: others, ...options })).toMatchObject({ n: 3 })
    const pipeline = [{ $match: { a: { $not: { $in: values } } } }, { $count: 'n' }]
    expect(await expectShortHolds({ aggregate: 'sets', pipeline, cursor: {}, ...options })).toMatchObject({
      cursor: { firstBatch: [{ n: 3 }] },
    })
    const found = await expectShortHolds({
      find: 'sets',
      filter,
      projection: { _id: 0, i: 1 },
      batchSize: 60,
      ...options,
    })
    expect((found['cursor'] as { firstBatch: unknown[] }).firstBatch.length).toBe(50)
    expect(await expectShortHolds({ update: 'sets', updates: [update] })).toMatchObject({ n: 50 })
    const changeOne = { findAndModify: 'sets', query: filter, update: { $set: { found: 1 } }, ...options }
    expect(await expectShortHolds(changeOne)).toMatchObject({ value: { found: true } })
  }
  const pull = { q: { i: 0 }, u: { $pull: { gone: { $in: values } } }, ...options }
  expect(await expectShortHolds({ update: 'sets', updates: [pull] })).toMatchObject({ n: 1, nModified: 0 })
  // The second statement's set is made when the first has changed something.
  const deletes = [
    { q: { i: -1, ...others }, limit: 0, ...options },
    { q: filter, limit: 0, ...options },
  ]
  expect(await expectShortHolds({ delete: 'sets', deletes })).toMatchObject({ n: 53 })
})

test('a set of very many values that has what none may have', async () => {
  await reply({ drop: 'sets' })
  await reply({ insert: 'sets', documents: [{ a: 1 }, { a: 'abc' }] })
  const patterns = { a: { $in: [...places.map((n) => n + 5), /^ab/] } }
  expect(await expectShortHolds({ find: 'sets', filter: patterns })).toMatchObject({
    cursor: { firstBatch: [{ a: 'abc' }] },
  })
  const refused = { a: { $in: [...places, { $gt: 1 }] } }
  expect(await expectShortHolds({ find: 'sets', filter: refused })).toMatchObject({ ok: 0, code: 2 })
})

test('an index made over large arrays', async () => {
  await reply({ insert: 'later', documents: [0, 1, 2].map((_id) => ({ ...large, _id })) })
  const indexes = [{ key: { a: 1 }, name: 'a' }]
  expect(await expectShortHolds({ createIndexes: 'later', indexes })).toMatchObject({ ok: 1 })
  expect(await reply({ validate: 'later' })).toMatchObject({ valid: true })
})

test.each([
  ['numbers', places],
  ['texts', places.map(String)],
])('distinct elements of one large array: %s', async (_, a) => {
  await reply({ update: 'arrays', updates: [{ q: { _id: 1 }, u: { _id: 1, a }, upsert: true }] })
  expect(await expectShortHolds({ distinct: 'arrays', key: 'a' })).toMatchObject({ ok: 1 })
})

test.each<[string, unknown[], Document]>([
  ['numbers', places, {}],
  ['texts', places.map(String), {}],
  ['texts under a collation', places.map((n) => `tëxt ${n}`), { collation: { locale: 'de' } }],
])('a sort by one large array: %s', async (_, a, options) => {
  await reply({ update: 'arrays', updates: [{ q: { _id: 1 }, u: { _id: 1, a }, upsert: true }] })
  const find = { find: 'arrays', projection: { _id: 1 }, ...options }
  expect(await expectShortHolds({ ...find, sort: { a: 1 } })).toMatchObject({ ok: 1 })
  expect(await expectShortHolds({ ...find, sort: { a: -1, b: 1 } })).toMatchObject({ ok: 1 })
  expect(await expectShortHolds({ distinct: 'arrays', key: 'a', ...options })).toMatchObject({ ok: 1 })
})

test('what is said of a large array that a schema refuses', async () => {
  await reply({ create: 'refusing', validator: { $jsonSchema: { properties: { a: { items: { maximum: 5 } } } } } })
  const insert = { insert: 'refusing', documents: [{ _id: 1, a: places }] }
  expect(await expectShortHolds(insert)).toMatchObject({ writeErrors: [{ code: 121 }] })
})

test('a schema that wants the items of a large array to differ', async () => {
  await reply({ update: 'arrays', updates: [{ q: { _id: 1 }, u: { _id: 1, a: places }, upsert: true }] })
  const filter = { $jsonSchema: { properties: { a: { uniqueItems: true } } } }
  expect(await expectShortHolds({ count: 'arrays', query: filter })).toMatchObject({ n: 1 })
})

test('values without end, made by $densify', async () => {
  const pipeline = [
    { $documents: [{ x: 0 }, { x: 400_000 }] },
    { $densify: { field: 'x', range: { step: 1, bounds: 'full' } } },
    { $count: 'n' },
  ]
  const result = await expectShortHolds({ aggregate: 1, pipeline, cursor: {} })
  expect(result).toMatchObject({ cursor: { firstBatch: [{ n: 400_001 }] } })
})

const each = (body: unknown): unknown => ({ $map: { input: { $range: [0, 1000] }, in: body } })

test.each<[string, unknown]>([
  ['sets', each({ $setIsSubset: [['$$this'], '$numbers'] })],
  ['sets of strings', { $setUnion: ['$strings', { $reverseArray: '$strings' }] }],
  ['sorts', each({ $size: { $sortArray: { input: '$strings', sortBy: 1 } } })],
  ['lengths', each({ $size: '$numbers' })],
  ['sums', each({ $sum: '$numbers' })],
  ['last elements', each({ $arrayElemAt: ['$numbers', -1] })],
  ['comparisons', each({ $eq: ['$numbers', { $slice: ['$numbers', 1, 1e6] }] })],
  ['fields at the end', each('$document.k49999')],
  ['documents merged', each({ $type: { $mergeObjects: ['$document', { x: '$$this' }] } })],
  ['matches in a text', { $size: { $regexFindAll: { input: '$text', regex: '(a)|(b)' } } }],
  ['searches of a text', each({ $indexOfCP: ['$text', 'nowhere'] })],
  ['replacements in a text', each({ $strLenBytes: { $replaceAll: { input: '$text', find: 'a', replacement: 'b' } } })],
])('an expression over large values: %s', async (_, expression) => {
  if (((await reply({ count: 'large' })) as { n: number }).n === 0) {
    const numbers = Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 200_003)
    const strings = Array.from({ length: 60_000 }, (_, i) => `string ${(i * 7919) % 60_013}`)
    const document = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, i]))
    await reply({ insert: 'large', documents: [{ _id: 1, numbers, strings, document, text: 'ab'.repeat(1_000_000) }] })
  }
  await expectEndInTime(expression, 'large')
})

test('indexes of a large collection, made and made unique', async () => {
  for (let from = 0; from < 40_000; from += 4000) {
    const documents = Array.from({ length: 4000 }, (_, i) => ({
      _id: from + i,
      x: from + i,
      tags: ['a', 'b', `t${i}`],
      text: 'x'.repeat(50),
    }))
    await reply({ insert: 'many', documents })
  }
  const key = (name: string) => ({ key: { [name]: 1 }, name: `${name}_1` })
  expect((await held({ createIndexes: 'many', indexes: [key('x'), key('tags')] })).holdMs).toBeLessThan(holdMaxMs)
  await reply({ collMod: 'many', index: { name: 'x_1', prepareUnique: true } })
  const unique = await held({ collMod: 'many', index: { name: 'x_1', unique: true } })
  expect(unique.reply).toMatchObject({ ok: 1, unique_new: true })
  expect(unique.holdMs).toBeLessThan(holdMaxMs)
  expect((await held({ validate: 'many' })).holdMs).toBeLessThan(holdMaxMs)
})

const statementCount = 100_000

function statements(of: (i: number) => Document): Document[] {
  return Array.from({ length: statementCount }, (_, i) => of(i))
}

/** Of what takes about the same each time, the least of three runs says more than one of them. */
async function expectShortestHold(command: Document, maxMs: number): Promise<Document> {
  const first = await held(command)
  let holdMs = first.holdMs
  for (let again = 0; again < 2 && holdMs >= maxMs; again++) holdMs = Math.min(holdMs, (await held(command)).holdMs)
  expect(holdMs).toBeLessThan(maxMs)
  return first.reply
}

test('commands of very many statements', async () => {
  const bulkWrite = (ops: Document[]) => ({ $db: 'admin', bulkWrite: 1, ops, nsInfo: [{ ns: 'test.statements' }] })
  const inserts = statements((_id) => ({ insert: 0, document: { _id } }))
  expect(await expectShortestHold(bulkWrite(inserts), 50)).toMatchObject({ nInserted: statementCount })
  const mods = statements((_id) => ({ update: 0, filter: { _id }, updateMods: { $set: { x: 1 } } }))
  expect(await expectShortestHold(bulkWrite(mods), 50)).toMatchObject({ nModified: statementCount })
  const updates = statements((_id) => ({ q: { _id }, u: { $set: { x: 2 } } }))
  expect(await expectShortestHold({ update: 'statements', updates }, 35)).toMatchObject({ nModified: statementCount })
  const documents = statements(() => ({ _id: 1 }))
  const duplicates = await expectShortestHold({ insert: 'statements', documents, ordered: false }, 50)
  expect(duplicates['writeErrors']).toHaveLength(statementCount)
  const deletes = statements((_id) => ({ q: { _id }, limit: 1 }))
  expect(await expectShortestHold({ delete: 'statements', deletes }, 35)).toMatchObject({ n: statementCount })
})

test('a database of thousands of collections, dropped', async () => {
  for (let i = 0; i < 1500; i++) await reply({ create: `c${i}`, $db: 'wide' })
  const { reply: dropped, holdMs } = await held({ dropDatabase: 1, $db: 'wide' })
  expect(dropped).toMatchObject({ ok: 1 })
  expect(holdMs).toBeLessThan(holdMaxMs)
})
