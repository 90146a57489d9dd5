/** A stream of changes is left in the middle, the server ends, cleanly or killed, and the stream goes on in the next one where it was: on every door but the driver's. */
import { rmSync } from 'node:fs'
import { Client, credentials } from '@grpc/grpc-js'
import { deserialize, serialize } from 'bson'
import { createClient } from 'graphql-ws'
import { MongoClient } from 'mongodb'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { LauraClient } from '../../clients/node/src/index.ts'
import { loadSchema } from '../grpc/schema.ts'
import { LauraServer } from '../laura-process.ts'
import { temporaryFolder } from './running-server.ts'

interface Change {
  readonly operation: string
  readonly id?: unknown
  readonly token: string
}

/** The changes of shop.items, after the one with `token` if it is given, until the loop over them is left. */
type Watch = (server: LauraServer, token: string | undefined) => AsyncGenerator<Change, void>

interface Event {
  readonly _id: { readonly _data: string }
  readonly operationType: string
  readonly documentKey?: { readonly _id: unknown }
}

function changeOf({ _id, operationType, documentKey }: Event): Change {
  return { operation: operationType, id: documentKey?._id, token: _id._data }
}

/** The fields of each event of a stream of server-sent events. */
async function* serverSentEvents(response: Response): AsyncGenerator<Record<string, string>, void> {
  let rest = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks)
      yield Object.fromEntries(
        block.split('\n').map((line) => [line.split(': ')[0]!, line.slice(line.indexOf(': ') + 2)]),
      )
  }
}

async function* watchRest({ httpUri }: LauraServer, token: string | undefined): AsyncGenerator<Change, void> {
  const abort = new AbortController()
  const response = await fetch(`${httpUri}/v1/databases/shop/collections/items/changes`, {
    headers: token === undefined ? {} : { 'last-event-id': token },
    signal: abort.signal,
  })
  try {
    for await (const { id, data } of serverSentEvents(response)) {
      if (data === undefined) continue
      const change = changeOf(JSON.parse(data) as Event)
      expect(change.token).toBe(id)
      yield change
    }
  } finally {
    abort.abort()
  }
}

interface GraphqlChange {
  readonly itemsChanged: { readonly operationType: string; readonly id: unknown; readonly resumeToken: string }
}

const subscription =
  'subscription($token: String) { itemsChanged(resumeAfter: $token) { operationType id resumeToken } }'

function graphqlChange({ itemsChanged: { operationType, id, resumeToken } }: GraphqlChange): Change {
  return { operation: operationType, id, token: resumeToken }
}

async function* watchGraphqlStream({ httpUri }: LauraServer, token: string | undefined): AsyncGenerator<Change, void> {
  const abort = new AbortController()
  const response = await fetch(`${httpUri}/graphql-stream/shop`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: subscription, variables: { token: token ?? null } }),
    signal: abort.signal,
  })
  try {
    for await (const { event, data } of serverSentEvents(response))
      if (event === 'next') yield graphqlChange((JSON.parse(data!) as { data: GraphqlChange }).data)
  } finally {
    abort.abort()
  }
}

async function* watchGraphqlSocket({ httpUri }: LauraServer, token: string | undefined): AsyncGenerator<Change, void> {
  const url = `${httpUri.replace('http', 'ws')}/graphql/shop`
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 })
  try {
    for await (const { data, errors } of client.iterate<GraphqlChange>({
      query: subscription,
      variables: { token: token ?? null },
    })) {
      if (data == null) throw new Error(JSON.stringify(errors))
      yield graphqlChange(data)
    }
  } finally {
    await client.dispose()
  }
}

const same = (bytes: Buffer): Buffer => bytes

async function* watchGrpc({ grpcUri }: LauraServer, token: string | undefined): AsyncGenerator<Change, void> {
  const schema = loadSchema()
  const request = schema.lookupType('lauradb.v1.WatchRequest')
  const response = schema.lookupType('lauradb.v1.WatchResponse')
  const stage = token === undefined ? {} : { changeStream: serialize({ startAfter: { _data: token } }) }
  const bytes = request.encode({ database: 'shop', collection: 'items', ...stage }).finish()
  const client = new Client(new URL(grpcUri).host, credentials.createInsecure())
  const path = '/lauradb.v1.DocumentService/Watch'
  const call = client.makeServerStreamRequest(path, same, same, Buffer.from(bytes))
  try {
    for await (const message of call as AsyncIterable<Buffer>) {
      const { events } = response.decode(message) as unknown as { events: Uint8Array[] }
      for (const event of events) yield changeOf(deserialize(event) as Event)
    }
  } finally {
    call.on('error', () => undefined)
    call.cancel()
    client.close()
  }
}

