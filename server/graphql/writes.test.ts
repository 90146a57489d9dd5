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
