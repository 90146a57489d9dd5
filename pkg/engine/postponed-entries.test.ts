/** Changes of documents with more index entries than are written in one turn. */
import { expect, test } from 'vitest'
import { inPlace } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { smallEngine } from '../sim/engine-workload.ts'
import { SeededRandom } from '../sim/random.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import type { Collection } from './collection.ts'
import { Engine } from './engine.ts'
import { shownIn } from './testdata/shown.ts'
import type { Workspace } from './workspace.ts'
import type { WriteUnit } from './write-unit.ts'

const many = (from: number) => Array.from({ length: 300 }, (_, i) => from + ((i * 7) % 300))

async function open(world: SimulatedWorld): Promise<Engine> {
  const engine = await Engine.open(world, 'data', { ...smallEngine, commitSliceOperations: 20, commitSliceEntries: 20 })
  if (engine.collection('db', 'c') !== undefined) return engine
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', buildDocument({}))
    unit.createIndex(collection, buildDocument({ v: 2, key: { a: 1 }, name: 'a' }))
    unit.createIndex(collection, buildDocument({ v: 2, key: { u: 1 }, name: 'u', unique: true, sparse: true }))
    unit.insert(collection, buildDocument({ _id: 0, a: 5 }))
  })
  engine.write((unit) =>
    inPlace(() => unit.insert(engine.collection('db', 'c')!, buildDocument({ _id: 1, a: many(0) }))),
  )
  return engine
}

function recordOf(collection: Collection, id: number) {
  return collection.findById(16, buildDocument({ _id: id }).subarray(9), 0, timestampMax)!
}

function shown(space: Pick<Workspace, 'collection'>): unknown {
  return shownIn(space.collection('db', 'c')!)
}

type Change = (unit: WriteUnit, collection: Collection) => void

const changes: readonly [string, Change][] = [
  ['inserted', (unit, c) => unit.insert(c, buildDocument({ _id: 2, a: many(100), u: many(7) }))],
  ['replaced', (unit, c) => unit.update(c, recordOf(c, 1), buildDocument({ _id: 1, a: many(150) }))],
  ['removed', (unit, c) => unit.remove(c, recordOf(c, 1))],
]

test.each(changes)('a document %s: nobody sees it before all of its entries are there', async (_, change) => {
  const world = simulatedWorld(1)
  const engine = await open(world)
  const collection = engine.collection('db', 'c')!
  const before = shown(engine)
  const { lastTimestamp } = engine
  const { logIndex } = engine.write((unit) => change(unit, collection))
  expect(engine.lastIndex).toBe(logIndex)
  let isDurable = false
  const durable = engine.durable(logIndex).then(() => {
    isDurable = true
  })
  const checkpoint = engine.checkpoint()
  let turns = 0
  for (; engine.writable !== undefined; turns++) {
    expect(shown(engine)).toEqual(before)
    const late = engine.begin()
    expect(shown(late)).toEqual(before)
    late.abort()
    expect([engine.lastTimestamp, engine.lastSeenIndex, isDurable]).toEqual([lastTimestamp, logIndex - 1, false])
    expect(() => engine.write((unit) => unit.remove(collection, recordOf(collection, 0)))).toThrow(DatabaseError)
    await world.clock.yield()
  }
  expect(turns).toBeGreaterThan(10)
  await Promise.all([durable, checkpoint])
  const after = shown(engine)
  expect(after).not.toEqual(before)
  expect((await engine.check()).problems).toEqual([])
  await engine.vacuum()
  expect(engine.statistics().supersededEntryCount).toBe(0)
  const again = await open(world.crash({ sectors: 'none', names: 0 }))
  expect(shown(again)).toEqual(after)
  await again.close()
})

test.each(changes)(
  'a document %s: a transaction has it whole in its next statement, and commits it in slices',
  async (_, change) => {
    const world = simulatedWorld(2)
    const engine = await open(world)
    const before = shown(engine)
    const transaction = engine.begin()
    const write = () => transaction.write((unit) => change(unit, transaction.collection('db', 'c')!))
    write()
    expect(transaction.entriesWritten).toBeInstanceOf(Promise)
    const inSlices = shown(transaction)
    transaction.abort()
    const second = engine.begin()
    second.write((unit) => change(unit, second.collection('db', 'c')!))
    await second.entriesWritten
    expect(second.entriesWritten).toBe(undefined)
    expect(shown(second)).toEqual(inSlices)
    expect(inSlices).not.toEqual(before)
    expect(second.commitsAtOnce).toBe(false)
    await engine.durable(await second.commitLater())
    expect(shown(engine)).toEqual(inSlices)
    expect((await engine.check()).problems).toEqual([])
    await engine.close()
  },
)

