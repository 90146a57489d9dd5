import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openServer, type TestServer } from './testdata/server.ts'

type Document = Record<string, unknown>

const insensitive = { locale: 'en', strength: 2 }
const accentless = { locale: 'en', strength: 1 }

async function serverWith(documents: readonly Document[], options: Document = {}): Promise<TestServer> {
  const server = await openServer()
  await server.run({ create: 'c', ...options })
  if (documents.length > 0) await server.run({ insert: 'c', documents })
  return server
}

const fruits = ['apple', 'Banana', 'Äpfel', 'APPLE', 'banana', 'cherry'].map((name, _id) => ({ _id, name }))

async function idsOf(server: TestServer, command: Document): Promise<unknown[]> {
  return (await server.all(command)).map((document) => document['_id'])
}

describe('commands', () => {
  test('find compares and sorts by the collation, also within documents and arrays', async () => {
    const server = await serverWith([...fruits, { _id: 6, name: ['x', { a: 'Cherry' }] }])
    const find = { find: 'c', collation: insensitive, sort: { _id: 1 } }
    expect(await idsOf(server, { ...find, filter: { name: 'Apple' } })).toEqual([0, 3])
    expect(await idsOf(server, { ...find, filter: { name: { $in: ['CHERRY', 'BANANA'] } } })).toEqual([1, 4, 5])
    expect(await idsOf(server, { ...find, filter: { name: { $gt: 'Banana' } } })).toEqual([5, 6])
    expect(await idsOf(server, { ...find, filter: { name: { a: 'CHERRY' } } })).toEqual([6])
    expect(await idsOf(server, { ...find, filter: { name: /^B/ } })).toEqual([1])
    const sorted = { find: 'c', filter: { _id: { $lt: 6 } }, collation: insensitive, sort: { name: 1, _id: 1 } }
    // Äpfel comes before apple by its letters: f before p.
    expect(await idsOf(server, sorted)).toEqual([2, 0, 3, 1, 4, 5])
    expect(await idsOf(server, { find: 'c', filter: { name: 'APFEL' }, collation: accentless })).toEqual([2])
  })

  test('distinct, count and $group take equal strings together', async () => {
    const server = await serverWith(fruits)
    expect((await server.run({ distinct: 'c', key: 'name', collation: insensitive }))['values']).toHaveLength(4)
    expect((await server.run({ count: 'c', query: { name: 'BANANA' }, collation: insensitive }))['n']).toBe(2)
    const pipeline = [{ $group: { _id: '$name', n: { $sum: 1 } } }, { $sort: { _id: 1 } }]
    const groups = await server.all({ aggregate: 'c', pipeline, cursor: {}, collation: insensitive })
    expect(groups.map(({ n }) => n)).toEqual([1, 2, 2, 1])
  })

  test('writes find what they change by it', async () => {
    const server = await serverWith(fruits)
    const updates = [
      { q: { name: 'APPLE' }, u: { $set: { seen: true } }, multi: true, collation: insensitive },
      { q: { name: 'BANANA' }, u: { $set: { seen: true } }, multi: true },
    ]
    expect(await server.run({ update: 'c', updates })).toMatchObject({ n: 2, nModified: 2 })
    const changed = { findAndModify: 'c', query: { name: 'CHERRY' }, update: { $max: { name: 'CHERRY' } } }
    expect(await server.run({ ...changed, collation: insensitive, new: true })).toMatchObject({
      value: { name: 'cherry' },
    })
    await server.run({ insert: 'c', documents: [{ _id: 9, tags: ['a', 'A', 'b'] }] })
    const pull = [{ q: { _id: 9 }, u: { $pull: { tags: 'A' } }, collation: insensitive }]
    await server.run({ update: 'c', updates: pull })
    const filtered = {
      q: { _id: 9 },
      u: { $set: { 'tags.$[t]': 'c' } },
      arrayFilters: [{ t: 'B' }],
      collation: insensitive,
    }
    await server.run({ update: 'c', updates: [filtered] })
    expect(await server.all({ find: 'c', filter: { _id: 9 } })).toEqual([{ _id: 9, tags: ['c'] }])
    const deletes = [{ q: { name: 'BANANA' }, limit: 0, collation: insensitive }]
    expect(await server.run({ delete: 'c', deletes })).toMatchObject({ n: 2 })
  })
})

