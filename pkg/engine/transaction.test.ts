import { describe, expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { getField, numberOf } from '../bson/value.ts'
import { openEngine, smallEngine } from '../sim/engine-workload.ts'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import type { Collection } from './collection.ts'
import type { Engine } from './engine.ts'
import type { Transaction } from './transaction.ts'
import type { Workspace } from './workspace.ts'

const none = buildDocument({})

async function withDocuments(count: number): Promise<Engine> {
  const engine = await openEngine(simulatedWorld(7))
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', none)
    unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n' }))
    unit.createIndex(collection, buildDocument({ v: 2, key: { u: -1 }, name: 'u', unique: true, sparse: true }))
    for (let n = 0; n < count; n++) unit.insert(collection, document(n, n))
  })
  return engine
}

function document(id: number, n: number): Uint8Array {
  return buildDocument({ _id: id, n, u: n + 1000, text: 'x'.repeat(n % 50) })
}

function idOf(id: number): Uint8Array {
  return buildDocument({ _id: id }).subarray(9)
}

function recordOf(space: Workspace, id: number): RecordId | undefined {
  return space.collection('db', 'c')!.findById(16, idOf(id), 0, timestampMax)
}

function set(space: Workspace, id: number, n: number): void {
  space.write((unit) => unit.update(space.collection('db', 'c')!, recordOf(space, id)!, document(id, n)))
}

function insert(space: Workspace, id: number, n: number): void {
  space.write((unit) => unit.insert(space.collection('db', 'c')!, document(id, n)))
}

function remove(space: Workspace, id: number): void {
  space.write((unit) => unit.remove(space.collection('db', 'c')!, recordOf(space, id)!))
}

function read(space: Workspace, id: number): number | undefined {
  const ref = { bytes: none, start: 0, end: 0 }
  if (!space.collection('db', 'c')!.readById(16, idOf(id), 0, ref)) return undefined
  return numberOf(getField(ref.bytes, 'n', ref.start)!)
}

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof DatabaseError) return error.codeName
    throw error
  }
  return 'ok'
}

test('what a transaction writes is its own until it commits, and then everybody sees it, after a restart too', async () => {
  const world = simulatedWorld(3)
  const engine = await openEngine(world)
  engine.write((unit) => unit.insert(unit.createCollection('db', 'c', none), document(1, 1)))
  const transaction = engine.begin()
  set(transaction, 1, 5)
  insert(transaction, 2, 2)
  transaction.write((unit) => unit.insert(unit.createCollection('other', 'new', none), document(1, 1)))
  expect([read(transaction, 1), read(transaction, 2)]).toEqual([5, 2])
  expect([read(engine, 1), read(engine, 2), engine.collection('other', 'new')]).toEqual([1, undefined, undefined])
  await engine.durable(transaction.commit())
  expect([read(engine, 1), read(engine, 2)]).toEqual([5, 2])
  await engine.close()
  const again = await openEngine(world)
  expect([read(again, 1), read(again, 2), again.collection('other', 'new')?.documentCount]).toEqual([5, 2, 1])
  expect((await again.check()).problems).toEqual([])
  await again.close()
})

