import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { hostWorld } from '../io/host/world.ts'
import { smallEngine } from '../sim/engine-workload.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import type { Collection } from './collection.ts'
import { Engine } from './engine.ts'
import type { EngineOptions } from './options.ts'
import { shownIn } from './testdata/shown.ts'
import type { Transaction } from './transaction.ts'
import type { Workspace } from './workspace.ts'

const count = 60

async function open(world: SimulatedWorld, options: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await Engine.open(world, 'data', { ...smallEngine, commitSliceOperations: 1, ...options })
  if (engine.collection('db', 'c') !== undefined) return engine
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', buildDocument({}))
    unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n' }))
    for (let id = 0; id < count; id++) unit.insert(collection, buildDocument({ _id: id, n: id }))
  })
  return engine
}

function recordOf(collection: Collection, id: number) {
  return collection.findById(16, buildDocument({ _id: id }).subarray(9), 0, timestampMax)
}

/** Replaces a third of the documents, removes a third, inserts as many, and makes a collection `d` of them. */
function changeMuch(transaction: Transaction): void {
  transaction.write((unit) => {
    const collection = transaction.collection('db', 'c')!
    const made = unit.createCollection('db', 'd', buildDocument({}))
    for (let id = 0; id < count; id += 3) {
      unit.update(collection, recordOf(collection, id)!, buildDocument({ _id: id, n: 1000 + id }))
      unit.remove(collection, recordOf(collection, id + 1)!)
      unit.insert(collection, buildDocument({ _id: 500 + id, n: 500 + id }))
      unit.insert(made, buildDocument({ _id: id }))
    }
  })
}

/** Everything a reader of what is newest may find in the collections, by `_id` too. */
function shown(space: Pick<Workspace, 'collection'>): unknown {
  return ['c', 'd'].map((name) => {
    const collection = space.collection('db', name)
    if (collection === undefined) return undefined
    const ids = Array.from({ length: 600 }, (_, id) => id).filter((id) => recordOf(collection, id) !== undefined)
    return { ...shownIn(collection), ids }
  })
}

async function untilApplying(world: SimulatedWorld, engine: Engine): Promise<void> {
  while (engine.writable === undefined) await world.clock.yield()
}

test.each([0, 2 ** 20])('nothing of it is seen until all of it is (memory %i)', async (transactionMemoryBytes) => {
  const world = simulatedWorld(1)
  const engine = await open(world, { transactionMemoryBytes })
  const before = shown(engine)
  const { lastTimestamp } = engine
  const transaction = engine.begin()
  changeMuch(transaction)
  const early = engine.begin({ isolation: 'serializable' })
  const committed = transaction.commitLater()
  await untilApplying(world, engine)
  let turns = 0
  for (; engine.writable !== undefined; turns++) {
    expect(shown(engine)).toEqual(before)
    const late = engine.begin()
    expect(shown(late)).toEqual(before)
    late.abort()
    expect(engine.lastTimestamp).toBe(lastTimestamp)
    expect(engine.collections('db').map(({ name }) => name)).toEqual(['c'])
    await world.clock.yield()
  }
  expect(turns).toBeGreaterThan(count)
  await engine.durable(await committed)
  const after = shown(engine)
  expect(after).not.toEqual(before)
  expect(engine.collection('db', 'd')!.documentCount).toBe(count / 3)
  expect(engine.collection('db', 'c')!.documentCount).toBe(count)
  expect(shown(early)).toEqual(before)
  early.abort()
  expect((await engine.check()).problems).toEqual([])
  await engine.vacuum()
  expect(engine.statistics().supersededEntryCount).toBe(0)
  const again = await open(world.crash({ sectors: 'none', names: 0 }))
  expect(shown(again)).toEqual(after)
  expect((await again.check()).problems).toEqual([])
  await again.close()
})