async function* watchNodeClient({ grpcUri }: LauraServer, token: string | undefined): AsyncGenerator<Change, void> {
  const client = await LauraClient.connect(grpcUri)
  const after = token === undefined ? {} : { startAfter: { _data: token } }
  const stream = client.db('shop').collection('items').watch([], after)
  try {
    for await (const event of stream) yield changeOf(event as unknown as Event)
  } finally {
    await stream.close()
    await client.close()
  }
}

const doors: Readonly<Record<string, Watch>> = {
  'REST, by Last-Event-ID': watchRest,
  'GraphQL over server-sent events': watchGraphqlStream,
  'GraphQL over a WebSocket': watchGraphqlSocket,
  'gRPC, by Watch': watchGrpc,
  'the Node client': watchNodeClient,
}
const ends = ['stopped', 'killed'] as const

/** Reads on until the document `last`, or the end of its collection, comes; the token of that. `seen` gets the numbers among the ids. */
async function readUntil(changes: AsyncGenerator<Change, void>, last: unknown, seen: unknown[]): Promise<string> {
  for await (const { operation, id, token } of changes) {
    if (operation === 'insert' && typeof id === 'number') seen.push(id)
    if (id === last || operation === last) return token
  }
  throw new Error(`the stream ended before ${String(last)}, after ${seen.join()}`)
}

it.each(Object.keys(doors).flatMap((door) => ends.map((end) => [door, end] as const)))(
  '%s: goes on after the server was %s',
  async (door, end) => {
    const watch = doors[door]!
    const dir = temporaryFolder()
    let server = await LauraServer.start(dir)
    let driver = await new MongoClient(server.mongoUri).connect()
    let items = driver.db('shop').collection<{ _id: number | string }>('items')
    await items.insertOne({ _id: 'first' })
    const seen: unknown[] = []
    const changes = watch(server, undefined)
    // Nobody says when a stream has begun: there are changes until it shows one.
    const begun = changes.next()
    let isBegun = false
    void begun.finally(() => (isBegun = true))
    for (let n = 0; !isBegun; n++) {
      await items.insertOne({ _id: `begin ${n}` })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await begun
    for (let _id = 0; _id < 20; _id++) await items.insertOne({ _id })
    const token = await readUntil(changes, 11, seen)
    await driver.close()
    if (end === 'stopped') await server.stop()
    else {
      server.process.kill('SIGKILL')
      await server.finished
    }

    server = await LauraServer.start(dir)
    driver = await new MongoClient(server.mongoUri).connect()
    items = driver.db('shop').collection('items')
    for (let _id = 20; _id < 30; _id++) await items.insertOne({ _id })
    const later = await readUntil(watch(server, token), 29, seen)
    // The end of the collection ends the stream, and a new one may begin after it.
    await items.drop()
    await items.insertOne({ _id: 30 })
    const ended = await readUntil(watch(server, later), 'invalidate', seen)
    await readUntil(watch(server, ended), 30, seen)
    expect(seen).toEqual(Array.from({ length: 31 }, (_, n) => n))
    await driver.close()
    expect((await server.stop()).code).toBe(0)
    rmSync(dir, { recursive: true, force: true })
  },
)

it.each(ends)(
  'REST goes on from the position that it tells before there is an event, after the server was %s',
  async (end) => {
    const dir = temporaryFolder()
    let server = await LauraServer.start(dir)
    const changes = (headers: Record<string, string>) =>
      fetch(`${server.httpUri}/v1/databases/shop/collections/items/changes`, { headers })
    const put = (id: string) =>
      fetch(`${server.httpUri}/v1/databases/shop/collections/items/documents/${id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
    await put('before')
    const { value: first } = await serverSentEvents(await changes({})).next()
    const { id, data } = first as Record<string, string>
    expect(data).toBeUndefined()
    // While nobody listens.
    await put('meanwhile')
    if (end === 'stopped') await server.stop()
    else {
      server.process.kill('SIGKILL')
      await server.finished
    }
    server = await LauraServer.start(dir)
    await put('after')
    const seen: unknown[] = []
    await readUntil(watchRest(server, id), 'after', seen)
    for await (const { id: key } of watchRest(server, id)) if (seen.push(key) === 2) break
    expect(seen).toEqual(['meanwhile', 'after'])
    await server.stop()
    rmSync(dir, { recursive: true, force: true })
  },
)