describe('a default collation', () => {
  test('holds for commands, indexes and _id, until a command says otherwise', async () => {
    const server = await serverWith(fruits, { collation: insensitive })
    expect(await idsOf(server, { find: 'c', filter: { name: 'apple' }, sort: { _id: 1 } })).toEqual([0, 3])
    expect(await idsOf(server, { find: 'c', filter: { name: 'apple' }, collation: { locale: 'simple' } })).toEqual([0])
    await server.run({ createIndexes: 'c', indexes: [{ key: { name: 1 }, name: 'name_1' }] })
    await server.run({
      createIndexes: 'c',
      indexes: [{ key: { name: 1 }, name: 'bytes', collation: { locale: 'simple' } }],
    })
    const indexes = await server.all({ listIndexes: 'c' })
    expect(indexes.map(({ collation }) => (collation as Document | undefined)?.['strength'])).toEqual([2, 2, undefined])
    expect((await server.all({ listCollections: 1 }))[0]!['options']).toEqual({
      collation: {
        locale: 'en',
        caseLevel: false,
        caseFirst: 'off',
        strength: 2,
        numericOrdering: false,
        alternate: 'non-ignorable',
        maxVariable: 'punct',
        normalization: false,
        backwards: false,
        version: '57.1',
      },
    })
    await server.run({ insert: 'c', documents: [{ _id: 'Id' }] })
    expect(await server.reply({ insert: 'c', documents: [{ _id: 'ID' }] })).toMatchObject({
      writeErrors: [{ code: 11000 }],
    })
    expect(await idsOf(server, { find: 'c', filter: { _id: 'iD' } })).toEqual(['Id'])
    expect(await idsOf(server, { find: 'c', filter: { _id: 'iD' }, collation: { locale: 'simple' } })).toEqual([])
    expect((await server.engine.check()).problems).toEqual([])
  })

  test('outlives a restart', async () => {
    const server = await serverWith(fruits, { collation: insensitive })
    await server.run({ createIndexes: 'c', indexes: [{ key: { name: 1 }, name: 'name_1' }] })
    await server.engine.close()
    const again = await openServer({ world: server.world.restart() })
    expect(await idsOf(again, { find: 'c', filter: { name: 'apple' }, hint: 'name_1', sort: { _id: 1 } })).toEqual([
      0, 3,
    ])
    expect((await again.engine.check()).problems).toEqual([])
  })

  test('of a view cannot be changed, nor that of a view it is joined with', async () => {
    const server = await serverWith(fruits)
    await server.run({ create: 'v', viewOn: 'c', pipeline: [], collation: insensitive })
    expect(await idsOf(server, { find: 'v', filter: { name: 'apple' }, sort: { _id: 1 } })).toEqual([0, 3])
    expect(await idsOf(server, { find: 'v', filter: { name: 'apple' }, collation: insensitive })).toEqual([0, 3])
    expect(await server.reply({ find: 'v', collation: accentless })).toMatchObject({ ok: 0, code: 167 })
    const pipeline = [{ $lookup: { from: 'v', localField: 'name', foreignField: 'name', as: 'same' } }]
    expect(await server.reply({ aggregate: 'c', pipeline, cursor: {} })).toMatchObject({ ok: 0, code: 167 })
    const joined = await server.all({ aggregate: 'c', pipeline, cursor: {}, collation: insensitive })
    expect(joined.map(({ same }) => (same as unknown[]).length)).toEqual([2, 2, 1, 2, 2, 1])
  })
})

