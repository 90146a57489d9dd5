import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'graphql-ws'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Data, GraphqlServer } from './graphql-server.ts'

let server: GraphqlServer
let base: string

beforeAll(async () => {
  server = await GraphqlServer.start()
  base = server.base
  await command({
    create: 'books',
    validator: {
      $jsonSchema: {
        bsonType: 'object',
        properties: {
          _id: { bsonType: 'objectId' },
          title: { bsonType: 'string' },
          year: { bsonType: 'int' },
          sold: { bsonType: 'long' },
          price: { bsonType: 'decimal' },
          out: { bsonType: 'date' },
          authorId: { bsonType: 'string' },
          tags: { bsonType: 'array', items: { bsonType: 'string' } },
          size: { bsonType: 'object', properties: { pages: { bsonType: 'int' }, weight: { bsonType: 'double' } } },
        },
      },
    },
    relations: { author: { collection: 'authors', localField: 'authorId' } },
  })
  await command({
    create: 'authors',
    relations: { books: { collection: 'books', localField: '_id', foreignField: 'authorId', many: true } },
  })
  await command({
    insert: 'authors',
    documents: ['a', 'b'].map((_id) => ({ _id, name: `Author ${_id}`, born: { year: 1900 } })),
  })
  const documents = Array.from({ length: 30 }, (_, i) => ({
    title: `Book ${String(i).padStart(2, '0')}`,
    year: 2000 + (i % 5),
    sold: { $numberLong: String(i * 1_000_000_000_000) },
    price: { $numberDecimal: `${i}.50` },
    out: { $date: new Date(Date.UTC(2026, 0, i + 1)).toISOString() },
    authorId: i % 2 === 0 ? 'a' : 'b',
    tags: i % 3 === 0 ? ['x', 'y'] : ['y'],
    size: { pages: i * 10, weight: { $numberDouble: String(i / 2) } },
  }))
  await command({ insert: 'books', documents })
})

afterAll(() => server.stop())

const command: GraphqlServer['command'] = (...args) => server.command(...args)
const ask: GraphqlServer['ask'] = (...args) => server.ask(...args)
const data: GraphqlServer['data'] = (...args) => server.data(...args)

async function queriesSoFar(): Promise<number> {
  const { opcounters } = (await command({ serverStatus: 1 }, 'admin')) as { opcounters: { query: number } }
  return opcounters.query
}

