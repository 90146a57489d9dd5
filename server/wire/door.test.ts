import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { messageSizeMax } from '../../pkg/base/limits.ts'
import { buildDocument } from '../../pkg/bson/build.ts'
import { getField, numberOf, readString } from '../../pkg/bson/value.ts'
import type { CommandMessage } from '../../pkg/command/dispatch.ts'
import { message, WireClient } from '../tools/wire-client.ts'
import { unwrap, wrap } from './compression.ts'
import { WireDoor } from './door.ts'
import { headerLength, messageFlag, opcode, readInt32, writeHeader, writeInt32 } from './protocol.ts'

const ping = buildDocument({ ping: 1, $db: 'admin' })
const nothing = () => undefined
const silentLog = { debug: nothing, info: nothing, warn: nothing }

interface Opened {
  readonly door: WireDoor
  readonly port: number
  /** Bodies of the commands that came, by name of the command. */
  readonly seen: string[]
  readonly failures: unknown[]
  closedCount(): number
}

const cleanUps: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

function nameOf(body: Uint8Array): string {
  return Buffer.from(body.subarray(5, body.indexOf(0, 5))).toString()
}

/** A door in front of `dispatch`; without one, every command is answered with `{ok: 1, n: how many came before}`. */
async function open(
  dispatch?: (message: CommandMessage) => Uint8Array | Promise<Uint8Array>,
  connectionsMax = 10_000,
): Promise<Opened> {
  const seen: string[] = []
  const failures: unknown[] = []
  let closed = 0
  const door = new WireDoor({
    bind: '127.0.0.1',
    port: 0,
    connectionsMax,
    log: silentLog,
    failed: (error) => failures.push(error),
    accept: () => ({
      dispatch: (command) => {
        const n = seen.push(nameOf(command.body)) - 1
        return dispatch === undefined ? buildDocument({ ok: 1, n }) : dispatch(command)
      },
      close: () => {
        closed += 1
      },
    }),
  })
  const port = await door.listen()
  cleanUps.push(() => door.stop(0))
  return { door, port, seen, failures, closedCount: () => closed }
}

async function client(port: number): Promise<WireClient> {
  const opened = await WireClient.connect({ host: '127.0.0.1', port })
  cleanUps.push(() => opened.close())
  return opened
}

async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  cleanUps.push(() => socket.destroy())
  return socket
}

/** Everything the server sends until it closes the connection. */
async function untilClosed(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!socket.closed) await once(socket, 'close')
  return Buffer.concat(chunks)
}

function packet(code: number, content: Uint8Array, declaredLength = headerLength + content.length): Uint8Array {
  const bytes = new Uint8Array(headerLength + content.length)
  writeHeader(bytes, declaredLength, 1, 0, code)
  bytes.set(content, headerLength)
  return bytes
}

function opQuery(collection: string, query: object): Uint8Array {
  return packet(
    opcode.query,
    Buffer.concat([
      new Uint8Array(4),
      Buffer.from(`${collection}\0`),
      new Uint8Array(4),
      Uint8Array.of(255, 255, 255, 255),
      buildDocument({ ...query }),
    ]),
  )
}

function numberIn(document: Uint8Array, name: string): number {
  return numberOf(getField(document, name)!)
}

function textIn(document: Uint8Array, name: string): string {
  const value = getField(document, name)!
  return readString(value.bytes, value.start)
}

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