describe('indexes', () => {
  const planOf = async (server: TestServer, command: Document): Promise<string> =>
    JSON.stringify((await server.run({ explain: command }))['queryPlanner'])

  test('a unique one refuses what its collation finds equal', async () => {
    const server = await serverWith([{ _id: 1, a: 'x', tags: ['é'] }])
    const unique = { key: { a: 1 }, name: 'a_1', unique: true, collation: insensitive }
    await server.run({ createIndexes: 'c', indexes: [unique] })
    expect(await server.reply({ insert: 'c', documents: [{ _id: 2, a: 'X' }] })).toMatchObject({
      writeErrors: [{ code: 11000, keyValue: { a: 'X' } }],
    })
    await server.run({ insert: 'c', documents: [{ _id: 3, a: 'y', tags: ['E'] }] })
    const tags = { key: { tags: 1 }, name: 'tags_1', unique: true, collation: accentless }
    expect(await server.reply({ createIndexes: 'c', indexes: [tags] })).toMatchObject({ ok: 0, code: 11000 })
  })

  test('serve strings of their own collation only, and other values always', async () => {
    const server = await serverWith(fruits)
    await server.run({ createIndexes: 'c', indexes: [{ key: { name: 1 }, name: 'ci', collation: insensitive }] })
    const find = { find: 'c', filter: { name: 'apple' } }
    for (let i = 0; i < 4; i++) {
      expect(await planOf(server, find)).toContain('COLLSCAN')
      expect(await planOf(server, { ...find, collation: insensitive })).toContain('IXSCAN')
      expect(await planOf(server, { ...find, collation: accentless })).toContain('COLLSCAN')
      expect(await planOf(server, { find: 'c', filter: { name: 7 } })).toContain('IXSCAN')
      expect(await idsOf(server, find)).toEqual([0])
      expect(await idsOf(server, { ...find, collation: insensitive, sort: { _id: 1 } })).toEqual([0, 3])
    }
    expect(await planOf(server, { find: 'c', filter: {}, sort: { name: 1 }, collation: insensitive })).not.toContain(
      'SORT',
    )
    expect(await planOf(server, { find: 'c', filter: { name: { $gt: 1 } }, sort: { name: 1 } })).toContain('SORT')
  })

  test('are shown with their collation and sort keys by explain', async () => {
    const server = await serverWith(fruits)
    await server.run({ createIndexes: 'c', indexes: [{ key: { name: 1 }, name: 'ci', collation: insensitive }] })
    const find = { find: 'c', filter: { name: 'a' }, collation: insensitive }
    expect(await planOf(server, find)).toMatch(
      /"collation":\{"locale":"en".*\["\[CollationKey\(0x[0-9a-f]+\), CollationKey/,
    )
    expect(await planOf(server, { count: 'c', query: { name: 'a' }, collation: insensitive })).toContain(
      'CollationKey(0x',
    )
  })

  test('of one key cannot be hinted by it', async () => {
    const server = await serverWith(fruits)
    const indexes = [
      { key: { name: 1 }, name: 'ci', collation: insensitive },
      { key: { name: 1 }, name: 'bytes' },
    ]
    await server.run({ createIndexes: 'c', indexes })
    expect(await server.reply({ find: 'c', hint: { name: 1 } })).toMatchObject({ ok: 0, code: 27 })
    expect(await server.all({ find: 'c', filter: { name: 'apple' }, hint: 'bytes' })).toHaveLength(1)
  })

  const text = fc.string({ unit: fc.constantFrom('a', 'A', 'á', 'b', 'B'), maxLength: 2 })
  const scalar = fc.oneof(text, fc.integer({ min: 0, max: 2 }), fc.constant(null))
  const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.record({ x: scalar }))
  const condition = fc.oneof(
    value,
    fc.record({ $gt: scalar }),
    fc.record({ $lte: text }),
    fc.record({ $in: fc.array(scalar, { maxLength: 3 }) }),
    fc.record({ $ne: scalar }),
    fc.record({ $gte: text, $lt: text }),
    fc.record({ $elemMatch: fc.record({ $gte: text }) }),
    fc.record({ $not: fc.record({ $gt: text }) }),
  )
  const filter = fc.oneof(
    fc.record({ a: condition }),
    fc.record({ a: condition, b: condition }),
    fc.record({ $or: fc.array(fc.record({ a: condition }), { minLength: 1, maxLength: 2 }) }),
    fc.record({ 'a.x': condition }),
  )

  test('give what a scan gives, whatever collations the query and they have', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ a: value, b: scalar }), { minLength: 1, maxLength: 12 }),
        fc.array(filter, { minLength: 1, maxLength: 6 }),
        async (documents, filters) => {
          const server = await serverWith(documents.map((document, _id) => ({ _id, ...document })))
          await server.run({ insert: 'd', documents: documents.map((document, _id) => ({ _id, ...document })) })
          const indexes = [
            { key: { a: 1, b: -1 }, name: 'ci', collation: insensitive },
            { key: { a: 1 }, name: 'bytes' },
            { key: { 'a.x': 1 }, name: 'ax', collation: accentless },
            { key: { '$**': 1 }, name: 'all', collation: insensitive },
          ]
          await server.run({ createIndexes: 'd', indexes })
          for (const each of filters) {
            for (const collation of [undefined, insensitive, accentless]) {
              const command = { filter: each, sort: { _id: 1 }, ...(collation && { collation }) }
              const expected = await idsOf(server, { find: 'c', ...command })
              expect(await idsOf(server, { find: 'd', ...command })).toEqual(expected)
              for (const hint of ['ci', 'bytes', 'ax'])
                expect(await idsOf(server, { find: 'd', hint, ...command })).toEqual(expected)
              const byValue = { ...command, sort: { a: 1, _id: 1 } }
              expect(await idsOf(server, { find: 'd', ...byValue })).toEqual(
                await idsOf(server, { find: 'c', ...byValue }),
              )
            }
          }
          expect((await server.engine.check()).problems).toEqual([])
        },
      ),
      { numRuns: 25 },
    )
  })
})

test('views that read one another have one collation', async () => {
  const server = await openServer()
  const pipeline: unknown[] = []
  const collation = { locale: 'fr' }
  await server.run({ create: 'v', viewOn: 'c', pipeline, collation })
  const refused = async (command: Record<string, unknown>): Promise<void> =>
    expect(await server.reply(command)).toMatchObject({ code: 167 })
  await refused({ create: 'w', viewOn: 'v', pipeline })
  await refused({ create: 'w', viewOn: 'v', pipeline, collation: { locale: 'fr', strength: 1 } })
  await refused({ create: 'w', viewOn: 'c', pipeline: [{ $unionWith: 'v' }] })
  const $lookup = { from: 'v', pipeline: [], as: 'x' }
  await refused({ create: 'w', viewOn: 'c', pipeline: [{ $facet: { a: [{ $lookup }] } }] })
  await server.run({ create: 'w', viewOn: 'v', pipeline, collation })
  await server.run({ create: 'x', viewOn: 'y', pipeline })
  await refused({ create: 'y', viewOn: 'c', pipeline, collation })
  await refused({ collMod: 'x', viewOn: 'v', pipeline })
  await server.run({ collMod: 'w', viewOn: 'c', pipeline: [{ $match: {} }] })
})
