import { afterAll, beforeAll, expect, it } from 'vitest'
import { GraphqlServer } from './graphql-server.ts'

let server: GraphqlServer

beforeAll(async () => {
  server = await GraphqlServer.start()
})

afterAll(() => server.stop())

it('a view that cannot be read keeps nobody from the other collections', async () => {
  await server.command({ insert: 'words', documents: [{ _id: 1, a: 'x' }] }, 'views')
  await server.command(
    { create: 'broken', viewOn: 'words', pipeline: [{ $project: { b: { $divide: ['$a', 2] } } }] },
    'views',
  )
  expect(await server.data('{ words { nodes { a } } collections }', {}, 'views')).toEqual({
    words: { nodes: [{ a: 'x' }] },
    collections: ['broken', 'words'],
  })
  const { errors } = await server.ask('{ broken { nodes { _document } } }', {}, 'views')
  expect(errors?.[0]?.extensions['code']).toBe('TypeMismatch')
})

it('fields with the names that objects have are there only where a document has them', async () => {
  const documents: object[] = [
    { _id: 1, constructor: 2, toString: 'text', valueOf: { hasOwnProperty: 3 } },
    { _id: 2, valueOf: {} },
  ]
  await server.command({ insert: 'objects', documents })
  const { objects } = await server.data('{ objects { nodes { _id constructor toString valueOf { hasOwnProperty } } } }')
  expect(objects.nodes).toEqual([
    { _id: 1, constructor: 2, toString: 'text', valueOf: { hasOwnProperty: 3 } },
    { _id: 2, constructor: null, toString: null, valueOf: { hasOwnProperty: null } },
  ])
})

it('fields that a path cannot name are in the whole document only', async () => {
  const document = { _id: 1, 'a.b': 1, '': 2, $x: 3, plain: 4, inner: { 'c.d': 5, e: 6 } }
  await server.command({ insert: 'paths', documents: [document] })
  const query = '{ __type(name: "Paths") { fields { name } } paths { nodes { plain inner { e } } } }'
  const { __type: type, paths } = await server.data(query)
  expect(type.fields.map(({ name }: { name: string }) => name)).toEqual(['_id', 'plain', 'inner', '_document'])
  expect(paths.nodes).toEqual([{ plain: 4, inner: { e: 6 } }])
  const { paths: whole } = await server.data('{ paths { nodes { _document } } }')
  expect(whole.nodes[0]._document).toEqual(document)
})

it('a value that is not of the type of its field is null, with an error beside it, and never another value', async () => {
  const types = { o: 'objectId', d: 'date', n: 'int', s: 'string', w: 'double', b: 'bool', l: 'long', m: 'decimal' }
  const properties = Object.fromEntries(Object.entries(types).map(([name, bsonType]) => [name, { bsonType }]))
  const tags = { bsonType: 'array', items: { bsonType: 'string' } }
  await server.command({ create: 'typed', validator: { $jsonSchema: { properties: { ...properties, tags } } } })
  const odd = { o: 5, d: 'soon', n: 'one', s: 5, w: '2', b: 1, l: 'many', m: true, tags: ['x', 5, null] }
  const far = { $date: { $numberLong: '9000000000000000' } }
  await server.command({
    insert: 'typed',
    documents: [
      { _id: 1, ...odd },
      { _id: 2, d: far, n: 1.5, s: true, b: 'true' },
      { _id: 3, l: 5, m: 6, w: 7 },
    ],
    bypassDocumentValidation: true,
  })
  const { data, errors } = await server.ask('{ typed(sort: [{ _id: ASC }]) { nodes { o d n s w b l m tags } } }')
  const nothing = Object.fromEntries([...Object.keys(types), 'tags'].map((name) => [name, null]))
  expect(data.typed.nodes).toEqual([
    { ...nothing, tags: ['x', null, null] },
    nothing,
    { ...nothing, l: '5', m: '6', w: 7 },
  ])
  expect(errors).toHaveLength(8 + 1 + 4)
  for (const { extensions } of errors!) expect(extensions).toMatchObject({ code: 'TypeMismatch', mongoCode: 14 })
})
