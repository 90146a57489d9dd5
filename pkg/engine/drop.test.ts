import { expect, test } from 'vitest'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { contentsOf, openEngine, smallEngine } from '../sim/engine-workload.ts'
import { simulatedWorld } from '../sim/world.ts'
import type { StoredCollection } from './collection.ts'
import type { Engine } from './engine.ts'
import type { WriteUnit } from './write-unit.ts'

const none = buildDocument({})

function create(engine: Engine, name: string, count: number, textLength = 40): StoredCollection {
  engine.write((unit) => {
    const collection = unit.createCollection('db', name, none)
    unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n_1' }))
    for (let n = 0; n < count; n++) unit.insert(collection, buildDocument({ _id: n, n, text: 'x'.repeat(textLength) }))
  })
  return engine.collection('db', name)!
}

function updateAll(engine: Engine, collection: StoredCollection, n: (before: number) => number): void {
  engine.write((unit) => {
    for (let id = 0; id < collection.documentCount; id++) {
      const value = buildDocument({ _id: id })
      const recordId = collection.findById(16, value, value.length - 5, timestampMax)!
      unit.update(collection, recordId, buildDocument({ _id: id, n: n(id), text: 'x'.repeat(40) }))
    }
  })
}

test('an index that is dropped while vacuum is under way takes nothing of what comes in its place with it', async () => {
  const world = simulatedWorld(31)
  const engine = await openEngine(world)
  const collection = create(engine, 'a', 3000)
  const snapshot = engine.snapshot()
  updateAll(engine, collection, (n) => n + 10_000)
  snapshot.release()
  const vacuum = engine.vacuum()
  // Vacuum has begun with the records; the index comes later.
  await world.clock.yield()
  engine.write((unit) => unit.dropIndex(collection, 'n_1'))
  await world.clock.yield()
  const later = create(engine, 'b', 3000)
  const second = engine.snapshot()
  updateAll(engine, later, (n) => n + 20_000)
  const before = contentsOf(engine)
  await vacuum
  expect(contentsOf(engine)).toEqual(before)
  expect(later.records.supersededCount).toBeGreaterThan(0)
  expect((await engine.check()).problems).toEqual([])
  second.release()
  await engine.close()
})

test('a collection that was dropped can neither be read nor changed, whoever still holds it', async () => {
  const engine = await openEngine(simulatedWorld(32))
  const collection = create(engine, 'a', 50)
  const { logIndex } = engine.write((unit) => unit.dropCollection(collection))
  create(engine, 'b', 50)
  const value = buildDocument({ _id: 1 })
  const gone = expect.objectContaining({ codeName: 'QueryPlanKilled' })
  expect(() => collection.findById(16, value, value.length - 5, timestampMax)).toThrow(gone)
  expect(() => collection.read(1 as never, timestampMax, { bytes: value, start: 0, end: 0 })).toThrow(gone)
  expect(() => collection.scan(timestampMax).next()).toThrow(gone)
  for (const change of [
    (unit) => unit.insert(collection, value),
    (unit) => unit.update(collection, 1 as never, value),
    (unit) => unit.remove(collection, 1 as never),
    (unit) => unit.dropIndex(collection, 'n_1'),
    (unit) => unit.createIndex(collection, buildDocument({ v: 2, key: { m: 1 }, name: 'm_1' })),
    (unit) => unit.modifyCollection(collection, none),
    (unit) => unit.renameCollection(collection, 'db', 'c'),
    (unit) => unit.dropCollection(collection),
  ] as ((unit: WriteUnit) => unknown)[]) {
    expect(() => engine.write(change)).toThrow(gone)
  }
  expect(engine.lastIndex).toBe(logIndex + 1)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('the pages of what was dropped become free in slices, checkpoints and crashes in between or not', async () => {
  const world = simulatedWorld(33)
  let engine = await openEngine(world)
  const collection = create(engine, 'a', 5000, 500)
  engine.write((unit) => {
    for (let n = 0; n < 10; n++) unit.insert(collection, buildDocument({ _id: -n - 1, text: 'y'.repeat(100_000) }))
  })
  const kept = create(engine, 'b', 200)
  await engine.checkpoint()
  const full = engine.statistics().pageCount
  engine.write((unit) => unit.dropCollection(collection))
  let pages = engine.statistics().pageCount
  expect(pages).toBe(full)
  let held = world
  let slices = 0
  while (pages > full / 4) {
    await held.clock.yield()
    const now = engine.statistics().pageCount
    if (now === pages) continue
    slices++
    pages = now
    expect((await engine.check()).problems).toEqual([])
    if (slices <= 2) {
      await engine.checkpoint()
      held = slices % 2 === 0 ? held.crash({ sectors: 'none' }) : held.restart()
      engine = await openEngine(held)
      expect((await engine.check()).problems).toEqual([])
      pages = engine.statistics().pageCount
    }
  }
  expect(slices).toBeGreaterThan(1)
  await held.clock.sleep(1000)
  const { pageCount } = engine.statistics()
  expect(pageCount).toBeLessThan(full / 20)
  await engine.close()
  engine = await openEngine(held)
  expect(engine.statistics().pageCount).toBe(pageCount)
  expect(engine.collection('db', 'b')!.documentCount).toBe(kept.documentCount)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('a checkpoint between two slices of vacuum has the counts of that moment', async () => {
  const world = simulatedWorld(34)
  const engine = await openEngine(world, { ...smallEngine, checkpointIntervalMs: 1e9, checkpointLogBytes: 1e9 })
  const collection = create(engine, 'a', 6000)
  const snapshot = engine.snapshot()
  updateAll(engine, collection, (n) => n + 10_000)
  await engine.checkpoint()
  snapshot.release()
  const vacuum = engine.vacuum()
  await world.clock.yield()
  const { supersededCount } = collection.records
  expect(supersededCount).toBeLessThan(6000)
  expect(supersededCount).toBeGreaterThan(0)
  engine.write((unit) => unit.createCollection('db', 'other', none))
  await engine.checkpoint()
  const image = world.crash({ sectors: 'none' })
  await Promise.race([vacuum, Promise.resolve()])
  const again = await openEngine(image)
  await again.vacuum()
  expect(again.collection('db', 'a')!.records.supersededCount).toBe(0)
  expect(again.collection('db', 'a')!.index('n_1')!.map.supersededCount).toBe(0)
  await again.close()
})
