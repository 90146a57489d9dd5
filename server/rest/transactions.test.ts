import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OpenapiCheck } from '../e2e/openapi-check.ts'
import { LauraServer } from '../laura-process.ts'

let folder: string
let server: LauraServer
let described: OpenapiCheck

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'laura-transactions-'))
  server = await LauraServer.start(folder)
  described = await OpenapiCheck.of(server.httpUri)
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.httpUri}/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  })
  const text = await response.text()
  const { status } = response
  described.check({ method, path: `/v1${path}`, status, headers: response.headers, text })
  return { status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> }
}

it('a pipeline of changes that is none is refused', async () => {
  expect((await call('GET', '/databases/shop/collections/items/changes?pipeline=7')).status).toBe(400)
})

describe('transactions', () => {
  const begin = async (options?: object) => {
    const { body } = await call('POST', '/transactions', options)
    return { id: String(body['id']), inside: { 'laura-transaction': String(body['id']) } }
  }
  const accounts = '/databases/bank/collections/accounts/documents'

  it('show their writes to nobody before they are committed, and to nobody ever when aborted', async () => {
    await call('PUT', `${accounts}/a`, { n: 10 })
    const { id, inside } = await begin()
    expect((await call('PATCH', `${accounts}/a`, { $inc: { n: -1 } }, inside)).body).toMatchObject({ n: 9 })
    expect((await call('PUT', `${accounts}/b`, { n: 1 }, inside)).status).toBe(201)
    expect((await call('GET', `${accounts}/a`)).body).toMatchObject({ n: 10 })
    expect((await call('GET', `${accounts}/b`)).status).toBe(404)
    expect((await call('GET', `${accounts}/b`, undefined, inside)).status).toBe(200)
    expect((await call('POST', `/transactions/${id}/commit`)).status).toBe(204)
    expect((await call('POST', `/transactions/${id}/commit`)).status).toBe(204)
    expect((await call('GET', `${accounts}/b`)).body).toMatchObject({ n: 1 })
    const other = await begin()
    await call('DELETE', `${accounts}/b`, undefined, other.inside)
    expect((await call('DELETE', `/transactions/${other.id}`)).status).toBe(204)
    expect((await call('GET', `${accounts}/b`)).status).toBe(200)
    expect((await call('POST', `/transactions/${other.id}/commit`)).status).toBe(404)
    expect((await call('GET', `${accounts}/b`, undefined, other.inside)).status).toBe(404)
  })

  it('end with a conflict when another wrote first, and then take no statements', async () => {
    await call('PUT', `${accounts}/c`, { n: 0 })
    const one = await begin()
    const two = await begin()
    await call('GET', `${accounts}/c`, undefined, two.inside)
    expect((await call('PATCH', `${accounts}/c`, { $inc: { n: 1 } }, one.inside)).status).toBe(200)
    expect(await call('PATCH', `${accounts}/c`, { $inc: { n: 1 } }, two.inside)).toMatchObject({
      status: 409,
      body: { codeName: 'WriteConflict', labels: ['TransientTransactionError'] },
    })
    expect(await call('GET', `${accounts}/c`, undefined, two.inside)).toMatchObject({
      status: 404,
      body: { codeName: 'NoSuchTransaction' },
    })
    expect((await call('POST', `/transactions/${one.id}/commit`)).status).toBe(204)
    expect((await call('GET', `${accounts}/c`)).body).toMatchObject({ n: 1 })
  })

  it('run one statement at a time', async () => {
    const { id, inside } = await begin()
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) => call('PUT', `${accounts}/many${i}`, { n: i }, inside)),
    )
    const statuses = results.map(({ status }) => status)
    expect(statuses).toContain(201)
    expect(statuses.every((status) => status === 201 || status === 409)).toBe(true)
    expect((await call('POST', `/transactions/${id}/commit`)).status).toBe(204)
    const { body } = await call('GET', `${accounts}?filter=${encodeURIComponent('{"_id":{"$regex":"^many"}}')}`)
    expect(body['documents']).toHaveLength(statuses.filter((status) => status === 201).length)
  })

  it('read by every route as they are within', async () => {
    const collection = '/databases/bank/collections/inside'
    await call('PUT', `${collection}/documents/a`, { n: 1 })
    const { id, inside } = await begin()
    // Also as the first statement.
    expect((await call('GET', `${collection}/count`, undefined, inside)).body).toEqual({ count: 1 })
    await call('PUT', `${collection}/documents/b`, { n: 2 }, inside)
    const get = async (path: string) => (await call('GET', `${collection}/${path}`, undefined, inside)).body
    const post = async (path: string, body: object) => (await call('POST', `${collection}/${path}`, body, inside)).body
    expect(await get('count')).toEqual({ count: 2 })
    expect(await get(`count?filter=${encodeURIComponent('{"n":2}')}`)).toEqual({ count: 1 })
    expect(await get('distinct?key=n')).toEqual({ values: [1, 2] })
    expect(await get('documents')).toMatchObject({ documents: [{ n: 1 }, { n: 2 }] })
    expect(await post('find', { filter: { n: 2 } })).toMatchObject({ documents: [{ _id: 'b' }] })
    expect(await post('aggregate', { pipeline: [{ $count: 'n' }] })).toMatchObject({ documents: [{ n: 2 }] })
    expect((await call('GET', `${collection}/count`)).body).toEqual({ count: 1 })
    expect((await call('POST', `/transactions/${id}/commit`)).status).toBe(204)
    expect((await call('GET', `${collection}/count`)).body).toEqual({ count: 2 })
  })

  it.each([
    [{}, 204],
    [{ isolation: 'snapshot' }, 204],
    [{ isolation: 'repeatable read' }, 204],
    [{ isolation: 'serializable' }, 409],
  ])('that each read what the other writes are both committed or not, as %j says', async (options, status) => {
    await call('PUT', `${accounts}/x`, { n: 0 })
    await call('PUT', `${accounts}/y`, { n: 0 })
    const one = await begin(options)
    const two = await begin(options)
    for (const { inside } of [one, two])
      for (const id of ['x', 'y']) await call('GET', `${accounts}/${id}`, undefined, inside)
    await call('PUT', `${accounts}/x`, { n: 1 }, one.inside)
    await call('PUT', `${accounts}/y`, { n: 1 }, two.inside)
    expect((await call('POST', `/transactions/${one.id}/commit`)).status).toBe(204)
    expect((await call('POST', `/transactions/${two.id}/commit`)).status).toBe(status)
  })

  it('see what is committed meanwhile when they ask for no more than that', async () => {
    for (const isolation of ['read committed', 'read uncommitted']) {
      await call('PUT', `${accounts}/z`, { n: 0 })
      const { id, inside } = await begin({ isolation })
      expect((await call('GET', `${accounts}/z`, undefined, inside)).body).toMatchObject({ n: 0 })
      await call('PUT', `${accounts}/z`, { n: 1 })
      expect((await call('GET', `${accounts}/z`, undefined, inside)).body).toMatchObject({ n: 1 })
      expect((await call('POST', `/transactions/${id}/commit`)).status).toBe(204)
    }
  })

  it('lock what they read when they ask for that', async () => {
    await call('PUT', `${accounts}/l`, { n: 1 })
    const { id, inside } = await begin({ isolation: 'serializable', readLocks: true })
    expect((await call('GET', `${accounts}/l`, undefined, inside)).body).toMatchObject({ n: 1 })
    const impatient = await begin({ onConflict: 'wait', lockTimeoutMs: 20 })
    expect(await call('PATCH', `${accounts}/l`, { $inc: { n: 10 } }, impatient.inside)).toMatchObject({
      status: 409,
      body: { codeName: 'LockTimeout', labels: ['TransientTransactionError'] },
    })
    const order: string[] = []
    const waiting = call('PATCH', `${accounts}/l`, { $inc: { n: 10 } }).then(() => order.push('other'))
    expect((await call('PATCH', `${accounts}/l`, { $inc: { n: 1 } }, inside)).body).toMatchObject({ n: 2 })
    order.push('own')
    expect((await call('POST', `/transactions/${id}/commit`)).status).toBe(204)
    await waiting
    expect(order).toEqual(['own', 'other'])
    expect((await call('GET', `${accounts}/l`)).body).toMatchObject({ n: 12 })
  })

  it.each([
    [{ isolation: 'chaos' }, 'BadValue'],
    [{ isolation: 1 }, 'TypeMismatch'],
    [{ onConflict: 'fight' }, 'BadValue'],
    [{ readLocks: true }, 'BadValue'],
    [{ isolation: 'serializable', readLocks: 'yes' }, 'TypeMismatch'],
    [{ lockTimeoutMs: -1 }, 'BadValue'],
    [{ isolatoin: 'snapshot' }, 'UnknownField'],
  ])('that are begun with %j are refused', async (options, codeName) => {
    expect(await call('POST', '/transactions', options)).toMatchObject({ status: 400, body: { codeName } })
  })

  it('that would promise two things at once are refused', async () => {
    const readConcern = { level: 'snapshot', atClusterTime: { $timestamp: { t: 1, i: 1 } } }
    for (const options of [
      { isolation: 'read committed', readConcern: { level: 'snapshot' } },
      { isolation: 'serializable', readConcern },
    ]) {
      const { inside } = await begin(options)
      expect((await call('GET', `${accounts}/x`, undefined, inside)).status).toBe(400)
    }
  })
})
