import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientDuplexStream } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import type { Document } from 'bson'
import { afterEach, describe, expect, it } from 'vitest'
import { deserialize, serialize, testDoor } from './testdata/door-clients.ts'

const server = testDoor()
const opened: Session[] = []

interface Answer {
  readonly id: number
  readonly more: boolean
  readonly body: Document
}

/** A session stream and what came back on it. */
class Session {
  readonly stream: ClientDuplexStream<unknown, { replies: { id: number; more?: boolean; body: Buffer }[] }>
  readonly answers: Answer[] = []
  readonly ended: Promise<{ code: number; details: string }>
  messages = 0
  #waiting: (() => void) | undefined

  constructor() {
    this.stream = server.clients().session()
    opened.push(this)
    this.stream.on('data', ({ replies }) => {
      this.messages++
      for (const { id, more, body } of replies) this.answers.push({ id, more: more === true, body: deserialize(body) })
      this.#waiting?.()
    })
    this.stream.on('error', () => undefined)
    this.ended = new Promise((resolve) => this.stream.on('status', resolve))
  }

  send(message: object): void {
    this.stream.write(message)
  }

  command(id: number, body: Document, more: object = {}): object {
    return { id, body: serialize({ ...body, $db: 's' }), ...more }
  }

  /** Resolves with the answers when there are `count`. */
  async until(count: number): Promise<Answer[]> {
    while (this.answers.length < count)
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    return this.answers
  }
}

afterEach(() => {
  for (const session of opened.splice(0)) session.stream.cancel()
})

/** A command that takes seconds. */
const slow = {
  count: 'slow',
  query: {
    $expr: {
      $eq: [{ $reduce: { input: { $range: [0, 300] }, initialValue: '$_id', in: { $add: ['$$value', 1] } } }, -1],
    },
  },
}

async function fill(collection: string, count: number, pad = ''): Promise<void> {
  const documents = Array.from({ length: count }, (_, _id) => ({ _id, pad }))
  await server.clients().call('Insert', { database: 's', collection, documents })
}