test('one that does not come alone is refused, to be made by itself, and nothing after it is taken in', async () => {
  const engine = await open(simulatedWorld(3))
  const collection = engine.collection('db', 'c')!
  const insert = (unit: WriteUnit, id: number, a: unknown) => unit.insert(collection, buildDocument({ _id: id, a }))
  expect(() =>
    engine.write((unit) => {
      insert(unit, 2, 1)
      insert(unit, 3, many(0))
    }),
  ).toThrow(expect.objectContaining({ codeName: 'WriteConflict' }))
  expect(collection.documentCount).toBe(3)
  engine.write((unit) => {
    insert(unit, 4, many(0))
    expect(unit.isFull).toBe(true)
    expect(() => insert(unit, 5, 1)).toThrow(expect.objectContaining({ codeName: 'WriteConflict' }))
    // What cannot wait is done with it.
    inPlace(() => unit.remove(collection, recordOf(collection, 2)))
  })
  expect(collection.documentCount).toBe(3)
  await engine.writable
  expect(collection.documentCount).toBe(3)
  expect(collection.findById(16, buildDocument({ _id: 2 }).subarray(9), 0, timestampMax)).toBe(undefined)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('a transaction cannot take a unique key whose entry is still to be written', async () => {
  const engine = await open(simulatedWorld(4))
  const collection = engine.collection('db', 'c')!
  const transaction = engine.begin()
  const view = transaction.collection('db', 'c')!
  engine.write((unit) => unit.insert(collection, buildDocument({ _id: 2, u: many(0) })))
  expect(() => transaction.write((unit) => unit.insert(view, buildDocument({ _id: 3, u: 299 })))).toThrow(
    expect.objectContaining({ codeName: 'WriteConflict' }),
  )
  transaction.abort()
  await engine.writable
  expect(() => engine.write((unit) => unit.insert(collection, buildDocument({ _id: 3, u: 299 })))).toThrow(
    expect.objectContaining({ codeName: 'DuplicateKey' }),
  )
  await engine.close()
})

test('many unique keys are refused exactly when another document has one of them', async () => {
  const engine = await Engine.open(simulatedWorld(5), 'data', smallEngine)
  const random = new SeededRandom(5)
  const { result: collection } = engine.write((unit) => {
    const made = unit.createCollection('db', 'c', buildDocument({}))
    unit.createIndex(made, buildDocument({ v: 2, key: { u: 1 }, name: 'u', unique: true }))
    return made
  })
  const model = new Map<number, ReadonlySet<number>>()
  let refused = 0
  for (let step = 0; step < 400; step++) {
    const id = random.integer(12)
    const from = random.integer(2000)
    const u = Array.from({ length: 1 + random.integer(80) }, () => from + random.integer(150))
    const others = [...model].filter(([other]) => other !== id).some(([, keys]) => u.some((key) => keys.has(key)))
    const document = buildDocument({ _id: id, u })
    let isRefused = false
    try {
      engine.write((unit) => {
        if (model.has(id)) unit.update(collection, recordOf(collection, id), document)
        else unit.insert(collection, document)
      })
      model.set(id, new Set(u))
    } catch (error) {
      expect(error).toMatchObject({ codeName: 'DuplicateKey' })
      isRefused = true
      refused++
    }
    expect(isRefused).toBe(others)
    if (random.integer(10) === 0 && model.delete(id))
      engine.write((unit) => unit.remove(collection, recordOf(collection, id)))
  }
  expect(refused).toBeGreaterThan(20)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('a document with one unique key comes after one that had many', async () => {
  const engine = await open(simulatedWorld(6))
  const collection = engine.collection('db', 'c')!
  engine.write((unit) => inPlace(() => unit.insert(collection, buildDocument({ _id: 2, u: many(0) }))))
  engine.write((unit) =>
    inPlace(() => unit.update(collection, recordOf(collection, 2), buildDocument({ _id: 2, u: 5 }))),
  )
  engine.write((unit) => unit.insert(collection, buildDocument({ _id: 3, u: 6 })))
  expect(() => engine.write((unit) => unit.insert(collection, buildDocument({ _id: 4, u: 5 })))).toThrow(
    expect.objectContaining({ codeName: 'DuplicateKey' }),
  )
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})