describe('requests', () => {
  it('are answered in order, also when they come all at once and the first takes longest', async () => {
    const delays = [20, 0, 5, 0, 0, 1]
    let running = 0
    const { port } = await open((command) => {
      const n = numberIn(command.body, 'n')
      expect(++running).toBe(1)
      const finish = () => {
        running -= 1
        return buildDocument({ ok: 1, n })
      }
      const delayMs = delays[n % delays.length]!
      return delayMs === 0 ? finish() : new Promise((resolve) => setTimeout(() => resolve(finish()), delayMs))
    })
    const wire = await client(port)
    const replies = await Promise.all(
      Array.from({ length: 60 }, (_, n) => wire.command(buildDocument({ ping: 1, n, $db: 'admin' }))),
    )
    expect(replies.map((reply) => numberIn(reply, 'n'))).toEqual(Array.from({ length: 60 }, (_, n) => n))
  })

  it('name the request they answer', async () => {
    const { port } = await open()
    const socket = await rawSocket(port)
    socket.write(message(123456, ping))
    const [reply] = (await once(socket, 'data')) as [Buffer]
    expect(readInt32(reply, 0)).toBe(reply.length)
    expect(readInt32(reply, 8)).toBe(123456)
    expect(readInt32(reply, 12)).toBe(opcode.message)
  })

  it('that want no answer get none', async () => {
    const { port, seen } = await open()
    const socket = await rawSocket(port)
    const quiet = message(1, buildDocument({ insert: 'c', $db: 'd' }))
    writeInt32(quiet, headerLength, messageFlag.moreToCome)
    const quietAndBroken = message(2, Uint8Array.of(8, 0, 0, 0, 0x77, 97, 0, 0))
    writeInt32(quietAndBroken, headerLength, messageFlag.moreToCome)
    socket.write(Buffer.concat([quiet, quietAndBroken, message(3, ping)]))
    const [reply] = (await once(socket, 'data')) as [Buffer]
    expect(readInt32(reply, 8)).toBe(3)
    expect(seen).toEqual(['insert', 'ping'])
  })

  it('of the largest size are taken, in pieces', async () => {
    let length = 0
    const { port } = await open((command) => {
      length = command.sequences.get('documents')!.reduce((sum, each) => sum + each.length, 0)
      return buildDocument({ ok: 1 })
    })
    const wire = await client(port)
    const document = buildDocument({ text: 'x'.repeat(1_000_000) })
    await wire.command(
      buildDocument({ insert: 'c', $db: 'd' }),
      'documents',
      Array.from({ length: 47 }, () => document),
    )
    expect(length).toBe(47 * document.length)
  })

  it('are answered with replies of any size', async () => {
    const { port } = await open((command) => buildDocument({ ok: 1, text: 'y'.repeat(numberIn(command.body, 'size')) }))
    const wire = await client(port)
    for (const size of [0, 1000, 32_000, 33_000, 1_000_000, 16_000_000]) {
      const reply = await wire.command(buildDocument({ find: 'c', size, $db: 'd' }))
      expect(textIn(reply, 'text').length).toBe(size)
    }
  })

  it('that are bad BSON get InvalidBSON, and the connection goes on', async () => {
    const { port } = await open()
    const wire = await client(port)
    await expect(wire.command(Uint8Array.of(8, 0, 0, 0, 0x77, 97, 0, 0))).rejects.toMatchObject({ code: 22 })
    expect(numberIn(await wire.command(ping), 'ok')).toBe(1)
  })

  it('that were compressed get a compressed answer', async () => {
    const text = 'z'.repeat(5000)
    const { port } = await open(() => buildDocument({ ok: 1, text }))
    for (const id of [1, 2, 3]) {
      for (const size of [1000, 300_000]) {
        const socket = await rawSocket(port)
        socket.write(await wrap(message(9, buildDocument({ find: 'w'.repeat(size), $db: 'd' })), id))
        const [reply] = (await once(socket, 'data')) as [Buffer]
        expect(readInt32(reply, 12)).toBe(opcode.compressed)
        const { bytes } = await unwrap(reply, 0, reply.length)
        expect(readInt32(bytes, 8)).toBe(9)
        expect(textIn(bytes.slice(headerLength + 5), 'text')).toBe(text)
      }
    }
  })

  it('of one client do not hold up those of another', async () => {
    let release: (reply: Uint8Array) => void = () => undefined
    const { port } = await open((command) =>
      nameOf(command.body) === 'slow' ? new Promise((resolve) => (release = resolve)) : buildDocument({ ok: 1 }),
    )
    const slow = (await client(port)).command(buildDocument({ slow: 1, $db: 'd' }))
    await (await client(port)).command(ping)
    release(buildDocument({ ok: 1 }))
    await slow
  })
})