describe('a session stream', () => {
  it('answers every command under its id, those of one turn in few messages', async () => {
    await fill('many', 10)
    const session = new Session()
    const ids = Array.from({ length: 1000 }, (_, n) => n + 1)
    session.send({ commands: ids.map((id) => session.command(id, { find: 'many', filter: { _id: id % 10 } })) })
    const answers = await session.until(1000)
    expect(answers.map(({ id }) => id).sort((a, b) => a - b)).toEqual(ids)
    for (const { id, more, body } of answers) {
      expect(more).toBe(false)
      expect(body['cursor'].firstBatch).toEqual([{ _id: id % 10, pad: '' }])
    }
    expect(session.messages).toBeLessThan(100)
    session.stream.end()
    expect(await session.ended).toMatchObject({ code: status.OK })
  })

  it('answers what is wrong with a command and goes on', async () => {
    const session = new Session()
    session.send({
      commands: [
        session.command(1, { nothing: 1 }),
        { id: 2, body: Buffer.from([1, 2, 3]) },
        { id: 3, body: serialize({ ping: 1 }) },
        session.command(4, { insert: 'c' }, { sequences: [{ name: 'documents', documents: [Buffer.from([9])] }] }),
        session.command(5, { ping: 1 }),
      ],
    })
    const answers = await session.until(5)
    expect(answers.map(({ body }) => body['ok'])).toEqual([0, 0, 0, 0, 1])
    expect(answers.map(({ body }) => body['codeName'])).toEqual([
      'CommandNotFound',
      'InvalidBSON',
      'Location40571',
      'InvalidBSON',
      undefined,
    ])
  })

  it.each(['', 'a\0b', 'documents\0'])('refuses documents beside a body under the name %j', async (name) => {
    const session = new Session()
    session.send({ commands: [session.command(1, { insert: 'named' }, { sequences: [{ name, documents: [] }] })] })
    expect((await session.until(1))[0]!.body).toMatchObject({ ok: 0, codeName: 'InvalidBSON' })
  })

  it('takes documents beside a body', async () => {
    const session = new Session()
    const documents = [serialize({ _id: 1 }), serialize({ _id: 2 })]
    session.send({
      commands: [session.command(1, { insert: 'beside' }, { sequences: [{ name: 'documents', documents }] })],
    })
    expect((await session.until(1))[0]!.body).toMatchObject({ ok: 1, n: 2 })
  })

  it('a short command is not held up by a long one; a lane keeps its order', async () => {
    await fill('short', 1000)
    const session = new Session()
    session.send({
      commands: [
        session.command(1, { ...slow, count: 'short' }, { lane: 7 }),
        session.command(2, { ping: 1 }, { lane: 7 }),
        session.command(3, { ping: 1 }, { lane: 7 }),
        session.command(4, { ping: 1 }),
      ],
    })
    expect((await session.until(4)).map(({ id }) => id)).toEqual([4, 1, 2, 3])
  })

  it('a cancelled command is answered with Interrupted, one that waits in its lane, too', async () => {
    await fill('slow', 20_000).catch(() => undefined)
    const session = new Session()
    session.send({
      commands: [
        session.command(1, slow, { lane: 1 }),
        session.command(2, slow, { lane: 1 }),
        session.command(3, slow),
      ],
    })
    while (server.node.database.operations.size < 2) await sleep(2)
    session.send({ cancellations: [1, 2, 3, 99] })
    const answers = await session.until(3)
    expect(answers.map(({ id }) => id).sort()).toEqual([1, 2, 3])
    for (const { body } of answers) expect(body).toMatchObject({ ok: 0, codeName: 'Interrupted' })
  })

  it('sends a cursor’s batches by itself, as many as there is credit for', async () => {
    await fill('long', 50)
    const session = new Session()
    session.send({ commands: [session.command(1, { find: 'long', batchSize: 5 }, { batches: 2 })] })
    await session.until(2)
    await sleep(50)
    expect(session.answers).toHaveLength(2)
    session.send({ credits: [{ id: 1, batches: 100 }] })
    while (session.answers.at(-1)!.more) await session.until(session.answers.length + 1)
    const found = session.answers.flatMap(
      ({ body }) => (body['cursor'].firstBatch ?? body['cursor'].nextBatch) as Document[],
    )
    expect(found.map(({ _id }) => _id)).toEqual(Array.from({ length: 50 }, (_, n) => n))
    expect(server.node.database.cursors.counts().open).toBe(0)
  })

  it('a cancelled cursor is closed, and so are all when the stream ends', async () => {
    await fill('open', 50)
    const session = new Session()
    const cursors = () => server.node.database.cursors.counts().open
    session.send({
      commands: [
        session.command(1, { find: 'open', batchSize: 5 }, { batches: 1 }),
        session.command(2, { find: 'open', batchSize: 5 }, { batches: 1 }),
        session.command(3, { find: 'open', batchSize: 5 }),
      ],
    })
    await session.until(3)
    expect(cursors()).toBe(3)
    session.send({ cancellations: [1] })
    expect((await session.until(4))[3]).toMatchObject({ id: 1, more: false, body: { codeName: 'Interrupted' } })
    expect(cursors()).toBe(2)
    session.stream.cancel()
    while (cursors() > 0) await sleep(2)
  })

  it('a cursor that rests for want of credit does not keep a stream open whose client has said all', async () => {
    await fill('rest', 50)
    const session = new Session()
    session.send({ commands: [session.command(1, { find: 'rest', batchSize: 5 }, { batches: 1 })] })
    session.stream.end()
    expect(await session.ended).toMatchObject({ code: status.OK })
    expect(session.answers.at(-1)).toMatchObject({ more: false, body: { codeName: 'Interrupted' } })
  })

  it('reads no further while a client leaves its replies', async () => {
    await fill('wide', 100, 'x'.repeat(2000))
    const session = new Session()
    session.stream.pause()
    for (let id = 1; id <= 200; id++)
      session.send({ commands: [session.command(id, { find: 'wide', batchSize: 100, singleBatch: true })] })
    await sleep(300)
    const heldBefore = process.memoryUsage().rss
    await sleep(200)
    expect(process.memoryUsage().rss - heldBefore).toBeLessThan(20 * 2 ** 20)
    session.stream.resume()
    expect(await session.until(200)).toHaveLength(200)
  })

  it.each([
    ['an id of 0', { commands: [{ id: 0, body: serialize({ ping: 1, $db: 'admin' }) }] }],
    [
      'an id that is in use',
      { commands: [1, 1].map((id) => ({ id, lane: 1, body: serialize({ ...slow, $db: 's' }) })) },
    ],
  ])('ends with INVALID_ARGUMENT at %s', async (_, message) => {
    await fill('slow', 20_000).catch(() => undefined)
    const session = new Session()
    session.send(message)
    expect(await session.ended).toMatchObject({ code: status.INVALID_ARGUMENT })
  })
})
