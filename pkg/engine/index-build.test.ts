import { expect, test } from 'vitest'
import { inPlace } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { openEngine, smallEngine } from '../sim/engine-workload.ts'
import { simulatedWorld } from '../sim/world.ts'
import type { Collection } from './collection.ts'
import { Engine } from './engine.ts'

const none = buildDocument({})
const onN = buildDocument({ v: 2, key: { n: 1 }, name: 'n' })
const uniqueN = buildDocument({ v: 2, key: { n: 1 }, name: 'n', unique: true })

async function filled(count: number): Promise<{ engine: Engine; collection: Collection }> {
  const engine = await openEngine(simulatedWorld(3), { ...smallEngine, cacheSizeBytes: 4 << 20 })
  const { result: collection } = engine.write((unit) => {
    const created = unit.createCollection('db', 'c', none)
    for (let n = 0; n < count; n++) unit.insert(created, buildDocument({ _id: n, n: (n * 7919) % count }))
    return created
  })
  return { engine, collection }
}

const idOf = (collection: Collection, id: number) =>
  collection.findById(16, buildDocument({ _id: id }), 9, timestampMax)!

test('an index built while documents come, change and go has what is there in the end', async () => {
  const { engine, collection } = await filled(5000)
  const build = engine.beginIndexBuild(collection, onN)
  const phases = new Set<string>()
  for (let step = 0; !build.slice(); step++) {
    phases.add(build.phase)
    engine.write((unit) => {
      unit.insert(collection, buildDocument({ _id: 10_000 + step, n: step }))
      unit.update(collection, idOf(collection, step * 3), buildDocument({ _id: step * 3, n: [step, -step] }))
      unit.remove(collection, idOf(collection, step * 3 + 1))
    })
  }
  expect([...phases]).toEqual(['scan', 'load', 'catchUp'])
  expect(collection.indexes.length).toBe(1)
  engine.write((unit) => unit.finishIndexBuilds([build]))
  expect(collection.index('n')?.multikey).toBe(true)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('a build of a unique index fails by a double that is still there, and not by one that has gone', async () => {
  const { engine, collection } = await filled(1500)
  engine.write((unit) => unit.insert(collection, buildDocument({ _id: 'double', n: 5 })))
  const failing = engine.beginIndexBuild(collection, uniqueN)
  while (!failing.slice());
  expect(() => engine.write((unit) => unit.finishIndexBuilds([failing]))).toThrow('E11000')
  failing.abandon()
  expect(collection.builds).toEqual([])
  const passing = engine.beginIndexBuild(collection, uniqueN)
  passing.slice()
  const recordId = collection.nextRecordId - 1
  engine.write((unit) => unit.remove(collection, recordId as typeof collection.nextRecordId))
  while (!passing.slice());
  engine.write((unit) => unit.finishIndexBuilds([passing]))
  expect(() => engine.write((unit) => unit.insert(collection, buildDocument({ _id: 'again', n: 5 })))).toThrow('E11000')
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('a build cut off by a kill is gone, with its pages, after the next open', async () => {
  const world = simulatedWorld(4)
  const engine = await openEngine(world)
  const { result: collection, logIndex } = engine.write((unit) => {
    const created = unit.createCollection('db', 'c', none)
    for (let n = 0; n < 2000; n++) unit.insert(created, buildDocument({ _id: n, n }))
    return created
  })
  await engine.durable(logIndex)
  const build = engine.beginIndexBuild(collection, onN)
  while (build.phase === 'scan') build.slice()
  build.slice()
  expect(build.phase).toBe('load')
  await engine.checkpoint()
  const again = await Engine.open(world.restart(), 'data', smallEngine)
  expect(again.collection('db', 'c')!.indexes.length).toBe(1)
  expect((await again.check()).problems).toEqual([])
  await again.close()
})

test('dropping the collection ends the build', async () => {
  const { engine, collection } = await filled(1000)
  const build = engine.beginIndexBuild(collection, onN)
  build.slice()
  engine.write((unit) => unit.dropCollection(collection))
  expect(() => build.slice()).toThrow(DatabaseError)
  build.abandon()
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('documents whose date has passed are deleted, others stay', async () => {
  const world = simulatedWorld(6)
  const engine = await openEngine(world, { ...smallEngine, expiryIntervalMs: 20 })
  const now = world.clock.nowMs()
  const { result: collection } = engine.write((unit) => {
    const created = unit.createCollection('db', 'c', none)
    unit.createIndex(created, buildDocument({ v: 2, key: { at: -1 }, name: 'at', expireAfterSeconds: 60 }))
    for (let n = 0; n < 500; n++) unit.insert(created, buildDocument({ _id: n, at: new Date(now - 3_600_000 + n) }))
    unit.insert(created, buildDocument({ _id: 'fresh', at: new Date(now) }))
    unit.insert(created, buildDocument({ _id: 'text', at: 'long ago' }))
    unit.insert(created, buildDocument({ _id: 'number', at: 5 }))
    unit.insert(created, buildDocument({ _id: 'one of them', at: [new Date(now), new Date(now - 3_600_000)] }))
    return created
  })
  await world.clock.sleep(200)
  expect(collection.documentCount).toBe(3)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('records with thousands of entries, which change while theirs are written', async () => {
  const { engine, collection } = await filled(20)
  const large = (from: number) => Array.from({ length: 3000 }, (_, i) => from + ((i * 7) % 3000))
  const update = (id: number, n: unknown) =>
    engine.write((unit) => inPlace(() => unit.update(collection, idOf(collection, id), buildDocument({ _id: id, n }))))
  for (const id of [1, 2, 3, 4]) update(id, large(id))
  const build = engine.beginIndexBuild(collection, onN)
  let scans = 0
  for (; build.phase === 'scan'; scans++) build.slice()
  expect(scans).toBeGreaterThan(10)
  update(2, large(5000))
  update(3, 7)
  update(5, large(100))
  engine.write((unit) => unit.remove(collection, idOf(collection, 4)))
  while (build.phase === 'load') build.slice()
  let catching = 0
  for (; !build.slice(); catching++) {
    if (catching === 2) update(2, large(1000))
    if (catching === 9) update(5, 'small')
    if (catching === 11) update(3, large(9000))
  }
  expect(catching).toBeGreaterThan(10)
  engine.write((unit) => unit.finishIndexBuilds([build]))
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})
