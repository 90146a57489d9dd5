import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { OpenapiCheck } from '../e2e/openapi-check.ts'
import { type HttpDoor, openHttpDoor } from '../http/door.ts'
import { type Node, openNode } from '../node.ts'

let folder: string
let node: Node
let door: HttpDoor
let base: string
let described: OpenapiCheck

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'laura-rest-'))
  node = await openNode({ dir: folder, engine: {} })
  door = await openHttpDoor({
    bind: '127.0.0.1',
    port: 0,
    database: node.database,
    log: pino({ level: 'silent' }),
    isReady: () => true,
  })
  base = `http://127.0.0.1:${door.port}`
  described = await OpenapiCheck.of(base)
})

afterAll(async () => {
  await door.stop(0)
  await node.close()
  rmSync(folder, { recursive: true, force: true })
})

let counter = 0
let items: string
beforeEach(() => {
  items = `/v1/databases/shop/collections/items${++counter}`
})

interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes, looked at by expectations
  readonly body: any
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(base + path, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  })
  const text = await response.text()
  const { status } = response
  described.check({ method, path, status, headers: response.headers, text })
  const isJson = response.headers.get('content-type')?.includes('json') === true && !text.includes('\n')
  return { status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

/** The same with the answer as text. */
async function raw(method: string, path: string, body?: string): Promise<{ body: string; headers: Headers }> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(base + path, body === undefined ? { method } : { method, body, headers })
  return { body: await response.text(), headers: response.headers }
}

describe('documents', () => {
  it('are made with a place and a version, read there, changed and deleted', async () => {
    const made = await call('POST', `${items}/documents`, { name: 'lamp', price: { $numberDecimal: '9.90' } })
    expect(made.status).toBe(201)
    const place = made.headers.get('location')!
    expect(place).toMatch(/\/documents\/[0-9a-f]{24}$/)
    const read = await call('GET', place)
    expect(read.body).toEqual(made.body)
    expect(read.headers.get('etag')).toBe(made.headers.get('etag'))
    expect((await call('GET', place, undefined, { 'if-none-match': read.headers.get('etag')! })).status).toBe(304)
    const patched = await call('PATCH', place, { $set: { n: 1 } })
    expect(patched.body).toMatchObject({ name: 'lamp', n: 1 })
    const merge = { 'content-type': 'application/merge-patch+json' }
    const merged = await call('PATCH', place, { name: null, deep: { a: { b: 1 } } }, merge)
    expect(merged.body).toMatchObject({ n: 1, deep: { a: { b: 1 } } })
    expect(merged.body.name).toBeUndefined()
    expect((await call('DELETE', place)).status).toBe(204)
    expect(await call('GET', place)).toMatchObject({ status: 404, body: { status: 404 } })
  })

  it('keep all their fields and the order of them, whatever the fields are called', async () => {
    const text = '{"_id":"k","z":1,"2":2,"1":1,"__proto__":{"a":1},"constructor":3}'
    const [{ body: posted, headers: made }, { body: put }] = [
      await raw('POST', `${items}/documents`, text),
      await raw('PUT', `${items}/documents/l`, text.replace('"_id":"k",', '')),
    ]
    expect([posted, put]).toEqual([text, text.replace('"k"', '"l"')])
    const read = await raw('GET', `${items}/documents/k`)
    expect([read.body, read.headers.get('etag')]).toEqual([text, made.get('etag')])
    const late = await raw('POST', `${items}/documents`, '{"b":1,"_id":"m","0":0}')
    expect([late.body, late.headers.get('etag')]).toEqual([
      '{"_id":"m","b":1,"0":0}',
      (await raw('GET', `${items}/documents/m`)).headers.get('etag'),
    ])
  })

  it('are only written in the version that is meant', async () => {
    const path = `${items}/documents/k`
    expect((await call('PUT', path, { n: 1 }, { 'if-none-match': '*' })).status).toBe(201)
    expect((await call('PUT', path, { n: 1 }, { 'if-none-match': '*' })).status).toBe(412)
    const etag = (await call('GET', path)).headers.get('etag')!
    const weak = `W/${etag}`
    expect((await call('PUT', path, { n: 1 }, { 'if-match': weak })).status).toBe(412)
    const known = await call('GET', path, undefined, { 'if-none-match': `"other", ${weak}` })
    expect([known.status, known.headers.get('vary')]).toEqual([304, 'accept'])
    expect((await call('GET', path)).headers.get('vary')).toBe('accept')
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) => call('PUT', path, { n: i }, { 'if-match': etag })),
    )
    expect(results.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(results.filter(({ status }) => status === 412)).toHaveLength(7)
    expect((await call('DELETE', path, undefined, { 'if-match': etag })).status).toBe(412)
  })

  it('lose no increment to merge patches that race', async () => {
    const path = `${items}/documents/k`
    await call('PUT', path, { a: 0 })
    const merge = { 'content-type': 'application/merge-patch+json' }
    await Promise.all(Array.from({ length: 10 }, (_, i) => call('PATCH', path, { [`f${i}`]: i }, merge)))
    const { body } = await call('GET', path)
    expect(Object.keys(body)).toHaveLength(12)
  })

  it('have ids of every type in the path', async () => {
    for (const [_id, idType] of [
      [{ $oid: '507f1f77bcf86cd799439011' }, undefined],
      ['507f1f77bcf86cd799439012', 'string'],
      ['a/b c', undefined],
      [7, 'int'],
      [{ $numberLong: '7000000000000' }, 'long'],
      [{ $uuid: '3b241101-e2bb-4255-8caf-4136c566a962' }, 'uuid'],
      [{ a: 1 }, 'ejson'],
    ] as const) {
      const made = await call('POST', `${items}/documents`, { _id })
      expect(made.status).toBe(201)
      const read = await call('GET', made.headers.get('location')!)
      expect([idType, read.status]).toEqual([idType, 200])
    }
  })

  it('are inserted once for one Idempotency-Key, whatever comes back', async () => {
    const key = { 'idempotency-key': `key ${counter}` }
    const first = await call('POST', `${items}/documents`, { _id: 'x', n: 1 }, key)
    const again = await call('POST', `${items}/documents`, { _id: 'x', n: 1 }, key)
    expect([first.status, again.status]).toEqual([201, 201])
    await call('PATCH', `${items}/documents/x`, { $inc: { n: 1 } }, { 'idempotency-key': `inc ${counter}` })
    await call('PATCH', `${items}/documents/x`, { $inc: { n: 1 } }, { 'idempotency-key': `inc ${counter}` })
    expect((await call('GET', `${items}/documents/x`)).body.n).toBe(2)
  })
})