test('a transaction that is aborted leaves nothing behind', async () => {
  const engine = await withDocuments(3)
  const before = engine.lastIndex
  const transaction = engine.begin()
  set(transaction, 1, 50)
  remove(transaction, 2)
  insert(transaction, 9, 9)
  transaction.write((unit) => unit.createCollection('db', 'made', none))
  transaction.abort()
  expect([read(engine, 1), read(engine, 2), read(engine, 9)]).toEqual([1, 2, undefined])
  expect(engine.collection('db', 'made')).toBeUndefined()
  expect(engine.lastIndex).toBe(before)
  expect(engine.locks.isEmpty).toBe(true)
  expect(codeOf(() => read(transaction, 1))).toBe('NoSuchTransaction')
  expect(codeOf(() => transaction.commit())).toBe('NoSuchTransaction')
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('a transaction reads its snapshot, whatever others commit', async () => {
  const engine = await withDocuments(3)
  const transaction = engine.begin()
  set(engine, 1, 100)
  remove(engine, 2)
  insert(engine, 7, 7)
  await engine.vacuum()
  expect([0, 1, 2, 7].map((id) => read(transaction, id))).toEqual([0, 1, 2, undefined])
  transaction.abort()
  await engine.close()
})

describe('a write conflict', () => {
  test('meets who writes what another open transaction has written', async () => {
    const engine = await withDocuments(5)
    const first = engine.begin()
    set(first, 1, 11)
    remove(first, 2)
    const second = engine.begin()
    expect(codeOf(() => set(second, 1, 12))).toBe('WriteConflict')
    expect(codeOf(() => remove(second, 2))).toBe('WriteConflict')
    expect(codeOf(() => set(engine, 1, 12))).toBe('WriteConflict')
    expect(codeOf(() => remove(engine, 1))).toBe('WriteConflict')
    set(second, 3, 33)
    first.commit()
    second.commit()
    expect([1, 2, 3].map((id) => read(engine, id))).toEqual([11, undefined, 33])
    expect((await engine.check()).problems).toEqual([])
    await engine.close()
  })

  test('meets who writes what was changed after its snapshot', async () => {
    const engine = await withDocuments(5)
    const transaction = engine.begin()
    set(engine, 1, 12)
    remove(engine, 2)
    expect(codeOf(() => set(transaction, 1, 13))).toBe('WriteConflict')
    expect(codeOf(() => remove(transaction, 2))).toBe('WriteConflict')
    transaction.abort()
    await engine.close()
  })

  test('meets who wants a unique key that another transaction takes or gives up', async () => {
    const engine = await withDocuments(5)
    const first = engine.begin()
    insert(first, 10, 10)
    set(first, 1, 11)
    remove(first, 2)
    const second = engine.begin()
    for (const [id, n] of [
      [10, 50],
      [51, 10],
      [52, 11],
      [53, 1],
      [2, 54],
      [55, 2],
    ] as const) {
      expect(codeOf(() => insert(second, id, n))).toBe('WriteConflict')
      expect(codeOf(() => insert(engine, id, n))).toBe('WriteConflict')
    }
    first.commit()
    // Committed after the snapshot: neither free nor taken as the second transaction sees it.
    const third = engine.begin()
    expect(codeOf(() => insert(third, 10, 50))).toBe('DuplicateKey')
    insert(third, 2, 2)
    third.commit()
    expect(read(engine, 2)).toBe(2)
    second.abort()
    expect((await engine.check()).problems).toEqual([])
    await engine.close()
  })

  test('is a duplicate key within one transaction, and for what its snapshot has', async () => {
    const engine = await withDocuments(5)
    const transaction = engine.begin()
    insert(transaction, 10, 10)
    expect(codeOf(() => insert(transaction, 10, 60))).toBe('DuplicateKey')
    expect(codeOf(() => insert(transaction, 61, 3))).toBe('DuplicateKey')
    remove(transaction, 3)
    insert(transaction, 61, 3)
    set(transaction, 1, 70)
    set(transaction, 2, 1)
    set(transaction, 1, 2)
    transaction.commit()
    expect([61, 2, 1].map((id) => read(engine, id))).toEqual([3, 1, 2])
    expect((await engine.check()).problems).toEqual([])
    await engine.close()
  })

  test('meets who changes the definition of a collection in use', async () => {
    const engine = await withDocuments(5)
    const transaction = engine.begin()
    read(transaction, 1)
    expect(codeOf(() => engine.write((unit) => unit.dropCollection(engine.collection('db', 'c')!)))).toBe(
      'WriteConflict',
    )
    transaction.abort()
    expect(codeOf(() => engine.write((unit) => unit.dropCollection(engine.collection('db', 'c')!)))).toBe('ok')
    await engine.close()
  })

  test('meets who makes a collection of a name that another transaction makes, or has made since the snapshot', async () => {
    const engine = await withDocuments(1)
    const first = engine.begin()
    const second = engine.begin()
    const create = (space: Workspace) => codeOf(() => space.write((unit) => unit.createCollection('db', 'new', none)))
    expect(create(first)).toBe('ok')
    expect([create(second), create(engine)]).toEqual(['WriteConflict', 'WriteConflict'])
    first.commit()
    expect(second.collection('db', 'new')).toBeUndefined()
    expect(create(second)).toBe('WriteConflict')
    second.abort()
    await engine.close()
  })
})

/** Every way to read a collection gives the documents of the model. */
function expectContents(collection: Collection, at: number, model: ReadonlyMap<number, number>): void {
  const moment = at as typeof timestampMax
  for (const direction of [1, -1] as const) {
    const seen = new Map<number, number>()
    const cursor = collection.scan(moment, direction)
    while (cursor.next()) {
      seen.set(
        numberOf(getField(cursor.bytes, '_id', cursor.start)!),
        numberOf(getField(cursor.bytes, 'n', cursor.start)!),
      )
      if (seen.size % 3 === 0) cursor.save()
    }
    expect(new Map([...seen].sort((a, b) => a[0] - b[0]))).toEqual(new Map([...model].sort((a, b) => a[0] - b[0])))
    const ref = { bytes: none, start: 0, end: 0 }
    for (const [name, field, sign] of [
      ['_id_', '_id', 1],
      ['n', 'n', 1],
      ['u', 'n', -1],
    ] as const) {
      const walk = collection.index(name)!.scan(moment, undefined, undefined, direction)
      const values: number[] = []
      while (walk.next()) {
        const { recordId } = walk
        walk.save()
        expect(collection.read(recordId, moment, ref)).toBe(true)
        values.push(numberOf(getField(ref.bytes, field, ref.start)!))
      }
      const expected = (field === '_id' ? [...model.keys()] : [...model.values()]).sort((a, b) => a - b)
      expect(values).toEqual(direction * sign === 1 ? expected : expected.reverse())
    }
  }
}

test.for(Array.from({ length: 6 }, (_, seed) => seed))(
  'every plan reads the snapshot with the own writes over it, seed %d',
  async (seed) => {
    const random = new SeededRandom(seed)
    const engine = await withDocuments(40)
    const committed = new Map(Array.from({ length: 40 }, (_, n) => [n, n]))
    let next = 100
    for (let round = 0; round < 6; round++) {
      const transaction: Transaction = engine.begin()
      const model = new Map(committed)
      const written = new Set<number>()
      const wanted = new Set<number>()
      for (let step = 0; step < 25; step++) {
        const inside = random.next() < 0.6
        const space = inside ? transaction : engine
        const state = inside ? model : committed
        const id = [...state.keys()][Math.floor(random.next() * state.size)] ?? 0
        const n = next++
        const kind = random.next()
        const code = codeOf(() => {
          if (kind < 0.4) insert(space, next++, n)
          else if (kind < 0.7) set(space, id, n)
          else remove(space, id)
        })
        if (code === 'WriteConflict') {
          expect(written.has(id) || wanted.has(id)).toBe(true)
          continue
        }
        expect(code).toBe('ok')
        const key = kind < 0.4 ? next - 1 : id
        if (kind < 0.7) state.set(key, n)
        else state.delete(key)
        ;(inside ? wanted : written).add(key)
        if (step % 5 === 0) {
          expectContents(transaction.collection('db', 'c')!, transaction.lastTimestamp, model)
          expectContents(engine.collection('db', 'c')!, timestampMax, committed)
        }
      }
      expectContents(transaction.collection('db', 'c')!, timestampMax, model)
      if (random.next() < 0.7) {
        const before = new Map([...transactionBase(model, wanted)])
        transaction.commit()
        for (const id of wanted) {
          const n = before.get(id)
          if (n === undefined) committed.delete(id)
          else committed.set(id, n)
        }
      } else transaction.abort()
      expectContents(engine.collection('db', 'c')!, timestampMax, committed)
      expect(engine.locks.isEmpty).toBe(true)
    }
    expect((await engine.check()).problems).toEqual([])
    await engine.close()
  },
)

function transactionBase(model: ReadonlyMap<number, number>, wanted: ReadonlySet<number>): [number, number][] {
  return [...model].filter(([id]) => wanted.has(id))
}

describe('a name that changes hands after the snapshot', () => {
  const swaps: [string, (engine: Engine) => void][] = [
    ['dropped', (engine) => engine.write((unit) => unit.dropCollection(engine.collection('db', 'c')!))],
    [
      'dropped and made again',
      (engine) =>
        engine.write((unit) => {
          unit.dropCollection(engine.collection('db', 'c')!)
          unit.insert(unit.createCollection('db', 'c', none), document(70, 70))
        }),
    ],
    ['renamed', (engine) => engine.write((unit) => unit.renameCollection(engine.collection('db', 'c')!, 'db', 'd'))],
    [
      'given to another',
      (engine) =>
        engine.write((unit) =>
          unit.renameCollection(engine.collection('db', 'other')!, 'db', 'c', engine.collection('db', 'c')!),
        ),
    ],
  ]
  test.each(swaps)('%s: it cannot be read any more, and does not seem empty', async (_, swap) => {
    const engine = await withDocuments(3)
    engine.keepHistory(60_000)
    engine.write((unit) => unit.insert(unit.createCollection('db', 'other', none), document(7, 7)))
    const before = engine.begin()
    const past = engine.asOf(engine.lastTimestamp)
    swap(engine)
    expect(() => before.collection('db', 'c')).toThrow('Unable to read from a snapshot')
    expect(() => past.collection('db', 'c')).toThrow('Unable to read from a snapshot')
    const after = engine.begin()
    expect(() => after.collection('db', 'c')).not.toThrow()
    for (const transaction of [before, after]) transaction.abort()
    await engine.close()
  })
})

test('a collection is not replaced by one that a transaction uses', async () => {
  const engine = await withDocuments(3)
  engine.write((unit) => unit.insert(unit.createCollection('db', 'other', none), document(7, 7)))
  const transaction = engine.begin()
  transaction.collection('db', 'other')
  const replace = (): unknown =>
    engine.write((unit) =>
      unit.renameCollection(engine.collection('db', 'other')!, 'db', 'c', engine.collection('db', 'c')!),
    )
  expect(replace).toThrow('conflict')
  expect(engine.collection('db', 'c')!.documentCount).toBe(3)
  transaction.abort()
  replace()
  expect(engine.collection('db', 'c')!.documentCount).toBe(1)
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test('a document that a transaction has written does not keep others from expiring', async () => {
  const world = simulatedWorld(6)
  const engine = await openEngine(world, { ...smallEngine, expiryIntervalMs: 20 })
  const past = new Date(world.clock.nowMs() - 3_600_000)
  for (const name of ['a', 'b']) {
    engine.write((unit) => {
      const created = unit.createCollection('db', name, none)
      unit.createIndex(created, buildDocument({ v: 2, key: { at: 1 }, name: 'at', expireAfterSeconds: 60 }))
      for (let n = 0; n < 10; n++) unit.insert(created, buildDocument({ _id: n, at: past }))
    })
  }
  const transaction = engine.begin()
  const held = transaction.collection('db', 'a')!
  transaction.write((unit) => unit.update(held, 1 as RecordId, buildDocument({ _id: 0, at: past, kept: true })))
  await world.clock.sleep(200)
  expect(engine.collections('db').map(({ documentCount }) => documentCount)).toEqual([1, 0])
  transaction.abort()
  await world.clock.sleep(200)
  expect(engine.collection('db', 'a')!.documentCount).toBe(0)
  await engine.close()
})

describe('a commit of what an index that is being built cannot take in', () => {
  const parallel = buildDocument({ _id: 50, x: [1, 2], y: [3, 4] })
  const changes: [string, (space: Workspace) => void][] = [
    ['an insert', (space) => space.write((unit) => unit.insert(space.collection('db', 'c')!, parallel))],
    [
      'an update',
      (space) => space.write((unit) => unit.update(space.collection('db', 'c')!, recordOf(space, 50)!, parallel)),
    ],
  ]
  test.each(changes)('%s ends the build, and not the engine', async (what, change) => {
    const engine = await withDocuments(10)
    if (what === 'an update') insert(engine, 50, 50)
    const definition = buildDocument({ v: 2, key: { x: 1, y: 1 }, name: 'xy' })
    const build = engine.beginIndexBuild(engine.collection('db', 'c')!, definition)
    while (!build.slice());
    const transaction = engine.begin()
    change(transaction)
    transaction.commit()
    expect(engine.isFailed).toBe(false)
    // What is written to it now is no concern of the build any more.
    remove(engine, 50)
    expect(() => build.slice()).toThrow('cannot index parallel arrays')
    expect(() => engine.write((unit) => unit.finishIndexBuilds([build]))).toThrow('cannot index parallel arrays')
    build.abandon()
    expect((await engine.check()).problems).toEqual([])
    await engine.close()
  })
})
