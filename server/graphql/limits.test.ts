import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GraphqlServer } from './graphql-server.ts'

let server: GraphqlServer

beforeAll(async () => {
  server = await GraphqlServer.start()
  await server.command({
    create: 'authors',
    relations: { books: { collection: 'books', localField: '_id', foreignField: 'by', many: true } },
  })
  await server.command({
    create: 'books',
    relations: { author: { collection: 'authors', localField: 'by' } },
  })
  await server.command({ insert: 'authors', documents: [{ _id: 'a', name: 'Anne' }] })
  const documents = Array.from({ length: 30 }, (_, _id) => ({ _id, by: 'a', title: `Book ${_id}`, year: 2000 }))
  await server.command({ insert: 'books', documents })
})

afterAll(() => server.stop())

const code = async (query: string, variables?: object): Promise<unknown> =>
  (await server.ask(query, variables)).errors?.[0]?.extensions['code']

describe('a query is refused before it runs', () => {
  it('when it is too deep, too much or has too many names', async () => {
    const deep = `{ authors(first: 1) { nodes ${'{ books { author '.repeat(7)} { name } ${'} }'.repeat(7)} } }`
    const many = `{ ${Array.from({ length: 60 }, (_, i) => `a${i}: collections`).join(' ')} }`
    const all = Array.from({ length: 40 }, (_, i) => `a${i}: books(first: 1000) { nodes { title year } }`)
    for (const query of [deep, many, `{ ${all.join(' ')} }`]) expect(await code(query)).toBe('QUERY_TOO_COMPLEX')
    const wide =
      '{ books(first: 1000) { nodes { title year author { name } } edges { node { title author { name } } } } }'
    expect(await code(wide)).toBeUndefined()
  })

  it('when lists whose size it does not say multiply each other', async () => {
    const chain = (books: string): string =>
      `{ ${books} { nodes { ${'author { books { '.repeat(4)} title ${'} }'.repeat(4)} } } }`
    expect(await code(chain('books'))).toBe('QUERY_TOO_COMPLEX')
    expect(await code('{ books { nodes { author { books { title } } } } }')).toBeUndefined()
  })

  it('for what its variables ask for', async () => {
    const all = Array.from({ length: 40 }, (_, i) => `a${i}: books(first: $n) { nodes { ...both } }`)
    const query = `query($n: Int!) { ${all.join(' ')} } fragment both on Books { title year }`
    expect(await code(query, { n: 1000 })).toBe('QUERY_TOO_COMPLEX')
    expect(await code(query, { n: 10 })).toBeUndefined()
  })

  it('when its text is very long, or its fragments multiply, within little time', async () => {
    const fragments = Array.from({ length: 30 }, (_, i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`)
    const bomb = `{ ...f0 } ${fragments.join(' ')} fragment f30 on Query { collections }`
    const began = performance.now()
    expect((await server.ask(bomb)).errors).toBeDefined()
    expect((await server.ask(`{ ${'collections '.repeat(50_000)} }`)).errors).toBeDefined()
    expect((await server.ask(`{ ${'... on Query { collections } '.repeat(3000)} }`)).errors).toBeDefined()
    expect(performance.now() - began).toBeLessThan(5000)
  })
})

it('a request that reads more than it may is ended', async () => {
  const text = 'x'.repeat(4_000_000)
  for (let _id = 0; _id < 20; _id++) await server.command({ insert: 'large', documents: [{ _id, text }] })
  expect(await code('{ documents(collection: "large", limit: 100) }')).toBe('ExceededMemoryLimit')
  const { documents } = await server.data('{ documents(collection: "large", limit: 3) }')
  expect(documents).toHaveLength(3)
})