describe('queries', () => {
  it('have the types of the validator, and of the documents where there is none', async () => {
    const { books, authors } = await data(`{
      books(first: 1) { nodes { _id title year sold price out tags size { pages weight } } }
      authors(first: 1, sort: [{ _id: ASC }]) { nodes { _id name born { year } } }
    }`)
    expect(books.nodes[0]).toMatchObject({
      title: 'Book 00',
      year: 2000,
      sold: '0',
      price: '0.50',
      out: '2026-01-01T00:00:00.000Z',
      tags: ['x', 'y'],
      size: { pages: 0, weight: 0 },
    })
    expect(books.nodes[0]._id).toMatch(/^[0-9a-f]{24}$/)
    expect(authors.nodes).toEqual([{ _id: 'a', name: 'Author a', born: { year: 1900 } }])
    const { __type: year } = await data('{ __type(name: "Books") { fields { name type { name } } } }')
    expect(year.fields).toContainEqual({ name: 'year', type: { name: 'Int' } })
  })

  it('filter by every kind of field, nested ones and lists too', async () => {
    const titles = async (filter: string): Promise<string[]> =>
      (
        await data(`{ books(filter: ${filter}, sort: [{ title: ASC }], first: 100) { nodes { title } } }`)
      ).books.nodes.map(({ title }: { title: string }) => title.slice(5))
    expect(await titles('{ title: { in: ["Book 03", "Book 04"] } }')).toEqual(['03', '04'])
    expect(await titles('{ size: { pages: { lt: 20 } } }')).toEqual(['00', '01'])
    expect(await titles('{ sold: { gt: "28000000000000" } }')).toEqual(['29'])
    expect(await titles('{ price: { eq: "7.5" } }')).toEqual(['07'])
    expect(await titles('{ out: { gte: "2026-01-30T00:00:00Z" } }')).toEqual(['29'])
    expect(await titles('{ tags: { eq: "x" }, year: { eq: 2001 } }')).toEqual(['06', '21'])
    expect(await titles('{ or: [{ title: { regex: "0[12]$" } }, { title: { eq: "Book 05" } }] }')).toEqual([
      '01',
      '02',
      '05',
    ])
    expect(await titles('{ not: { title: { gte: "Book 01" } } }')).toEqual(['00'])
    const { books } = await data('query($match: EJSON) { books(filter: { match: $match }) { totalCount } }', {
      match: { $expr: { $eq: ['$size.pages', 100] } },
    })
    expect(books.totalCount).toBe(1)
  })

  it('go through all documents page by page in either direction, while others come', async () => {
    const query = `query($after: String, $before: String, $first: Int, $last: Int) {
      books(sort: [{ year: DESC }, { title: ASC }], first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { year title } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
    const forward: string[] = []
    let after: string | null = null
    for (;;) {
      const { books }: Data = await data(query, { first: 7, after })
      forward.push(...books.edges.map(({ node: book }: { node: { title: string } }) => book.title))
      if (!books.pageInfo.hasNextPage) break
      after = books.pageInfo.endCursor
    }
    expect(new Set(forward).size).toBe(30)
    const backward: string[] = []
    let before: string | null = null
    for (;;) {
      const { books }: Data = await data(query, { last: 7, before })
      backward.unshift(...books.edges.map(({ node: book }: { node: { title: string } }) => book.title))
      if (!books.pageInfo.hasPreviousPage) break
      before = books.pageInfo.startCursor
    }
    expect(backward).toEqual(forward)
  })

  it('refuse a sort whose order nobody could tell, and groups whose keys are the same', async () => {
    for (const query of [
      '{ books(sort: [{ title: ASC, year: DESC }]) { totalCount } }',
      '{ books(sort: [{}]) { totalCount } }',
      '{ booksAggregate(groupBy: ["size.pages", "size_pages"]) { count } }',
    ])
      expect((await ask(query)).errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
    expect((await ask('{ booksAggregate(limit: 0) { count } }')).errors).toHaveLength(1)
  })

  it('refuse a cursor that is none, or belongs to another order', async () => {
    const { books } = await data('{ books(first: 1, sort: [{ title: ASC }]) { pageInfo { endCursor } } }')
    const { length } = Buffer.from('no document')
    const cut = Buffer.from([length + 4, 0, 0, 0, ...Buffer.from('no document')]).toString('base64url')
    for (const cursor of ['', '####', 'AAAA', cut, books.pageInfo.endCursor]) {
      const { errors } = await ask('query($after: String) { books(first: 1, after: $after) { totalCount } }', {
        after: cursor,
      })
      expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT')
    }
  })

  it('group with sums, averages and extremes', async () => {
    const { booksAggregate } = await data(`{ booksAggregate(groupBy: ["authorId"]) {
      key count sum { sold price } avg { year } min { title } max { out } } }`)
    expect(booksAggregate).toHaveLength(2)
    expect(booksAggregate[0]).toEqual({
      key: { authorId: 'a' },
      count: 15,
      sum: { sold: '210000000000000', price: '217.50' },
      avg: { year: 2002 },
      min: { title: 'Book 00' },
      max: { out: '2026-01-29T00:00:00.000Z' },
    })
  })

  it('follow relations with one look-up each, however many documents there are', async () => {
    const before = await queriesSoFar()
    const { books } = await data('{ books(first: 30) { nodes { title author { name books { title } } } } }')
    expect(books.nodes.every((book: { author: { name: string } }) => book.author.name.startsWith('Author'))).toBe(true)
    expect(books.nodes[0].author.books).toHaveLength(15)
    expect((await queriesSoFar()) - before).toBe(3)
  })

  it('see a collection that was made a moment ago, and documents of any shape without types', async () => {
    await command({ insert: 'order-items', documents: [{ _id: 1, 'odd name': 1, n: 2 }] })
    const found = await data(`{ order_items { nodes { _id n odd_name } }
      documents(collection: "order-items") collections }`)
    expect(found.order_items.nodes).toEqual([{ _id: 1, n: 2, odd_name: 1 }])
    expect(found.documents).toEqual([{ _id: 1, 'odd name': 1, n: 2 }])
    expect(found.collections).toContain('order-items')
  })
})

describe('names', () => {
  it('never collide, with each other or with what every schema has', async () => {
    const names = ['date', 'query', 'string', 'books', 'booksConnection', 'manyBooks', 'a-b', 'a_b', 'aB2', 'documents']
    for (const insert of names)
      await command({ insert, documents: [{ _id: insert, a: { b: { c: 1 } }, a_b: { c: 'x' }, not: 1 }] }, 'names')
    const query = '{ collections date { nodes { _id a { b { c } } a_b { c } } } a_b_2 { nodes { _id } } }'
    expect(await data(query, {}, 'names')).toEqual({
      collections: expect.arrayContaining(names),
      date: { nodes: [{ _id: 'date', a: { b: { c: 1 } }, a_b: { c: 'x' } }] },
      a_b_2: { nodes: [{ _id: 'a_b' }] },
    })
  })
})

describe('relations', () => {
  it('follow paths and arrays, numbers of any type, and nothing where there is no value', async () => {
    const target = { collection: 'tags', localField: 'meta.tags', foreignField: 'key', many: true }
    await command({ create: 'posts', relations: { tagged: target } }, 'blog')
    await command(
      {
        insert: 'tags',
        documents: [
          { _id: 'one', key: { $numberLong: '1' } },
          { _id: 'two', key: { $numberDouble: '2.0' } },
          { _id: 'none' },
        ],
      },
      'blog',
    )
    const documents = [{ _id: 'a', meta: { tags: [1, 2, 2, null, 9] } }, { _id: 'b', meta: {} }, { _id: 'c' }]
    await command({ insert: 'posts', documents }, 'blog')
    const found = await data('{ posts(sort: [{ _id: ASC }]) { nodes { meta { tags } tagged { _id } } } }', {}, 'blog')
    expect(found.posts.nodes.map(({ tagged }: { tagged: unknown }) => tagged)).toEqual([
      [{ _id: 'one' }, { _id: 'two' }],
      [],
      [],
    ])
  })

  it('and values keep all digits, in either direction', async () => {
    const exact = { $numberLong: '9007199254740993' }
    const text = 'mutation($d: [EJSON!]!) { insertDocuments(collection: "exact", documents: $d) { insertedIds } }'
    expect(await ask(text, { d: [{ _id: 1, n: exact, d: { $numberDouble: '2.0' } }] })).toEqual({
      data: { insertDocuments: { insertedIds: [1] } },
    })
    const { documents } = await data('{ documents(collection: "exact") }')
    expect(documents).toEqual([{ _id: 1, n: exact, d: 2 }])
    const { documents: doubles } = await data('query($f: EJSON) { documents(collection: "exact", filter: $f) }', {
      f: { d: { $type: 'double' }, n: exact },
    })
    expect(doubles).toHaveLength(1)
    const { errors } = await ask('{ books(filter: { sold: { gt: "9999999999999999999" } }) { totalCount } }')
    expect(errors?.[0]?.message).toMatch(/is no Long/)
  })
})

describe('mutations', () => {
  it('insert, update, replace and delete', async () => {
    const { insertBooks } = await data(
      'mutation { insertBooks(document: { title: "New", year: 1990, price: "1.10" }) { _id title price } }',
    )
    expect(insertBooks).toMatchObject({ title: 'New', price: '1.10' })
    const id = insertBooks._id as string
    const { updateBooksById } = await data(
      'mutation($id: ObjectId!, $u: EJSON) { updateBooksById(id: $id, set: { title: "Newer" }, update: $u) { title year } }',
      { id, u: { $inc: { year: 1 } } },
    )
    expect(updateBooksById).toEqual({ title: 'Newer', year: 1991 })
    const replaced = await data(
      'mutation($id: ObjectId!) { replaceBooksById(id: $id, document: { title: "R" }) { title year } }',
      { id },
    )
    expect(replaced.replaceBooksById).toEqual({ title: 'R', year: null })
    const many = await data(
      'mutation { updateBooks(filter: { title: { eq: "R" } }, set: { year: 5 }) { matched modified } }',
    )
    expect(many.updateBooks).toEqual({ matched: 1, modified: 1 })
    expect(
      (await data('mutation($id: ObjectId!) { deleteBooksById(id: $id) { title } }', { id })).deleteBooksById,
    ).toEqual({ title: 'R' })
    const inserted = await data(
      'mutation { insertManyBooks(documents: [{ title: "m1" }, { title: "m2" }]) { insertedIds } }',
    )
    expect(inserted.insertManyBooks.insertedIds).toHaveLength(2)
    const gone = await data('mutation { deleteBooks(filter: { title: { regex: "^m" } }) { deleted } }')
    expect(gone.deleteBooks.deleted).toBe(2)
  })

  it(`tell of refusals with the database's code and name`, async () => {
    const { errors } = await ask('mutation { insertManyAuthors(documents: [{ _id: "a" }]) { matched } }')
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'DuplicateKey', mongoCode: 11000 })
    const wrong = await ask('mutation { insertBooks(document: { year: 99999999999 }) { _id } }')
    expect(wrong.errors).toHaveLength(1)
  })
})

