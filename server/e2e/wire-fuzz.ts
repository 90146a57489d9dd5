/**
 * Hostile clients of the wire door: damaged messages, wrong lengths, flags and opcodes, documents that are none, commands with senseless fields. Whatever
 * is sent must be answered or its connection be closed.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { BSON, type Document } from 'mongodb'
import { type Choices, Fuzz } from './fuzz.ts'

const answerPatienceMs = 20_000
/** A message that is not whole, or wants no answer, gets none. */
const silenceMs = 30
const kept = { _id: 'k', n: 1 }

export class WireFuzz extends Fuzz {
  readonly #port: number
  #pinger: Promise<Socket> | undefined
  readonly #idle: Socket[] = []

  constructor(port: number, random: Choices) {
    super(random)
    this.#port = port
  }

  close(): void {
    for (const socket of this.#idle) socket.destroy()
    void this.#pinger?.then((socket) => socket.destroy())
  }

  /** Reads a document that was written before: it must stay what it was. */
  protected async ping(): Promise<void> {
    this.#pinger ??= this.#connected().then(async (socket) => {
      await this.#roundTrip(socket, opMessage({ insert: 'c', documents: [kept], $db: 'kept' }))
      return socket
    })
    const reply = await this.#roundTrip(await this.#pinger, opMessage({ find: 'c', $db: 'kept' }))
    const found: unknown = typeof reply === 'string' ? reply : (reply['cursor'] as Document | undefined)?.['firstBatch']
    if (JSON.stringify(found) !== JSON.stringify([kept])) throw new Error(`what was kept is ${JSON.stringify(reply)}`)
  }

  protected async one(): Promise<string> {
    const socket = this.#idle.pop() ?? (await this.#connected())
    const message = this.#message()
    const reply = await this.#roundTrip(socket, message.bytes, message.isWhole ? answerPatienceMs : silenceMs)
    if (typeof reply === 'string') {
      socket.destroy()
      if (reply === 'silent' && message.isWhole) throw new Error(`no answer to ${message.bytes.toString('hex')}`)
      return reply
    }
    // What a shortened message left behind would be the head of the next one.
    if (message.isWhole) this.#idle.push(socket)
    else socket.destroy()
    if (reply['code'] === 1 || reply['code'] === 8)
      throw new Error(`${JSON.stringify(reply)} to ${message.bytes.toString('hex')}`)
    return reply['ok'] === 1 ? 'ok' : 'refused'
  }

  async #connected(): Promise<Socket> {
    const socket = connect(this.#port, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    return socket
  }

  /** The reply; `closed` or `silent` without one. */
  #roundTrip(socket: Socket, bytes: Buffer, patienceMs = answerPatienceMs): Promise<Document | string> {
    return new Promise((resolve) => {
      let received = Buffer.alloc(0)
      const done = (answer: Document | string): void => {
        clearTimeout(patience)
        socket.off('data', take)
        socket.off('close', closed)
        resolve(answer)
      }
      const closed = (): void => done('closed')
      const take = (chunk: Buffer): void => {
        received = Buffer.concat([received, chunk])
        if (received.length < 4 || received.length < received.readInt32LE(0)) return
        const isMessage = received.readInt32LE(12) === 2013
        done(BSON.deserialize(received.subarray(isMessage ? 21 : 36), { allowObjectSmallerThanBufferSize: true }))
      }
      const patience = setTimeout(() => done('silent'), patienceMs)
      socket.on('data', take)
      socket.on('close', closed)
      if (socket.destroyed) done('closed')
      else socket.write(bytes)
    })
  }

  /** `isWhole`: its length and its flags are right, so that it must be answered. */
  #message(): { readonly bytes: Buffer; readonly isWhole: boolean } {
    const random = this.random
    const kind = random.integer(100)
    if (kind < 5) return { bytes: this.bytes(200), isWhole: false }
    const whole = opMessage(this.#command())
    if (kind < 55) return { bytes: whole, isWhole: true }
    if (kind < 75) {
      // Damage in the document only: it is read to its end, and then refused or carried out.
      for (let n = 1 + random.integer(4); n > 0; n--)
        whole[25 + random.integer(whole.length - 25)] = random.integer(256)
      return { bytes: whole, isWhole: true }
    }
    if (kind < 80) {
      whole.writeInt32LE(this.pick([0, 1, 2004, 2010, 2012, 2012, 4711, -1]), 12)
      return { bytes: whole, isWhole: false }
    }
    if (kind < 85) {
      whole.writeInt32LE(this.pick([0, 3, -5, 48_000_001, 0x7fffffff, whole.length + 9]), 0)
      return { bytes: whole, isWhole: false }
    }
    if (kind < 90) {
      whole.writeInt32LE(this.pick([1, 2, 3, 4, 0x10000, 0x8000, -1]), 16)
      return { bytes: whole, isWhole: false }
    }
    return { bytes: this.damaged(whole), isWhole: false }
  }

  #command(): Document {
    const names = [
      ...[
        'find',
        'insert',
        'update',
        'delete',
        'aggregate',
        'count',
        'distinct',
        'getMore',
        'killCursors',
        'findAndModify',
      ],
      ...[
        'create',
        'createIndexes',
        'listIndexes',
        'listCollections',
        'collMod',
        'drop',
        'explain',
        'bulkWrite',
        'hello',
      ],
      ...['commitTransaction', 'abortTransaction', 'endSessions', 'refreshSessions', 'killOp', 'validate', 'collStats'],
    ]
    const fields = [
      ...[
        'filter',
        'documents',
        'updates',
        'deletes',
        'pipeline',
        'cursor',
        'query',
        'key',
        'sort',
        'projection',
        'limit',
      ],
      ...[
        'batchSize',
        'collation',
        'let',
        'hint',
        'indexes',
        'lsid',
        'txnNumber',
        'autocommit',
        'readConcern',
        'cursors',
      ],
      ...[
        'startTransaction',
        'writeConcern',
        'maxTimeMS',
        'comment',
        'collection',
        'ops',
        'nsInfo',
        'viewOn',
        'capped',
      ],
    ]
    const command: Document = { [this.pick(names)]: this.pick<unknown>(['c', 'c', 'c', 1, this.#value(0)]) }
    for (let n = this.random.integer(5); n > 0; n--) command[this.pick(fields)] = this.#value(0)
    command['$db'] = this.pick<unknown>(['fuzz', 'fuzz', 'fuzz', 'admin', '', 'a b', 7])
    return command
  }

  #value(depth: number): unknown {
    const plain: unknown[] = [
      ...[0, 1, -1, 1.5, 2 ** 40, Number.NaN, '', 'a', '$a', 'a.b', 'x'.repeat(200), true, null, new Date(0), /a(b)/],
      ...[
        new BSON.Long(-1, -1),
        new BSON.MinKey(),
        new BSON.Timestamp({ t: 1, i: 1 }),
        new BSON.Binary(this.bytes(20), 4),
      ],
      ...[BSON.Decimal128.fromString('1E+6000'), new BSON.Code('x'), new BSON.ObjectId(), {}, []],
    ]
    const kind = this.random.integer(10)
    if (depth > 2 || kind < 5) return this.pick(plain)
    const count = this.random.integer(4)
    if (kind < 7) return Array.from({ length: count }, () => this.#value(depth + 1))
    const names = [
      'a',
      '_id',
      'q',
      'u',
      'limit',
      'multi',
      '$set',
      '$match',
      '$or',
      'id',
      'key',
      'name',
      '$gt',
      'level',
      'locale',
    ]
    return Object.fromEntries(Array.from({ length: count }, () => [this.pick(names), this.#value(depth + 1)]))
  }
}

function opMessage(command: Document): Buffer {
  const body = BSON.serialize(command, { ignoreUndefined: true })
  const whole = Buffer.alloc(21 + body.length)
  whole.writeInt32LE(whole.length, 0)
  whole.writeInt32LE(7, 4)
  whole.writeInt32LE(2013, 12)
  whole.set(body, 21)
  return whole
}