test('others write before it begins and after it is over, and no checkpoint or index build comes in between', async () => {
  const world = simulatedWorld(2)
  const engine = await open(world)
  const collection = engine.collection('db', 'c')!
  const build = engine.beginIndexBuild(collection, buildDocument({ v: 2, key: { n: -1 }, name: 'down' }))
  const transaction = engine.begin()
  changeMuch(transaction)
  const small = engine.begin()
  small.write((unit) => unit.insert(small.collection('db', 'c')!, buildDocument({ _id: 900, n: 0 })))
  const committed = transaction.commitLater()
  expect(small.commitsAtOnce).toBe(true)
  await untilApplying(world, engine)
  expect(small.commitsAtOnce).toBe(false)
  const later = small.commitLater()
  const conflict: unknown = expect.objectContaining({ codeName: 'WriteConflict' })
  expect(() => engine.write((unit) => unit.createCollection('db', 'e', buildDocument({})))).toThrow(conflict as Error)
  expect(() => engine.beginIndexBuild(collection, buildDocument({ v: 2, key: { x: 1 }, name: 'x' }))).toThrow(
    conflict as Error,
  )
  await world.clock.yield()
  expect(() => engine.keepChangeHistory()).toThrow(conflict as Error)
  expect(() => engine.snapshotAt(engine.clusterTime)).toThrow(conflict as Error)
  expect(engine.listLocks()).toContainEqual({
    resource: 'commit',
    granted: [{ mode: 'write', transaction: transaction.id }],
    pending: [expect.objectContaining({ transaction: small.id })],
  })
  expect(build.slice()).toBe(false)
  expect(build.done).toBe(0)
  const index = engine.lastIndex
  const checkpoint = engine.checkpoint()
  await world.clock.yield()
  expect(engine.isCheckpointing).toBe(false)
  expect(engine.lastIndex).toBe(index)
  expect(await committed).toBe(index + 1)
  expect(await later).toBe(index + 2)
  await checkpoint
  expect(engine.statistics().checkpointIndex).toBeGreaterThan(index)
  while (!build.slice());
  engine.write((unit) => unit.finishIndexBuilds([build]))
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('what reads serializably from its middle on does not commit what it writes', async () => {
  const world = simulatedWorld(3)
  const engine = await open(world)
  const writes = (transaction: Transaction) =>
    transaction.write((unit) => unit.insert(transaction.collection('db', 'c')!, buildDocument({ _id: 901, n: 0 })))
  const transaction = engine.begin()
  changeMuch(transaction)
  const committed = transaction.commitLater()
  await untilApplying(world, engine)
  for (let n = 0; n < 30; n++) await world.clock.yield()
  const reader = engine.begin({ isolation: 'serializable' })
  const writer = engine.begin({ isolation: 'serializable' })
  const snapshot = engine.begin()
  for (const { collection } of [reader, writer].map((each) => ({ collection: each.collection('db', 'c')! })))
    expect(recordOf(collection, 500)).toBeUndefined()
  writes(writer)
  reader.commit()
  const refused = expect(writer.commitLater()).rejects.toThrow(
    expect.objectContaining({ codeName: 'WriteConflict' }) as DatabaseError,
  )
  await committed
  await refused
  writes(snapshot)
  expect(snapshot.commitsAtOnce).toBe(true)
  snapshot.commit()
  await engine.close()
})

test('a serializable one is held against what was written before its turn', async () => {
  const world = simulatedWorld(4)
  const engine = await open(world)
  const transaction = engine.begin({ isolation: 'serializable' })
  expect(recordOf(transaction.collection('db', 'c')!, 700)).toBeUndefined()
  changeMuch(transaction)
  const committed = transaction.commitLater()
  engine.write((unit) => unit.insert(engine.collection('db', 'c')!, buildDocument({ _id: 700, n: 0 })))
  await expect(committed).rejects.toThrow(expect.objectContaining({ codeName: 'WriteConflict' }) as DatabaseError)
  expect(engine.collection('db', 'c')!.documentCount).toBe(count + 1)
  expect(engine.locks.isEmpty).toBe(true)
  await engine.close()
})

test('an abort, or the end of the process, comes too late for one that is being applied', async () => {
  const world = simulatedWorld(5)
  const engine = await open(world)
  const transaction = engine.begin()
  changeMuch(transaction)
  const waiting = engine.begin()
  waiting.write((unit) => unit.insert(waiting.collection('db', 'c')!, buildDocument({ _id: 902, n: 0 })))
  const committed = transaction.commitLater()
  await untilApplying(world, engine)
  transaction.abort()
  expect(transaction.state).toBe('open')
  const refused = expect(waiting.commitLater()).rejects.toThrow(DatabaseError)
  const closed = engine.close()
  await refused
  await committed
  expect(transaction.state).toBe('committed')
  await closed
  const again = await open(world.restart())
  expect(again.collection('db', 'd')!.documentCount).toBe(count / 3)
  expect((await again.check()).problems).toEqual([])
  await again.close()
})

test('a damaged page or a failed disk in its middle ends the engine, and the next start has all or nothing', async () => {
  const world = simulatedWorld(6)
  const engine = await open(world)
  const before = shown(engine)
  const transaction = engine.begin()
  changeMuch(transaction)
  const committed = transaction.commitLater()
  await untilApplying(world, engine)
  engine.fail(new Error('the disk is gone'))
  await expect(committed).rejects.toThrow(DatabaseError)
  expect(engine.writable).toBe(undefined)
  await engine.close().catch(() => undefined)
  const again = await open(world.restart())
  expect(shown(again)).toEqual(before)
  expect((await again.check()).problems).toEqual([])
  await again.close()
})

test('the loop is held for a small part of what the whole takes', { timeout: 120_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'laura-slices-'))
  const world = hostWorld(directory)
  const engine = await Engine.open(world, 'data', { transactionMemoryBytes: 8 * 2 ** 20 })
  try {
    engine.write((unit) => {
      const collection = unit.createCollection('db', 'c', buildDocument({}))
      unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n' }))
    })
    const transaction = engine.begin()
    const documents = 40_000
    for (let id = 0; id < documents; ) {
      transaction.write((unit) => {
        const collection = transaction.collection('db', 'c')!
        for (const end = id + 500; id < end; id++)
          unit.insert(collection, buildDocument({ _id: id, n: (id * 7919) % documents, text: 'x'.repeat(500) }))
      })
      await world.clock.yield()
    }
    let longestMs = 0
    let allMs = 0
    let over = false
    const watch = (before: NodeJS.CpuUsage): void => {
      const { user, system } = process.threadCpuUsage(before)
      const ms = (user + system) / 1000
      allMs += ms
      if (ms > longestMs) longestMs = ms
      if (!over) setImmediate(watch, process.threadCpuUsage())
    }
    setImmediate(watch, process.threadCpuUsage())
    await engine.durable(await transaction.commitLater())
    over = true
    expect(engine.collection('db', 'c')!.documentCount).toBe(documents)
    // Some 300 ms in all and 10 in a turn; compilers and collectors of garbage take theirs in any turn.
    expect(longestMs).toBeLessThan(Math.max(60, allMs / 4))
  } finally {
    await engine.close()
    rmSync(directory, { recursive: true, force: true })
  }
})