describe('OP_QUERY', () => {
  it.each(['hello', 'isMaster', 'ismaster'])('may say %s', async (name) => {
    const { port, seen } = await open()
    const socket = await rawSocket(port)
    socket.write(opQuery('admin.$cmd', { [name]: 1 }))
    const [reply] = (await once(socket, 'data')) as [Buffer]
    expect(readInt32(reply, 12)).toBe(opcode.reply)
    expect(readInt32(reply, headerLength + 16)).toBe(1)
    expect(numberIn(reply.subarray(headerLength + 20), 'ok')).toBe(1)
    expect(seen).toEqual([name])
  })

  it('may say nothing else, and is told so', async () => {
    const { port, seen } = await open()
    const socket = await rawSocket(port)
    socket.write(opQuery('admin.$cmd', { find: 'c' }))
    const [command] = (await once(socket, 'data')) as [Buffer]
    expect(numberIn(command.subarray(headerLength + 20), 'code')).toBe(352)
    expect(textIn(command.subarray(headerLength + 20), 'errmsg')).toMatch(/^Unsupported OP_QUERY command: find\./)
    socket.write(opQuery('d.c', { a: 1 }))
    const [find] = (await once(socket, 'data')) as [Buffer]
    expect(readInt32(find, headerLength) & 2).toBe(2)
    expect(textIn(find.subarray(headerLength + 20), '$err')).toMatch(/^OP_QUERY is no longer supported/)
    expect(seen).toEqual([])
  })
})

describe('a client that breaks the protocol', () => {
  it.each([
    ['an opcode that is gone', packet(opcode.insert, new Uint8Array(30))],
    ['an opcode that never was', packet(12345, new Uint8Array(30))],
    ['a message that is too long', packet(opcode.message, new Uint8Array(0), messageSizeMax + 1)],
    ['a message that is too short', packet(opcode.message, new Uint8Array(0), 15)],
    ['a negative length', packet(opcode.message, new Uint8Array(0), -5)],
    ['an unknown required flag', packet(opcode.message, Uint8Array.of(4, 0, 0, 0, 0, 5, 0, 0, 0, 0))],
    ['an OP_MSG without sections', packet(opcode.message, new Uint8Array(2))],
    ['an OP_COMPRESSED of garbage', packet(opcode.compressed, Uint8Array.of(221, 7, 0, 0, 9, 0, 0, 0, 3, 1, 2, 3))],
    ['TLS', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3, 4, 5, 6)],
    ['bytes that mean nothing', Buffer.from('\xff\xfe\xfd garbage garbage garbage', 'latin1')],
  ])('by %s is cut off, and the others are not', async (_what, bytes) => {
    const { port, seen, failures, closedCount } = await open()
    const socket = await rawSocket(port)
    socket.write(bytes)
    expect((await untilClosed(socket)).length).toBe(0)
    await (await client(port)).command(ping)
    expect(seen).toEqual(['ping'])
    expect(failures).toEqual([])
    await eventually(() => closedCount() === 1)
  })

  it('by HTTP is told where it is', async () => {
    const { port } = await open()
    const socket = await rawSocket(port)
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect((await untilClosed(socket)).toString()).toMatch(/^HTTP\/1\.0 200 OK[\s\S]*native driver port/)
  })

  it('at random neither stops the server nor makes it grow', async () => {
    const { port, failures, closedCount } = await open()
    const good = message(1, buildDocument({ insert: 'c', $db: 'd', list: [1, 2, { a: 'text' }] }), 'documents', [
      buildDocument({ _id: 1 }),
    ])
    const before = process.memoryUsage().arrayBuffers
    let sent = 0
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
            const bytes = good.slice()
            for (const [at, value] of changes) bytes[at] = value
            return bytes
          }),
        ),
        async (bytes) => {
          const socket = await rawSocket(port)
          sent += 1
          socket.on('data', () => undefined)
          socket.end(bytes)
          await once(socket, 'close')
        },
      ),
      { numRuns: 400 },
    )
    await eventually(() => closedCount() === sent)
    expect(failures).toEqual([])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
    await (await client(port)).command(ping)
  })
})

