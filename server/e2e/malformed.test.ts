/** What no client should send: a clear error or a closed connection, and everybody else is served on. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { BSON, Long } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { runningServer } from './running-server.ts'

const server = runningServer()
const admin = () => server.client.db('admin')

async function rawConnection(): Promise<Socket> {
  const { hostname, port } = new URL(server.uri)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

function message(body: Uint8Array, opCode = 2013): Buffer {
  const whole = Buffer.alloc(21 + body.length)
  whole.writeInt32LE(whole.length, 0)
  whole.writeInt32LE(7, 4)
  whole.writeInt32LE(opCode, 12)
  whole.set(body, 21)
  return whole
}

async function reply(socket: Socket): Promise<BSON.Document> {
  let received = Buffer.alloc(0)
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    received = Buffer.concat([received, chunk])
    if (received.length >= 4 && received.length >= received.readInt32LE(0)) break
  }
  expect(received.readInt32LE(8)).toBe(7)
  return BSON.deserialize(received.subarray(21))
}

const ping = BSON.serialize({ ping: 1, $db: 'admin' })

describe('a command that is wrong', () => {
  it.each([
    [{ frobnicate: 1 }, 59, /no such command: 'frobnicate'/],
    [{ find: 'c', filter: 'text' }, 14, /filter/],
    [{ find: 'c', surprise: 1 }, 40415, /surprise/],
    [{ find: 7 }, 73, /collection name/i],
    [{ insert: 'c' }, 40414, /documents/],
    [{ insert: 'c', documents: [] }, 16, /batch/i],
    [{ insert: 'c', documents: ['x'] }, 14, /documents/],
    [{ update: 'c', updates: [{ q: {} }] }, 40414, /\bu\b/],
    [{ getMore: Long.fromNumber(123456), collection: 'c' }, 43, /cursor id 123456 not found/],
    [{ getMore: 'x', collection: 'c' }, 14, /getMore/],
    [{ aggregate: 'c', pipeline: [{}], cursor: {} }, 40323, /exactly one field/],
    [{ aggregate: 'c', pipeline: [] }, 9, /cursor/],
    [{ createIndexes: 'c', indexes: [] }, 2, /index/],
    [{ create: 'bad$name' }, 73, /name/],
    [{ find: 'c', readConcern: { level: 'nonsense' } }, 2, /nonsense/],
    [{ find: 'c', batchSize: -1 }, 2, /batchSize/],
    [{ find: 'c', maxTimeMS: 'soon' }, 14, /maxTimeMS/],
  ])('%j is answered with its code', async (command, code, text) => {
    const error = (await admin()
      .command(command)
      .catch((failure: unknown) => failure)) as { code: number; message: string }
    expect(error.message).toMatch(text)
    expect(error.code).toBe(code)
    expect(await admin().command({ ping: 1 })).toMatchObject({ ok: 1 })
  })

  it('on a raw connection leaves it open for the next', async () => {
    const socket = await rawConnection()
    for (const body of [{}, { ping: 1 }, { ping: 1, $db: 7 }, { $db: 'admin' }, { find: 'c', filter: [], $db: 'x' }]) {
      socket.write(message(BSON.serialize(body)))
      expect(await reply(socket)).toMatchObject({ ok: 0, code: expect.any(Number), errmsg: expect.any(String) })
      socket.write(message(ping))
      expect(await reply(socket)).toMatchObject({ ok: 1 })
    }
    socket.destroy()
  })
})

describe('bytes that are no message', () => {
  const broken = Buffer.from(ping)
  broken[4] = 0x44
  const declared = (length: number) => {
    const whole = message(ping)
    whole.writeInt32LE(length, 0)
    return whole
  }
  it.each([
    ['an unknown opcode', message(ping, 4711)],
    ['a reply', message(ping, 1)],
    ['a length below a header', declared(3)],
    ['a negative length', declared(-5)],
    ['a length beyond 48 MB', declared(48_000_001)],
    ['BSON of an unknown type', message(broken)],
    ['a document that says it is longer', message(Buffer.concat([Buffer.from([200, 0, 0, 0]), ping.subarray(4)]))],
  ])('%s gets an error or a closed connection', async (_, bytes) => {
    const socket = await rawConnection()
    socket.write(bytes)
    const answer = await Promise.race([once(socket, 'close').then(() => 'closed'), once(socket, 'data')])
    if (answer !== 'closed') expect(BSON.deserialize((answer[0] as Buffer).subarray(21))).toMatchObject({ ok: 0 })
    socket.destroy()
    expect(await admin().command({ ping: 1 })).toMatchObject({ ok: 1 })
  })

  it('a browser is told where it is', async () => {
    await expect(fetch(server.uri.replace('mongodb', 'http')).then((response) => response.text())).resolves.toMatch(
      /HTTP.*native driver port/,
    )
  })

  it('half a message, then nothing, holds nobody up', async () => {
    const sockets = await Promise.all(Array.from({ length: 50 }, rawConnection))
    for (const [at, socket] of sockets.entries()) socket.write(message(ping).subarray(0, at))
    expect(await admin().command({ ping: 1 })).toMatchObject({ ok: 1 })
    for (const socket of sockets) socket.destroy()
  })
})
