import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LauraServer } from '../laura-process.ts'

let folder: string
let server: LauraServer

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'laura-idempotency-'))
  server = await LauraServer.start(folder)
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

let counter = 0
let items: string
beforeEach(() => {
  items = `/databases/shop/collections/items${++counter}`
})

interface Answer {
  readonly status: number
  readonly location: string | null
  readonly etag: string | null
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes, looked at by expectations
  readonly body: any
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${server.httpUri}/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  })
  const text = await response.text()
  return {
    status: response.status,
    location: response.headers.get('location'),
    etag: response.headers.get('etag'),
    body: text === '' ? null : JSON.parse(text),
  }
}

const count = async () => (await call('GET', `${items}/count`)).body.count

/** The same request twice under one key. */
async function twice(method: string, path: string, body?: unknown, headers = {}): Promise<[Answer, Answer]> {
  const all = { 'idempotency-key': `key ${counter}`, ...headers }
  return [await call(method, path, body, all), await call(method, path, body, all)]
}

describe('a request with an Idempotency-Key', () => {
  it('that inserts a document without an _id tells of the same document again', async () => {
    const [first, second] = await twice('POST', `${items}/documents`, { n: 1 })
    expect(second).toEqual(first)
    expect(first.status).toBe(201)
    expect((await call('GET', first.location!.slice('/v1'.length))).body).toEqual(first.body)
    expect(await count()).toBe(1)
  })

  it('that is changed is refused, and writes nothing', async () => {
    const key = { 'idempotency-key': `key ${counter}` }
    await call('POST', `${items}/documents`, { _id: 'a', n: 1 }, key)
    for (const [method, path, body] of [
      ['POST', '/documents', { _id: 'b', n: 1 }],
      ['POST', '/documents', { _id: 'a', n: 2 }],
      ['PUT', '/documents/a', { n: 2 }],
      ['PATCH', '/documents/a', { $inc: { n: 1 } }],
      ['DELETE', '/documents/a', undefined],
      ['POST', '/bulk', { operations: [{ deleteOne: { filter: {} } }] }],
    ] as const)
      expect(await call(method, items + path, body, key)).toMatchObject({
        status: 422,
        body: { type: 'urn:lauradb:error:IdempotencyKeyReused' },
      })
    expect((await call('GET', `${items}/documents`)).body.documents).toEqual([{ _id: 'a', n: 1 }])
  })

  it('and preconditions gets the first outcome, though they do not hold any more', async () => {
    const path = `${items}/documents/a`
    const [made, again] = await twice('PUT', path, { n: 1 }, { 'if-none-match': '*' })
    expect([made.status, again]).toEqual([201, made])
    const headers = (name: string) => ({ 'if-match': made.etag!, 'idempotency-key': `${name} ${counter}` })
    const [patched, patchedAgain] = await twice('PATCH', path, { $inc: { n: 1 } }, headers('patch'))
    expect([patched.body, patchedAgain]).toEqual([{ _id: 'a', n: 2 }, patched])
    const merge = { 'content-type': 'application/merge-patch+json', 'idempotency-key': `merge ${counter}` }
    const [merged, mergedAgain] = await twice('PATCH', path, { m: 1 }, merge)
    await call('PATCH', path, { $set: { m: 2 } })
    expect([merged.body, mergedAgain]).toEqual([{ _id: 'a', n: 2, m: 1 }, merged])
    expect((await call('PATCH', path, { m: 1 }, merge)).body).toEqual(merged.body)
    expect((await call('GET', path)).body).toEqual({ _id: 'a', n: 2, m: 2 })
    const { etag } = await call('GET', path)
    const gone = await twice('DELETE', path, undefined, { 'if-match': etag!, 'idempotency-key': `delete ${counter}` })
    expect(gone.map(({ status }) => status)).toEqual([204, 204])
  })

  it('that has failed may be sent again', async () => {
    const path = `${items}/documents/a`
    expect((await twice('PATCH', path, { $inc: { n: 1 } })).map(({ status }) => status)).toEqual([404, 404])
    await call('PUT', path, { n: 0 })
    expect((await twice('PATCH', path, { $inc: { n: 1 } })).map(({ body }) => body.n)).toEqual([1, 1])
  })

  it('that writes in bulk does so once, also where some of it failed', async () => {
    const operations = [
      { insertOne: { document: { _id: 'a' } } },
      { insertOne: { document: { _id: 'a' } } },
      { updateOne: { filter: { _id: 'a' }, update: { $inc: { n: 1 } } } },
    ]
    const [first] = await twice('POST', `${items}/bulk`, { operations, ordered: false })
    expect(first.body).toMatchObject({ inserted: 1, modified: 1, errors: [{ idx: 1 }] })
    expect((await call('GET', `${items}/documents/a`)).body.n).toBe(1)
  })

  it('that cannot be made once is refused', async () => {
    for (const [method, path, body, type] of [
      ['PATCH', '/documents?filter={}', { $inc: { n: 1 } }, 'application/json'],
      ['DELETE', '/documents?filter={}', undefined, 'application/json'],
      ['POST', '/import', '{}\n', 'application/x-ndjson'],
    ] as const) {
      const [first] = await twice(method, items + path, body, body === undefined ? {} : { 'content-type': type })
      expect(first).toMatchObject({ status: 400, body: { title: 'InvalidOptions' } })
    }
  })
})