describe('many clients', () => {
  it('may idle with half a header each, cheaply, while others are served', async () => {
    const { port, door } = await open()
    const before = process.memoryUsage()
    const sockets: Socket[] = []
    while (sockets.length < 2000) {
      sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => rawSocket(port)))))
    }
    await eventually(() => door.connectionCount === 2000)
    for (const socket of sockets) socket.write(message(1, ping).subarray(0, 7))
    const wire = await client(port)
    for (let i = 0; i < 100; i++) await wire.command(ping)
    const after = process.memoryUsage()
    // Both ends live in this process.
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2000 * 1024)
    expect((after.heapUsed - before.heapUsed) / 2000).toBeLessThan(30_000)
    const rest = sockets[1234]!
    rest.write(message(1, ping).subarray(7))
    const [reply] = (await once(rest, 'data')) as [Buffer]
    expect(readInt32(reply, 8)).toBe(1)
  })

  it('are refused beyond the limit, and let in again when one has left', async () => {
    const { port, door } = await open(undefined, 2)
    const first = await client(port)
    await first.command(ping)
    await (await client(port)).command(ping)
    await untilClosed(await rawSocket(port))
    first.close()
    await eventually(() => door.connectionCount === 1)
    await (await client(port)).command(ping)
  })
})

describe('a client that does not read its replies', () => {
  it('is not read from either, until it does', async () => {
    const reply = buildDocument({ ok: 1, text: 'r'.repeat(100_000) })
    const { port, seen } = await open(() => reply)
    const socket = await rawSocket(port)
    socket.pause()
    const request = message(1, buildDocument({ find: 'f'.repeat(10_000), $db: 'd' }))
    const requests = 2000
    for (let i = 0; i < requests; i++) socket.write(request)
    await eventually(() => seen.length > 0)
    let stalledAt = -1
    while (stalledAt !== seen.length) {
      stalledAt = seen.length
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(stalledAt).toBeLessThan(requests / 2)
    expect(socket.writableLength).toBeGreaterThan(1_000_000)
    let received = 0
    const all = requests * (headerLength + 5 + reply.length)
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        received += chunk.length
        if (received === all) resolve()
      })
      socket.resume()
    })
    expect(seen.length).toBe(requests)
  })
})

describe('stopping', () => {
  it('lets what runs be answered, closes what idles, and accepts nobody', async () => {
    let release: (reply: Uint8Array) => void = () => undefined
    const { port, door, seen } = await open(() => new Promise((resolve) => (release = resolve)))
    const idle = await rawSocket(port)
    const busy = (await client(port)).command(ping)
    await eventually(() => seen.length === 1 && door.connectionCount === 2)
    const stopped = door.stop(60_000)
    await untilClosed(idle)
    await expect(WireClient.connect({ host: '127.0.0.1', port })).rejects.toThrow(/ECONNREFUSED/)
    release(buildDocument({ ok: 1, late: 1 }))
    expect(numberIn(await busy, 'late')).toBe(1)
    await stopped
  })

  it('cuts off what takes too long', async () => {
    const { port, door, seen } = await open(() => new Promise(() => undefined))
    const busy = (await client(port)).command(ping)
    busy.catch(() => undefined)
    await eventually(() => seen.length === 1)
    await door.stop(10)
    await expect(busy).rejects.toThrow()
  })
})

describe('a defect', () => {
  it.each([
    [
      'thrown',
      () => {
        throw new TypeError('oops')
      },
    ],
    ['as a rejection', () => Promise.reject(new TypeError('oops'))],
  ])('in a command, %s, is reported', async (_how, dispatch) => {
    const { port, failures } = await open(dispatch)
    await expect((await client(port)).command(ping)).rejects.toThrow()
    expect(failures).toEqual([new TypeError('oops')])
  })
})
