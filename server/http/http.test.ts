import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LauraServer } from '../laura-process.ts'

let folder: string
let server: LauraServer
let log = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'laura-http-'))
  server = await LauraServer.start(folder, ['--http-cors-origin', 'https://shop.example'])
  server.process.stderr!.on('data', (chunk: Buffer) => (log += String(chunk)))
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

function documents(id: string): string {
  return `${server.httpUri}/v1/databases/d/collections/c/documents/${id}`
}

async function put(id: string, body: string): Promise<Response> {
  return fetch(documents(id), { method: 'PUT', headers: { 'content-type': 'application/json' }, body })
}

/** What the server answers to raw bytes, until it closes or `enough` has come. */
function raw(bytes: string | Buffer, enough = /\r\n\r\n/): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.httpUri)
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    let text = ''
    socket.on('data', (chunk) => {
      text += String(chunk)
      if (enough.test(text)) socket.destroy()
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
}

describe('the HTTP door', () => {
  it('gives metrics that count what was done', async () => {
    for (let i = 0; i < 5; i++) expect((await put(`k${i}`, '{"n":1}')).status).toBeLessThan(300)
    const response = await fetch(`${server.httpUri}/metrics`)
    expect(response.headers.get('content-type')).toContain('text/plain')
    const text = await response.text()
    const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    expect(value('laura_command_duration_seconds_count\\{command="findAndModify"\\}')).toBe(5)
    expect(value('laura_command_duration_seconds_bucket\\{command="findAndModify",le="\\+Inf"\\}')).toBe(5)
    expect(value('laura_log_durable_index')).toBeGreaterThan(0)
    expect(value('laura_cache_bytes')).toBeGreaterThan(0)
    expect(text).toContain('nodejs_eventloop_lag_seconds')
  })

  it('gives each request an id, in the answer, the problem and the log', async () => {
    const response = await fetch(documents('none'))
    const id = response.headers.get('x-request-id')!
    expect(((await response.json()) as { instance: string }).instance).toBe(`urn:lauradb:request:${id}`)
    await expect.poll(() => log).toContain(id)
    const lines = log.split('\n').filter((line) => line.includes(id))
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0]!)).toMatchObject({
      method: 'GET',
      status: 404,
      url: new URL(documents('none')).pathname,
    })
  })

  it.each([
    ['no HTTP at all', 'x\r\n\r\n', 400],
    ['a path that cannot be decoded', 'GET /v1/databases/%ff HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['headers that are too large', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, 431],
    ['an expectation that nobody knows', 'GET / HTTP/1.1\r\nhost: x\r\nexpect: x\r\n\r\n', 417],
  ])('answers %s with a problem', async (_what, bytes, status) => {
    const [head, body] = (await raw(bytes, /\}$|\r\n0\r\n\r\n$/)).split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(head).toMatch(/^content-type: application\/problem\+json/im)
    const [, id] = /^x-request-id: (\S+)/im.exec(head!)!
    expect(body).toContain(`"status":${status}`)
    expect(body).toContain(`urn:lauradb:request:${id}`)
  })

  it('lets pages of the named origin call, and of no other', async () => {
    const ask = async (origin: string): Promise<string | null> =>
      (await fetch(`${server.httpUri}/healthz`, { headers: { origin } })).headers.get('access-control-allow-origin')
    expect(await ask('https://shop.example')).toBe('https://shop.example')
    expect(await ask('https://evil.example')).toBe(null)
    const preflight = await fetch(documents('k'), {
      method: 'OPTIONS',
      headers: {
        origin: 'https://shop.example',
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'content-type,if-match,idempotency-key',
      },
    })
    expect(preflight.status).toBe(204)
    const allowed = (what: string) => preflight.headers.get(`access-control-allow-${what}`)!.split(/,\s*/)
    expect(allowed('methods')).toEqual(expect.arrayContaining(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']))
    expect(allowed('headers')).toEqual(expect.arrayContaining(['content-type', 'if-match', 'idempotency-key']))
  })

  it('compresses large answers for those who can read that', async () => {
    await put('large', JSON.stringify({ text: 'x'.repeat(20_000) }))
    const response = await fetch(documents('large'), { headers: { 'accept-encoding': 'gzip' } })
    expect(response.headers.get('content-encoding')).toBe('gzip')
    expect(((await response.json()) as { text: string }).text).toHaveLength(20_000)
    const exported = await fetch(`${server.httpUri}/v1/databases/d/collections/c/export`, {
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(exported.headers.get('content-encoding')).toBe('gzip')
    expect(await exported.text()).toContain('x'.repeat(20_000))
  })

  it('answers hostile requests and lives on', async () => {
    const host = 'host: x\r\n'
    const hostile: [string | Buffer, RegExp][] = [
      ['GARBAGE\r\n\r\n', / 400 /],
      [`GET / HTTP/1.1\r\n${host}x: ${'y'.repeat(100_000)}\r\n\r\n`, / 431 /],
      [`GET /${'a'.repeat(40_000)} HTTP/1.1\r\n${host}\r\n`, / 431 /],
      [`POST /graphql HTTP/1.1\r\n${host}content-type: application/json\r\ncontent-length: 5\r\n\r\n{"a":`, / 400 /],
      [
        `POST /v1/databases/d/command HTTP/1.1\r\n${host}content-type: application/json\r\ncontent-length: 99999999999\r\n\r\n`,
        / 413 /,
      ],
      [`GET /v1/databases/%00/collections HTTP/1.1\r\n${host}\r\n`, / 400 /],
      [`GET /v1/databases/%zz/collections HTTP/1.1\r\n${host}\r\n`, / 400 /],
      [Buffer.from(Array.from({ length: 2000 }, (_, i) => (i * 7919) % 256)), / 400 /],
    ]
    for (const [bytes, answer] of hostile) expect(await raw(bytes)).toMatch(answer)
    const nested = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`
    expect((await put('nested', nested)).status).toBe(400)
    expect((await fetch(`${server.httpUri}/healthz`)).status).toBe(200)
  })

  it('answers what is under way when it is told to stop', async () => {
    const other = mkdtempSync(join(tmpdir(), 'laura-drain-'))
    const stopping = await LauraServer.start(other)
    const slow = fetch(`${stopping.httpUri}/v1/databases/d/command`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ping: 1 }),
    })
    const [{ status }, { code }] = await Promise.all([slow, slow.then(() => stopping.stop())])
    expect([status, code]).toEqual([200, 0])
    rmSync(other, { recursive: true, force: true })
  })
})