describe('subscriptions', () => {
  it('tell of changes over WebSocket', async () => {
    const client = createClient({ url: `${base.replace('http', 'ws')}/graphql/library`, webSocketImpl: WebSocket })
    const seen = new Promise<unknown>((resolve, reject) => {
      client.subscribe(
        { query: 'subscription { authorsChanged(operations: ["insert"]) { operationType id document { name } } }' },
        { next: ({ data: event }) => resolve(event), error: reject, complete: () => undefined },
      )
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await data('mutation { insertAuthors(document: { _id: "ws", name: "WS" }) { _id } }')
    expect(await seen).toEqual({ authorsChanged: { operationType: 'insert', id: 'ws', document: { name: 'WS' } } })
    await client.dispose()
  })

  it.each(['/graphql', '/graphql-stream'])('tell of changes as server-sent events at %s', async (place) => {
    const abort = new AbortController()
    const response = await fetch(`${base}${place}/library`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream, application/json;q=0.5' },
      body: JSON.stringify({ query: 'subscription { authorsChanged { operationType id } }' }),
      signal: abort.signal,
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    setTimeout(() => void data(`mutation { insertAuthors(document: { _id: "${place}" }) { _id } }`), 300)
    let text = ''
    for await (const chunk of response.body!) {
      text += new TextDecoder().decode(chunk as Uint8Array)
      if (text.includes(place)) break
    }
    abort.abort()
    expect(text).toContain('"operationType":"insert"')
  })

  it('and queries are answered as events, with what is wrong with them', async () => {
    const events = async (query: string): Promise<string> =>
      (await server.post('/graphql-stream/library', { query }, { accept: 'text/event-stream' })).text()
    expect(await events('{ booksById(id: "507f1f77bcf86cd799439011") { title } }')).toContain(
      'data: {"data":{"booksById":null}}',
    )
    expect(await events('{ nothing')).toContain('Syntax Error')
    expect(await events('{ aggregateDocuments(collection: "books", pipeline: [{ nothing: 1 }]) }')).toContain(
      '"mongoCode":40324',
    )
    const several = await fetch(`${base}/graphql-stream/library`, { method: 'PUT' })
    expect(several.status).toBe(404)
  })
})

const browser = '/usr/bin/chromium'
describe.skipIf(!existsSync(browser))('the playground', () => {
  it('shows the schema and runs a query with a click, loading nothing from elsewhere', async () => {
    const profile = mkdtempSync(join(tmpdir(), 'laura-chromium-'))
    const started = await chromium.launchPersistentContext(profile, {
      executablePath: browser,
      viewport: { width: 1280, height: 800 },
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    try {
      const page = await started.newPage()
      const elsewhere: string[] = []
      page.on('request', (request) => {
        if (!request.url().startsWith(base) && !request.url().startsWith('data:') && !request.url().startsWith('blob:'))
          elsewhere.push(request.url())
      })
      await page.goto(`${base}/graphql/library`)
      await page.getByRole('button', { name: /Execute query/ }).click({ timeout: 20_000 })
      const choice = page.getByRole('menuitem', { name: 'First' })
      if (await choice.isVisible().catch(() => false)) await choice.click()
      await page.locator('.result-window').getByText('"totalCount"').first().waitFor({ timeout: 20_000 })
      const result = await page.locator('.result-window').textContent()
      expect(result).toContain('Book')
      if (process.env['LAURA_SCREENSHOT'] !== undefined)
        await page.screenshot({ path: process.env['LAURA_SCREENSHOT'] })
      expect(elsewhere).toEqual([])
    } finally {
      await started.close()
      rmSync(profile, { recursive: true, force: true })
    }
  }, 60_000)
})
