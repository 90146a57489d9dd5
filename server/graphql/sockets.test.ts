import { connect } from 'node:net'
import { type Client, createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { GraphqlServer } from './graphql-server.ts'

const friend = 'https://shop.example'
let server: GraphqlServer

beforeAll(async () => {
  server = await GraphqlServer.start(['--http-cors-origin', friend])
  await server.command({ insert: 'authors', documents: [{ _id: 'a', name: 'Anne' }] })
  await server.command({
    create: 'books',
    relations: { author: { collection: 'authors', localField: 'by' } },
  })
  await server.command({ insert: 'books', documents: [{ _id: 1, by: 'a' }] })
})

afterAll(() => server.stop())

const url = (): string => `${server.base.replace('http', 'ws')}/graphql/library`

/** What an operation gives: its results, or the messages of its errors. */
function run(client: Client, query: string): Promise<unknown> {
  return new Promise((resolve) => {
    const results: unknown[] = []
    client.subscribe(
      { query },
      {
        next: (result) => results.push(result),
        error: (errors) => resolve(Array.isArray(errors) ? errors.map(({ message }) => message) : errors),
        complete: () => resolve(results),
      },
    )
  })
}

/** 101 when a WebSocket from a page of `origin` is accepted, else the status of the refusal. */
function statusFor(origin: string | undefined): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url(), 'graphql-transport-ws', origin === undefined ? {} : { headers: { origin } })
    socket.on('open', () => {
      socket.close()
      resolve(101)
    })
    socket.on('unexpected-response', (_request, { statusCode }) => {
      resolve(statusCode)
      socket.terminate()
    })
    socket.on('error', reject)
  })
}

describe('WebSockets', () => {
  it('are opened by pages of this server and of origins that may call, not by others', async () => {
    expect(await statusFor(undefined)).toBe(101)
    expect(await statusFor(server.base)).toBe(101)
    expect(await statusFor(friend)).toBe(101)
    for (const origin of ['https://evil.example', 'null', `${friend}.evil.example`, 'http://127.0.0.1:1'])
      expect(await statusFor(origin)).toBe(403)
  })

  it('that are reset while they are opened do the server no harm', async () => {
    const { hostname, port } = new URL(server.base)
    for (let i = 0; i < 300; i++)
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), hostname, () => {
          const path = ['/nothing', '/graphql/library', '/graphql?database=%'][i % 3]
          const upgrade = 'host: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13'
          socket.write(`GET ${path} HTTP/1.1\r\n${upgrade}\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
          if (i % 2 === 0) socket.resetAndDestroy()
          else setImmediate(() => socket.resetAndDestroy())
        })
        socket.on('error', () => undefined)
        socket.on('close', () => resolve())
      })
    expect((await fetch(`${server.base}/healthz`)).status).toBe(200)
  })

  it('tell of an operation that is wrong, and go on with the others', async () => {
    const client = createClient({ url: url(), webSocketImpl: WebSocket, retryAttempts: 0 })
    const others = run(client, 'subscription { authorsChanged { id } }')
    expect(await run(client, '{ collections')).toEqual([expect.stringContaining('Syntax Error')])
    expect(await run(client, 'query A { collections } query B { collections }')).toEqual([
      expect.stringContaining('operation'),
    ])
    expect(await run(client, '{ nothing }')).toEqual([expect.stringContaining('nothing')])
    expect(await run(client, '{ books { nodes { _id } } }')).toEqual([{ data: { books: { nodes: [{ _id: 1 }] } } }])
    expect(await Promise.race([others, 'still open'])).toBe('still open')
    await client.dispose()
  })

  it('show what relations lead to now, in later operations and in later events', async () => {
    const client = createClient({ url: url(), webSocketImpl: WebSocket, retryAttempts: 0 })
    const query = '{ books { nodes { author { name } } } }'
    const books = (name: string) => [{ data: { books: { nodes: [{ author: { name } }] } } }]
    expect(await run(client, query)).toEqual(books('Anne'))
    const events = client.iterate({ query: 'subscription { booksChanged { document { author { name } } } }' })
    const next = events.next()
    // The stream has begun when the same connection has answered something asked later.
    await run(client, query)
    const write = (n: number) => server.command({ update: 'books', updates: [{ q: { _id: 1 }, u: { $set: { n } } }] })
    const event = (name: string) => ({ data: { booksChanged: { document: { author: { name } } } } })
    await write(1)
    expect((await next).value).toEqual(event('Anne'))
    await server.command({ update: 'authors', updates: [{ q: { _id: 'a' }, u: { $set: { name: 'Anna' } } }] })
    expect(await run(client, query)).toEqual(books('Anna'))
    await write(2)
    expect((await events.next()).value).toEqual(event('Anna'))
    await client.dispose()
  })
})
