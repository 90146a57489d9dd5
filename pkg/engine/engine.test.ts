import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { getField, numberOf } from '../bson/value.ts'
import { contentsOf, openEngine, smallEngine } from '../sim/engine-workload.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Engine } from './engine.ts'

const none = buildDocument({})

function numbers(engine: Engine, field: string, at = timestampMax): number[] {
  const cursor = engine.collection('db', 'c')!.scan(at)
  const values: number[] = []
  while (cursor.next()) values.push(numberOf(getField(cursor.bytes, field, cursor.start)!))
  return values
}

async function withDocuments(count: number): Promise<Engine> {
  const engine = await openEngine(simulatedWorld(7))
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', none)
    for (let n = 0; n < count; n++) unit.insert(collection, buildDocument({ _id: n, n }))
  })
  return engine
}

test('a snapshot sees the moment it was taken at, whatever is written and vacuumed later', async () => {
  const engine = await withDocuments(50)
  const snapshot = engine.snapshot()
  const collection = engine.collection('db', 'c')!
  engine.write((unit) => {
    for (let n = 0; n < 50; n += 2) unit.remove(collection, collection.findById(16, idOf(n), 0, timestampMax)!)
    for (let n = 1; n < 50; n += 2) {
      unit.update(collection, collection.findById(16, idOf(n), 0, timestampMax)!, buildDocument({ _id: n, n: 100 + n }))
    }
    unit.insert(collection, buildDocument({ _id: 77, n: 77 }))
  })
  await engine.vacuum()
  expect(numbers(engine, 'n', snapshot.timestamp)).toEqual(Array.from({ length: 50 }, (_, n) => n))
  expect(numbers(engine, 'n')).toEqual([...Array.from({ length: 25 }, (_, i) => 101 + 2 * i), 77])
  snapshot.release()
  expect(await engine.vacuum()).toBeGreaterThan(0)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test.for([1, -1] as const)(
  'a walk in direction %d that rests on a record goes on after it, whatever becomes of the record',
  async (direction) => {
    for (const change of ['update', 'remove', 'update all', 'remove all'] as const) {
      for (const stop of [1, 17, 29, 30]) {
        const engine = await withDocuments(30)
        const collection = engine.collection('db', 'c')!
        engine.write((unit) => unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n' })))
        const snapshot = engine.snapshot()
        const cursor = collection.scan(snapshot.timestamp, direction)
        const walk = collection.index('n')!.scan(snapshot.timestamp, undefined, undefined, direction)
        const seen: number[] = []
        const walked: number[] = []
        for (;;) {
          const found = cursor.next()
          expect(walk.next()).toBe(found)
          if (!found) break
          seen.push(numberOf(getField(cursor.bytes, 'n', cursor.start)!))
          walked.push(walk.recordId - 1)
          if (seen.length !== stop) continue
          const resting = cursor.recordId
          cursor.save()
          walk.save()
          engine.write((unit) => {
            for (let n = 0; n < 30; n++) {
              const recordId = (n + 1) as RecordId
              if (!change.endsWith('all') && recordId !== resting) continue
              if (change.startsWith('update')) unit.update(collection, recordId, buildDocument({ _id: n, n: n - 0.5 }))
              else unit.remove(collection, recordId)
            }
          })
          await engine.vacuum()
        }
        const expected = Array.from({ length: 30 }, (_, n) => (direction === 1 ? n : 29 - n))
        expect(seen, `${change} at ${stop}`).toEqual(expected)
        expect(walked, `${change} at ${stop}`).toEqual(expected)
        snapshot.release()
        await engine.close()
      }
    }
  },
)

test('a unique index refuses a second holder and leaves everything as it was', async () => {
  const engine = await withDocuments(10)
  const collection = engine.collection('db', 'c')!
  engine.write((unit) =>
    unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n_1', unique: true })),
  )
  const before = contentsOf(engine)
  const attempt = () => engine.write((unit) => unit.insert(collection, buildDocument({ _id: 99, n: 5 })))
  expect(attempt).toThrow('E11000 duplicate key error collection: db.c index: n_1 dup key: { n: 5 }')
  const rename = () =>
    engine.write((unit) =>
      unit.update(collection, collection.findById(16, idOf(3), 0, timestampMax)!, buildDocument({ _id: 3, n: 5 })),
    )
  expect(rename).toThrow(DatabaseError)
  expect(contentsOf(engine)).toEqual(before)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('a unit that makes its changes of index entries together has made those of what it did when it is cut short', async () => {
  const engine = await withDocuments(300)
  const collection = engine.collection('db', 'c')!
  engine.write((unit) => {
    unit.createIndex(collection, buildDocument({ v: 2, key: { n: -1 }, name: 'n' }))
    unit.createIndex(collection, buildDocument({ v: 2, key: { m: 1 }, name: 'm', unique: true, sparse: true }))
  })
  const early = engine.snapshot()
  const walk = (at = timestampMax): number[] => {
    const cursor = collection.index('n')!.scan(at)
    const found: number[] = []
    while (cursor.next()) found.push(cursor.recordId)
    return found
  }
  const before = walk()
  const attempt = () =>
    engine.write((unit) => {
      unit.gather(collection)
      for (let n = 0; n < 300; n += 3) unit.remove(collection, (n + 1) as RecordId)
      // The same record more than once, to and fro.
      for (const away of [5000, 0, 7000, 0]) {
        for (let n = 1; n < 300; n += 3) {
          unit.update(collection, (n + 1) as RecordId, buildDocument({ _id: n, n: n + away }))
        }
      }
      expect(() => collection.index('n')!.scan(timestampMax)).toThrow('read when its changes have been made')
      unit.update(collection, 3 as RecordId, buildDocument({ _id: 2, n: 8000, m: 1 }))
      unit.update(collection, 6 as RecordId, buildDocument({ _id: 5, n: 8000, m: 1 }))
    })
  expect(attempt).toThrow('E11000')
  expect((await engine.check()).problems).toEqual([])
  expect(walk(early.timestamp)).toEqual(before)
  expect(walk().slice(0, 3)).toEqual([3, 300, 299])
  expect(walk()).toHaveLength(200)
  early.release()
  await engine.vacuum()
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('a unique index over values that repeat is not built', async () => {
  const engine = await withDocuments(4)
  const collection = engine.collection('db', 'c')!
  engine.write((unit) => unit.insert(collection, buildDocument({ _id: 9, n: 2 })))
  const build = () =>
    engine.write((unit) =>
      unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n', unique: true })),
    )
  expect(build).toThrow('E11000')
  expect(collection.indexes.length).toBe(1)
  await engine.close()
})

test('what was durable is there after a restart without a checkpoint, and after one with', async () => {
  const world = simulatedWorld(11)
  const engine = await openEngine(world)
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', none)
    for (let n = 0; n < 300; n++) unit.insert(collection, buildDocument({ _id: n, n, text: 'x'.repeat(n) }))
  })
  const collection = engine.collection('db', 'c')!
  const { logIndex } = engine.write((unit) =>
    unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n_1' })),
  )
  await engine.durable(logIndex)
  const expected = contentsOf(engine)
  const crashed = world.crash({ sectors: 'none' })
  const again = await openEngine(crashed)
  expect(contentsOf(again)).toEqual(expected)
  expect(again.collection('db', 'c')!.index('n_1')).toBeDefined()
  expect((await again.check()).problems).toEqual([])
  await again.close()
  const third = await openEngine(crashed)
  expect(third.statistics().replayedEntryCount).toBe(0)
  expect(contentsOf(third)).toEqual(expected)
  await third.close()
})

test('a full disk refuses writes, keeps reads going, and writes go on when there is room again', async () => {
  const world = simulatedWorld(5)
  const engine = await openEngine(world)
  engine.write((unit) => unit.createCollection('db', 'c', none))
  world.disk.capacityBytes = world.disk.usedBytes() + 300_000
  let refused: unknown
  let inserted = 0
  for (let n = 0; refused === undefined; n++) {
    try {
      const { logIndex } = engine.write((unit) =>
        unit.insert(engine.collection('db', 'c')!, buildDocument({ _id: n, n, text: 'x'.repeat(500) })),
      )
      await engine.durable(logIndex)
      inserted++
    } catch (error) {
      refused = error
    }
  }
  expect((refused as DatabaseError).codeName).toBe('OutOfDiskSpace')
  expect(numbers(engine, 'n').length).toBe(inserted)
  world.disk.capacityBytes = Number.POSITIVE_INFINITY
  const { logIndex } = engine.write((unit) =>
    unit.insert(engine.collection('db', 'c')!, buildDocument({ _id: -1, n: -1 })),
  )
  await engine.durable(logIndex)
  expect(numbers(engine, 'n').length).toBe(inserted + 1)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('after the first failed sync nothing is acknowledged and nothing can be written', async () => {
  const world = simulatedWorld(6)
  const engine = await openEngine(world)
  const failures: Error[] = []
  engine.onFailure = (error) => failures.push(error)
  engine.write((unit) => unit.createCollection('db', 'c', none))
  world.disk.inject = (operation) => (operation.kind === 'sync' ? 'EIO' : undefined)
  const { logIndex } = engine.write((unit) => unit.insert(engine.collection('db', 'c')!, buildDocument({ _id: 1 })))
  await expect(engine.durable(logIndex)).rejects.toThrow()
  world.disk.inject = undefined
  expect(failures.length).toBe(1)
  expect(() => engine.write((unit) => unit.insert(engine.collection('db', 'c')!, buildDocument({ _id: 2 })))).toThrow(
    DatabaseError,
  )
  world.clock.stop()
})

test('a directory is opened once at a time', async () => {
  const world = simulatedWorld(8)
  const engine = await openEngine(world)
  await expect(openEngine(world)).rejects.toMatchObject({ codeName: 'DBPathInUse' })
  await engine.close()
  await (await openEngine(world)).close()
})

test('updates of one document do not make the data file grow', async () => {
  const world = simulatedWorld(9)
  const engine = await Engine.open(world, 'data', { ...smallEngine, checkpointLogBytes: 32 * 1024 })
  engine.write((unit) =>
    unit.insert(unit.createCollection('db', 'c', none), buildDocument({ _id: 1, n: 0, text: 'x'.repeat(900) })),
  )
  await engine.checkpoint()
  await engine.checkpoint()
  const before = engine.statistics().fileSizeBytes
  const collection = engine.collection('db', 'c')!
  const recordId = collection.findById(16, idOf(1), 0, timestampMax)!
  for (let n = 0; n < 3000; n++) {
    engine.write((unit) =>
      unit.update(collection, recordId, buildDocument({ _id: 1, n, text: 'y'.repeat(900 + (n % 7)) })),
    )
    if (n % 200 === 0) await engine.checkpoint()
  }
  await engine.checkpoint()
  expect(engine.statistics().fileSizeBytes).toBeLessThanOrEqual(2 * before)
  await engine.close()
})

test('a collection is checked as it was at the beginning while writes, vacuum and drops of indexes go on', async () => {
  const engine = await withDocuments(2000)
  const collection = engine.collection('db', 'c')!
  for (const name of ['n_1', 'm_1']) {
    engine.write((unit) => unit.createIndex(collection, buildDocument({ v: 2, key: { [name[0]!]: 1 }, name })))
  }
  let pauses = 0
  const report = await engine.checkCollection(
    collection,
    () => true,
    async () => {
      const id = pauses++
      engine.write((unit) => {
        unit.remove(collection, collection.findById(16, idOf(id), 0, timestampMax)!)
        unit.insert(collection, buildDocument({ _id: 5000 + id, n: id, m: [1, 2] }))
        unit.update(
          collection,
          collection.findById(16, idOf(1999 - id), 0, timestampMax)!,
          buildDocument({ _id: 1999 - id, n: -id, m: [id] }),
        )
      })
      if (pauses === 20) engine.write((unit) => unit.dropIndex(collection, 'm_1'))
      if (pauses % 5 === 0) await engine.vacuum()
      await engine.world.clock.yield()
    },
  )
  expect(pauses).toBeGreaterThan(60)
  expect(report).toEqual({
    problems: [],
    documents: 2000,
    indexEntries: 4000,
    keysPerIndex: new Map([
      ['_id_', 2000],
      ['n_1', 2000],
    ]),
  })
  const dropped = engine.checkCollection(
    collection,
    () => true,
    async () => {
      if (!collection.dropped) engine.write((unit) => unit.dropCollection(collection))
      await engine.world.clock.yield()
    },
  )
  await expect(dropped).rejects.toMatchObject({ codeName: 'QueryPlanKilled' })
  expect(engine.statistics().openSnapshotCount).toBe(0)
  await engine.close()
})

function idOf(n: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, n, true)
  return bytes
}

test('foreseen records are read as they are at the moment that is asked for, whatever was written since they were found', async () => {
  const engine = await withDocuments(50)
  const collection = engine.collection('db', 'c')!
  engine.write((unit) => unit.createIndex(collection, buildDocument({ v: 2, key: { n: -1 }, name: 'n' })))
  const snapshot = engine.snapshot()
  const ids = new Float64Array(16)
  const foreseen = (direction: 1 | -1, lower?: number, upper?: number) => {
    const index = collection.index('n')!
    const key = (n: number | undefined) => {
      if (n === undefined) return undefined
      const walk = index.scan(timestampMax)
      while (walk.next()) if (walk.recordId === n + 1) return walk.key.slice(0, walk.keyEnd)
      return undefined
    }
    const walk = index.scan(snapshot.timestamp, key(lower), key(upper), direction)
    expect(walk.next()).toBe(true)
    const count = walk.foresee(ids, 10, key(direction === 1 ? upper : lower))
    const rest: number[] = []
    while (rest.length < count && walk.next()) rest.push(walk.recordId)
    expect([...ids.subarray(0, count)]).toEqual(rest)
    return count
  }
  // The index is descending: its bounds are, too.
  expect(foreseen(1)).toBe(10)
  expect(foreseen(-1)).toBe(10)
  expect(foreseen(1, 45, 41)).toBe(3)
  expect(foreseen(-1, 45, 41)).toBe(3)
  const ref = { bytes: new Uint8Array(0), start: 0, end: 0 }
  const read = (recordId: number, at: number) =>
    collection.read(recordId as RecordId, at as never, ref) ? numberOf(getField(ref.bytes, 'n', ref.start)!) : undefined
  const list = Float64Array.of(5, 3, 9, 77, 4)
  for (const written of [false, true]) {
    collection.foresee(list, 5, snapshot.timestamp)
    if (written)
      engine.write((unit) => {
        unit.update(collection, 3 as RecordId, buildDocument({ _id: 2, n: 500 }))
        unit.remove(collection, 4 as RecordId)
      })
    // In the order in which they were foreseen, out of it, and at another moment.
    for (const recordId of [5, 9, 3, 77, 4, 5]) {
      expect(read(recordId, snapshot.timestamp)).toBe(recordId === 77 ? undefined : recordId - 1)
    }
    collection.foresee(list, 5, timestampMax)
    expect(read(3, snapshot.timestamp)).toBe(2)
    expect(read(3, timestampMax)).toBe(written ? 500 : 2)
    expect(read(4, timestampMax)).toBe(written ? undefined : 3)
  }
  snapshot.release()
  await engine.close()
})

test('what differs in a long document is found wherever it lies, and is replayed', async () => {
  const world = simulatedWorld(8)
  const engine = await openEngine(world)
  const text = Array.from({ length: 40_000 }, (_, i) => String.fromCharCode(97 + ((i * 7919) % 26))).join('')
  const document = (at: number, change: string) =>
    buildDocument({ _id: 1, text: text.slice(0, at) + change + text.slice(at) })
  const { result } = engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', none)
    return { collection, recordId: unit.insert(collection, document(0, '')) }
  })
  for (const at of [0, 1, 16_360, 16_383, 16_384, 16_385, 23_600, 23_616, 32_768, 39_999, 40_000]) {
    for (const change of ['', '.', '.'.repeat(17_000)]) {
      const { lastIndex } = engine
      engine.write((unit) => unit.update(result.collection, result.recordId, document(at, change)))
      expect(engine.lastIndex).toBe(lastIndex + 1)
    }
  }
  engine.write((unit) => unit.update(result.collection, result.recordId, document(20_000, '!')))
  const written = contentsOf(engine)
  await engine.durable(engine.lastIndex)
  const again = await openEngine(world.crash({ sectors: 'none', names: 0 }))
  const expected = Buffer.from(document(20_000, '!')).toString('latin1')
  for (const state of [written, contentsOf(again)]) expect(state.get('c')!.get('1') === expected).toBe(true)
  await again.close()
})
