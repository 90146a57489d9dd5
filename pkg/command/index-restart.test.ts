/** Index builds that the end of a process cut off are done by the next. */
import { expect, test } from 'vitest'
import { decodeDocument, encodeDocument } from '../bson/convert.ts'
import { Engine } from '../engine/engine.ts'
import { compileIndexFilter } from '../query/index-filter.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import { ConnectionContext } from './context.ts'
import { Database } from './dispatch.ts'
import { tickingClock } from './testdata/server.ts'

type Document = Record<string, unknown>

async function open(
  world: SimulatedWorld,
): Promise<{ engine: Engine; database: Database; run: (command: Document) => Promise<Document> }> {
  const engine = await Engine.open(world, 'data', { compileFilter: compileIndexFilter })
  // Each look at the clock takes so long that builds pause all the time.
  const database = new Database(engine, { ...world, clock: tickingClock(world, 1) }, { version: 'test' })
  const context = new ConnectionContext({ connectionId: 1, remoteAddress: '127.0.0.1:1' })
  database.connect(context)
  const run = async (command: Document): Promise<Document> => {
    const body = encodeDocument({ ...command, $db: 'test' })
    return decodeDocument(await database.dispatch(context, { body, sequences: new Map(), replyExpected: true }))
  }
  return { engine, database, run }
}

const documents = Array.from({ length: 3000 }, (_, _id) => ({ _id, x: _id % 50, y: _id % 1500 }))
const indexes = [
  { key: { x: 1 }, name: 'x_1' },
  { key: { y: 1 }, name: 'y_1' },
]

/** Begins to build indexes, and lets the build come so far that the log has its beginning. */
async function begin(world: SimulatedWorld, specs: readonly Document[]): Promise<Awaited<ReturnType<typeof open>>> {
  const first = await open(world)
  await first.run({ insert: 'c', documents })
  // Nobody waits for the reply: the process ends before.
  first.run({ createIndexes: 'c', indexes: specs }).catch(() => undefined)
  expect(first.engine.collection('test', 'c')!.unfinished).toHaveLength(specs.length)
  await first.engine.durable(first.engine.lastIndex)
  return first
}

async function indexNames(server: { run: (command: Document) => Promise<Document> }): Promise<string[]> {
  const { cursor } = (await server.run({ listIndexes: 'c' })) as { cursor: { firstBatch: { name: string }[] } }
  return cursor.firstBatch.map(({ name }) => name)
}

test.each(['before', 'after'])('after a crash, %s a checkpoint', async (when) => {
  const world = simulatedWorld(5)
  const first = await begin(world, indexes)
  if (when === 'after') await first.engine.checkpoint()
  const again = await open(world.restart())
  await again.database.indexBuilds
  expect(await indexNames(again)).toEqual(['_id_', 'x_1', 'y_1'])
  expect(await again.run({ count: 'c', query: { x: 7 }, hint: 'x_1' })).toMatchObject({ n: 60 })
  expect(again.engine.collection('test', 'c')!.unfinished).toEqual([])
  expect((await again.engine.check()).problems).toEqual([])
  await again.engine.close()
})

test('one that cannot be finished is given up', async () => {
  const world = simulatedWorld(6)
  await begin(world, [{ key: { x: 1 }, name: 'x_1', unique: true }])
  const again = await open(world.restart())
  await again.database.indexBuilds
  expect(await indexNames(again)).toEqual(['_id_'])
  await again.engine.durable(again.engine.lastIndex)
  const third = await open(world.restart())
  expect(third.engine.collection('test', 'c')!.unfinished).toEqual([])
  await third.engine.close()
})

test('a build that fails, or is stopped, is not done again', async () => {
  const world = simulatedWorld(7)
  const first = await open(world)
  await first.run({ insert: 'c', documents })
  expect(
    await first.run({ createIndexes: 'c', indexes: [{ key: { x: 1 }, name: 'x_1', unique: true }] }),
  ).toMatchObject({
    code: 11000,
  })
  const collection = first.engine.collection('test', 'c')!
  expect(collection.unfinished).toEqual([])
  const stopped = first.run({ createIndexes: 'c', indexes: [indexes[0]] })
  expect(collection.unfinished).toHaveLength(1)
  expect(await first.run({ dropIndexes: 'c', index: 'x_1' })).toMatchObject({ ok: 1 })
  expect(await stopped).toMatchObject({ ok: 0 })
  expect(collection.unfinished).toEqual([])
  await first.engine.close()
})

test('a server that is shut down in the middle goes on at its next start', async () => {
  const world = simulatedWorld(8)
  const first = await open(world)
  await first.run({ insert: 'c', documents })
  const cut = first.run({ createIndexes: 'c', indexes })
  first.database.close()
  const reply = await cut
  await first.engine.close()
  const again = await open(world)
  await again.database.indexBuilds
  expect([reply['code'], await indexNames(again)]).toEqual([11600, ['_id_', 'x_1', 'y_1']])
  await again.engine.close()
})

test('an index that is built waits for the transactions that use its collection', async () => {
  const world = simulatedWorld(5)
  const first = await begin(world, indexes)
  const again = await open(world.restart())
  const transaction = again.engine.begin()
  transaction.collection('test', 'c')
  const before = again.engine.collection('test', 'c')!.builds
  expect(before).toHaveLength(1)
  const waiting = again.engine.locks
  for (let turns = 0; waiting.waitCount === 0 && turns < 100_000; turns++) await again.database.world.clock.yield()
  expect(waiting.waitCount).toBe(1)
  expect(again.engine.collection('test', 'c')!.builds).toEqual(before)
  transaction.abort()
  await again.database.indexBuilds
  expect(await indexNames(again)).toEqual(['_id_', 'x_1', 'y_1'])
  expect((await again.engine.check()).problems).toEqual([])
  await again.engine.close()
  expect(first.engine.isFailed).toBe(false)
})
