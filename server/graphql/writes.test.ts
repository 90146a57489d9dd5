import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { GraphqlServer } from './graphql-server.ts'

let server: GraphqlServer

beforeAll(async () => {
  server = await GraphqlServer.start()
  await server.command({
    create: 'parts',
    validator: {
      $jsonSchema: {
        properties: {
          _id: { bsonType: 'string' },
          name: { bsonType: 'string' },
          weight: { bsonType: 'double' },
          size: { bsonType: 'object', properties: { height: { bsonType: 'double' } } },
        },
      },
    },
  })
})

afterAll(() => server.stop())

beforeEach(async () => {
  await server.command({ delete: 'parts', deletes: [{ q: {}, limit: 0 }] })
  await server.command({ insert: 'parts', documents: [{ _id: 'a', name: 'bolt' }] })
})

const stored = async () => (await server.data('{ documents(collection: "parts") }')).documents

describe('replace by id', () => {
  const replace = 'mutation($d: PartsInput!) { replacePartsById(id: "a", document: $d) { _id name } }'

  it('refuses a document that has another _id, whether there is one to replace or not', async () => {
    for (const before of [[{ _id: 'a', name: 'bolt' }], []]) {
      const { errors } = await server.ask(replace, { d: { _id: 'b', name: 'nut' } })
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'ImmutableField', mongoCode: 66 })
      expect(await stored()).toEqual(before)
      await server.command({ delete: 'parts', deletes: [{ q: {}, limit: 0 }] })
    }
  })

  it('takes the _id that it has, and none', async () => {
    for (const d of [{ _id: 'a', name: 'nut' }, { name: 'nut' }])
      expect((await server.data(replace, { d })).replacePartsById).toEqual({ _id: 'a', name: 'nut' })
  })
})

describe('updates', () => {
  const byId = 'mutation($s: PartsInput, $u: EJSON) { updatePartsById(id: "a", set: $s, update: $u) { name } }'
  const many = 'mutation($s: PartsInput, $u: EJSON) { updateParts(filter: {}, set: $s, update: $u) { modified } }'

  it('that say nothing, or no operators, are refused, and leave the document as it is', async () => {
    const variables = [
      {},
      { s: {} },
      { u: {} },
      { s: {}, u: {} },
      { u: { name: 'nut' } },
      { u: { name: 'nut', $set: { weight: 1 } } },
      { u: 7 },
      { s: { name: 'nut' }, u: [{ $set: { name: 'screw' } }] },
      { s: { name: 'nut' }, u: { $set: 7 } },
    ]
    for (const query of [byId, many])
      for (const each of variables) {
        const { errors } = await server.ask(query, each)
        expect([each, errors?.[0]?.extensions['code']]).toEqual([each, 'BAD_USER_INPUT'])
      }
    expect(await stored()).toEqual([{ _id: 'a', name: 'bolt' }])
  })

  it('may be fields, operators, both, or a pipeline', async () => {
    const name = async (variables: object) => (await server.data(byId, variables)).updatePartsById.name
    expect(await name({ s: { name: 'nut' } })).toBe('nut')
    expect(await name({ u: { $set: { name: 'screw' } } })).toBe('screw')
    expect(await name({ s: { name: 'nail' }, u: { $set: { more: 1 }, $unset: { weight: 1 } } })).toBe('nail')
    expect(await name({ u: [{ $set: { name: { $concat: ['$name', 's'] } } }] })).toBe('nails')
    expect((await server.data(many, { s: { name: 'nut' } })).updateParts).toEqual({ modified: 1 })
  })
})

describe('fields that are doubles', () => {
  it('take whole numbers as doubles, which the validator asks for', async () => {
    const text =
      'mutation { insertParts(document: { _id: "d", weight: 2, size: { height: 3 } }) { weight size { height } } }'
    expect((await server.data(text)).insertParts).toEqual({ weight: 2, size: { height: 3 } })
    await server.data('mutation { updatePartsById(id: "d", set: { weight: 7 }) { weight } }')
    const found = await server.data('query($f: EJSON) { documents(collection: "parts", filter: $f) }', {
      f: { weight: { $type: 'double' }, 'size.height': { $type: 'double' } },
    })
    expect(found.documents).toHaveLength(1)
  })
})

describe('writes in bulk', () => {
  const write = `mutation($o: [EJSON!]!, $ordered: Boolean! = true) {
    bulkWriteDocuments(collection: "bulk", operations: $o, ordered: $ordered) {
      inserted matched modified deleted upserted errors } }`

  it('do what the drivers call so, and tell of those that failed', async () => {
    const o = [
      { insertOne: { document: { _id: 1, n: { $numberDouble: '2.0' } } } },
      { insertOne: { document: { _id: 1 } } },
      { insertOne: { document: { _id: 2, list: [1, 5] } } },
      { updateOne: { filter: { _id: 2 }, update: { $set: { 'list.$[e]': 0 } }, arrayFilters: [{ e: { $gt: 2 } }] } },
      { updateMany: { filter: {}, update: { $inc: { k: 1 } } } },
      { replaceOne: { filter: { _id: 3 }, replacement: { r: 1 }, upsert: true } },
      { deleteOne: { filter: { _id: 9 } } },
    ]
    const { bulkWriteDocuments: ordered } = await server.data(write, { o })
    expect(ordered).toMatchObject({ inserted: 1, errors: [{ idx: 1, code: 11000 }] })
    const { bulkWriteDocuments: all } = await server.data(write, { o: o.slice(1), ordered: false })
    expect(all).toMatchObject({ inserted: 1, matched: 3, modified: 3, deleted: 0, upserted: 1, errors: [{ idx: 0 }] })
    const found = await server.data(
      'query($f: EJSON) { documents(collection: "bulk", filter: $f, sort: { _id: 1 }) }',
      {
        f: { $or: [{ n: { $type: 'double' } }, { _id: { $gt: 1 } }] },
      },
    )
    expect(found.documents).toEqual([
      { _id: 1, n: 2, k: 1 },
      { _id: 2, list: [1, 0], k: 1 },
      { _id: 3, r: 1 },
    ])
  })

  it('are refused whole when one of them is none', async () => {
    for (const one of [
      7,
      {},
      { insertOne: 1 },
      { nothing: {} },
      { deleteOne: {} },
      { deleteOne: { filter: {}, x: 1 } },
    ]) {
      const { errors } = await server.ask(write, { o: [{ insertOne: { document: { _id: 'never' } } }, one] })
      expect([one, errors?.[0]?.extensions['code']]).toEqual([one, 'BAD_USER_INPUT'])
    }
    expect((await server.data('{ documents(collection: "bulk", filter: { _id: "never" }) }')).documents).toEqual([])
  })
})

it('each write of a request is followed by what relations lead to after it', async () => {
  await server.command({ create: 'notes', relations: { about: { collection: 'parts', localField: 'part' } } })
  await server.command({ insert: 'notes', documents: [{ _id: 'n', part: 'a', text: '' }] })
  const note = (text: string) => `updateNotesById(id: "n", set: { text: "${text}" }) { about { name } }`
  const rename = 'updatePartsById(id: "a", set: { name: "screw" }) { name }'
  expect(await server.data(`mutation { one: ${note('1')} ${rename} two: ${note('2')} }`)).toMatchObject({
    one: { about: { name: 'bolt' } },
    two: { about: { name: 'screw' } },
  })
})