describe('queries', () => {
  it('give pages that a link leads through', async () => {
    const lines = Array.from({ length: 250 }, (_, i) => JSON.stringify({ _id: i })).join('\n')
    const imported = await call('POST', `${items}/import`, lines, { 'content-type': 'application/x-ndjson' })
    expect(imported.body).toEqual({ inserted: 250, failed: 0, errors: [] })
    const seen: number[] = []
    let next: string | undefined = `${items}/documents?sort=${encodeURIComponent('{"_id":-1}')}&pageSize=100`
    while (next !== undefined) {
      const page: Answer = await call('GET', next)
      seen.push(...page.body.documents.map((document: { _id: number }) => document._id))
      next = /<(.+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
      expect(next === undefined).toBe(page.body.next === null)
    }
    expect(seen).toEqual(Array.from({ length: 250 }, (_, i) => 249 - i))
    const exported = await call('GET', `${items}/export?filter=${encodeURIComponent('{"_id":{"$lt":3}}')}`)
    expect(exported.body.trim().split('\n')).toEqual(['{"_id":0}', '{"_id":1}', '{"_id":2}'])
    expect((await call('GET', `${items}/count`)).body).toEqual({ count: 250 })
  })

  it('give pages of one size and one form, also those of a link', async () => {
    const lines = Array.from({ length: 9 }, (_, _id) => JSON.stringify({ _id })).join('\n')
    await call('POST', `${items}/import`, lines, { 'content-type': 'application/x-ndjson' })
    const firsts = [
      await call('GET', `${items}/documents?pageSize=4&ejson=canonical`),
      await call('POST', `${items}/find?ejson=canonical`, { pageSize: 4 }),
      await call('POST', `${items}/aggregate?ejson=canonical`, { pipeline: [], pageSize: 4 }),
    ]
    for (const first of firsts) {
      const next = /<(.+)>; rel="next"/.exec(first.headers.get('link')!)![1]!
      const { body, headers } = await call('GET', next)
      expect(body.documents).toEqual([4, 5, 6, 7].map((n) => ({ _id: { $numberInt: String(n) } })))
      expect(headers.get('link')).toContain('ejson=canonical')
      expect((await call('GET', `/v1/cursors/${body.next}`)).body).toEqual({ documents: [{ _id: 8 }], next: null })
    }
  })

  it('aggregate, tell distinct values, explain and write in bulk', async () => {
    const operations = [
      { insertOne: { document: { _id: 1, kind: 'a', n: 1 } } },
      { insertOne: { document: { _id: 2, kind: 'b', n: 2 } } },
      { insertOne: { document: { _id: 1 } } },
      { updateMany: { filter: {}, update: { $inc: { n: 10 } } } },
      { deleteOne: { filter: { _id: 2 } } },
    ]
    const done = await call('POST', `${items}/bulk`, { operations, ordered: false })
    expect(done.body).toMatchObject({ inserted: 2, modified: 2, deleted: 1, errors: [{ idx: 2, code: 11000 }] })
    const exact = await call('POST', `${items}/bulk?ejson=canonical`, {
      operations: [{ deleteOne: { filter: { _id: 'none' } } }],
    })
    expect(exact.body.deleted).toEqual({ $numberInt: '0' })
    const grouped = await call('POST', `${items}/aggregate`, {
      pipeline: [{ $group: { _id: '$kind', n: { $sum: '$n' } } }],
    })
    expect(grouped.body.documents).toEqual([{ _id: 'a', n: 11 }])
    expect((await call('GET', `${items}/distinct?key=kind`)).body).toEqual({ values: ['a'] })
    const plan = await call('POST', `${items}/explain`, { find: { filter: { _id: 1 } } })
    expect(plan.body.queryPlanner.winningPlan).toBeDefined()
  })

  it('show exact types when asked', async () => {
    await call('PUT', `${items}/documents/k`, { n: 1 })
    const { body } = await call('GET', `${items}/documents/k?ejson=canonical`)
    expect(body).toEqual({ _id: 'k', n: { $numberInt: '1' } })
  })
})

describe('collections and indexes', () => {
  it('are made, shown, changed and dropped', async () => {
    const name = `c${counter}`
    const made = await call('POST', '/v1/databases/shop/collections', { name, capped: true, size: 4096 })
    expect(made).toMatchObject({ status: 201, body: { name, options: { capped: true } } })
    const place = made.headers.get('location')!
    const index = await call('POST', `${place}/indexes`, { key: { a: 1, b: -1 }, unique: true })
    expect(index).toMatchObject({ status: 201, body: { name: 'a_1_b_-1', unique: true } })
    expect((await call('GET', `${place}/indexes`)).body.indexes).toHaveLength(2)
    expect((await call('DELETE', `${place}/indexes/a_1_b_-1`)).status).toBe(204)
    expect((await call('PATCH', place, { name: `${name}x` })).body.name).toBe(`${name}x`)
    expect((await call('DELETE', `${place}x`)).status).toBe(204)
    expect((await call('GET', `${place}x`)).status).toBe(404)
  })
})

describe('errors', () => {
  it('are problems with the code and name of the database', async () => {
    await call('PUT', `${items}/documents/k`, { n: 1 })
    const double = await call('POST', `${items}/documents`, { _id: 'k' })
    expect(double.headers.get('content-type')).toContain('application/problem+json')
    expect(double).toMatchObject({
      status: 409,
      body: { code: 11000, codeName: 'DuplicateKey', keyValue: { _id: 'k' } },
    })
    // Also where a request says what no command can be made of; what only HTTP knows has no code.
    const unread = { code: 9, codeName: 'FailedToParse' }
    expect(await call('GET', `${items}/documents?filter={`)).toMatchObject({ status: 400, body: unread })
    expect((await call('DELETE', `${items}/documents`)).body).not.toHaveProperty('code')
    const cases: [Promise<Answer>, number][] = [
      [call('POST', `${items}/documents`, '{"a":'), 400],
      [call('POST', `${items}/documents`), 400],
      [call('POST', `${items}/documents`, 'x', { 'content-type': 'text/plain' }), 415],
      [call('GET', `${items}/documents?filter={"$bad":1}`), 400],
      [call('GET', `${items}/documents?filter={`), 400],
      [call('GET', `${items}/documents?pageSize=0`), 400],
      [call('GET', `${items}/documents?nonsense=1`), 200],
      [call('DELETE', `${items}/documents`), 428],
      [call('GET', '/v1/cursors/garbage'), 400],
      [call('GET', '/v1/cursors/WyIxIiwiYSIsImIiXQ'), 410],
      [call('GET', '/v1/databases/a%20b'), 400],
      [call('POST', `${items}/indexes`, { key: null }), 400],
      [call('POST', `${items}/indexes`, { key: 7 }), 400],
      [call('POST', `${items}/indexes`, {}), 400],
      [call('GET', `${items}/changes?pipeline=[7]`), 400],
      [call('GET', '/nowhere'), 404],
    ]
    for (const [asked, status] of cases) {
      const answer = await asked
      expect([answer.status, status >= 400 ? answer.body.status : status]).toEqual([status, status])
    }
  })
})

describe('the description', () => {
  it('names every route, in OpenAPI 3.1, and has a page that loads nothing from elsewhere', async () => {
    const { body } = await call('GET', '/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    expect(Object.keys(body.paths).length).toBeGreaterThan(25)
    const ids = Object.values(body.paths as Record<string, Record<string, { operationId: string }>>).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
    const page = (await call('GET', '/docs')).body as string
    const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!)
    for (const link of links) {
      expect(link.startsWith('/')).toBe(true)
      expect((await fetch(base + link)).status).toBe(200)
    }
  })
})
