/** What the engine does when the disk fails or is full: at each operation in turn, while opening, working and closing. */
import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import type { Disk, File } from '../io/disk.ts'
import type { World } from '../io/world.ts'
import { contentsOf, openEngine, smallEngine } from '../sim/engine-workload.ts'
import type { ModelState } from '../sim/model.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import { Engine } from './engine.ts'
import type { WriteUnit } from './write-unit.ts'

const none = buildDocument({})

/** The world with a disk that counts the files that are open. */
function counted(world: SimulatedWorld): { world: World; openFiles: () => number } {
  const open = new Set<File>()
  const disk = new Proxy<Disk>(world.disk, {
    get(target, name) {
      if (name !== 'open') {
        const value = Reflect.get(target, name) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      }
      return (path: string, options: { create: boolean }) => {
        const file = target.open(path, options)
        open.add(file)
        const close = file.close.bind(file)
        file.close = () => {
          open.delete(file)
          close()
        }
        return file
      }
    },
  })
  return {
    world: { clock: world.clock, random: world.random, disk, threads: world.threads },
    openFiles: () => open.size,
  }
}

/** Operations from now on, but for those on spare files of the log, which have no name any more when they end. */
function operationsOf(world: SimulatedWorld): string[] {
  const seen: string[] = []
  world.disk.inject = ({ kind, path }) => {
    if (!path.includes('spare')) seen.push(`${kind} ${path}`)
    return undefined
  }
  return seen
}

/** A database with two checkpoints and some log after them. */
async function filled(seed: number): Promise<SimulatedWorld> {
  const world = simulatedWorld(seed)
  const engine = await openEngine(world)
  for (let round = 0; round < 3; round++) {
    const { logIndex } = engine.write((unit) => {
      const collection = unit.createCollection('db', `c${round}`, none)
      unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n_1' }))
      for (let n = 0; n < 40; n++) unit.insert(collection, buildDocument({ _id: n, n, text: 'x'.repeat(n * 10) }))
    })
    await engine.durable(logIndex)
    if (round < 2) await engine.checkpoint()
  }
  return world
}

test.for([false, true])(
  'an open that fails at any operation leaves no lock and no open file (new: %s)',
  async (isNew) => {
    const start = isNew ? simulatedWorld(41) : await filled(41)
    let failures = 0
    for (const code of ['EIO', 'ENOSPC'] as const) {
      for (let at = 1; at < 100; at++) {
        const world = start.crash({ sectors: 'all', names: 1 })
        const { world: own, openFiles } = counted(world)
        world.disk.failAt(world.disk.operationCount + at, code)
        const opened = await Engine.open(own, 'data', smallEngine).catch((error: unknown) => error)
        if (opened instanceof Engine) {
          world.disk.inject = undefined
          await opened.close().catch(() => undefined)
          expect(openFiles()).toBe(0)
          continue
        }
        failures++
        expect(openFiles()).toBe(0)
        world.disk.inject = undefined
        const again = await openEngine(world)
        expect((await again.check()).problems).toEqual([])
        if (!isNew) expect(again.collections('db').length).toBe(3)
        await again.close()
      }
    }
    expect(failures).toBeGreaterThan(20)
  },
)

test('from the first failed sync on, of any file or folder, nothing is acknowledged, and all that was before is there', async () => {
  let failed = 0
  for (let at = 1; at < 400; at += at < 40 ? 1 : 3) {
    const world = simulatedWorld(43)
    const engine = await openEngine(world, { ...smallEngine, logSegmentBytes: 4096 })
    const failures: Error[] = []
    engine.onFailure = (error) => failures.push(error)
    let syncs = 0
    let failedSync = false
    world.disk.inject = ({ kind, path }) => {
      if ((kind !== 'sync' && kind !== 'syncDirectory') || ++syncs !== at || path.includes('spare')) return undefined
      failedSync = true
      return 'EIO'
    }
    const acknowledged = new Set<number>()
    const waiting: Promise<unknown>[] = []
    let n = 0
    const work = async () => {
      engine.write((unit) => unit.createCollection('db', 'c', none))
      for (; n < 60; n++) {
        const id = n
        const { logIndex } = engine.write((unit) =>
          unit.insert(engine.collection('db', 'c')!, buildDocument({ _id: id, text: 'x'.repeat(300) })),
        )
        const before = engine.isFailed
        const durable = engine.durable(logIndex).then(() => {
          expect(before || engine.isFailed).toBe(false)
          acknowledged.add(id)
        })
        if (n % 3 === 0) await durable
        else waiting.push(durable.catch(() => undefined))
        if (n % 10 === 5) await engine.checkpoint()
      }
    }
    const error = await work().catch((thrown: unknown) => thrown)
    await Promise.all(waiting)
    if (!failedSync) {
      if (syncs < at) break
      await engine.close()
      continue
    }
    failed++
    // The failure may have come in the background, with the last write: it is known by now.
    await world.clock.sleep(1)
    expect(engine.isFailed, `sync ${at}: ${String(error)}`).toBe(true)
    expect(failures.length).toBe(1)
    expect(() => engine.write((unit) => unit.createCollection('db', 'd', none))).toThrow(DatabaseError)
    await expect(engine.durable(engine.lastIndex)).rejects.toThrow()
    await expect(engine.close()).rejects.toThrow()
    const later = operationsOf(world)
    await world.clock.sleep(1000)
    expect(later).toEqual([])
    world.disk.inject = undefined
    const again = await openEngine(world.crash())
    const contents = contentsOf(again).get('c') ?? new Map<string, string>()
    for (const id of acknowledged) expect(contents.has(String(id)), `document ${id}`).toBe(true)
    expect((await again.check()).problems).toEqual([])
    await again.close()
  }
  expect(failed).toBeGreaterThan(30)
})

test('an engine that is closed on a full disk has everything in the log, and touches nothing afterwards', async () => {
  const world = simulatedWorld(44)
  const engine = await openEngine(world)
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', none)
    for (let n = 0; n < 1000; n++) unit.insert(collection, buildDocument({ _id: n, text: 'x'.repeat(100) }))
  })
  await engine.durable(engine.lastIndex)
  // Pages that ensureSpace has room for are dirty; what is free in the file beyond that goes to another.
  world.disk.inject = ({ kind, path }) => (kind === 'write' && path.endsWith('data.laura') ? 'ENOSPC' : undefined)
  engine.write((unit) => unit.insert(engine.collection('db', 'c')!, buildDocument({ _id: -1 })))
  await engine.close()
  const later = operationsOf(world)
  await world.clock.sleep(1000)
  expect(later).toEqual([])
  world.disk.inject = undefined
  const again = await openEngine(world)
  expect(again.collection('db', 'c')!.documentCount).toBe(1001)
  expect((await again.check()).problems).toEqual([])
  await again.close()
})

test('nothing is lost on a disk of any size, and writes go on when there is room again', async () => {
  for (let capacity = 0; capacity < 300_000; capacity += 20_480) {
    const world = simulatedWorld(45)
    const options = { ...smallEngine, cacheSizeBytes: 128 * 1024, logSegmentBytes: 8192 }
    let engine = await openEngine(world, options)
    const indexes = ['a', 'b', 'd', 'e']
    engine.write((unit) => {
      const collection = unit.createCollection('db', 'c', none)
      for (const name of indexes) {
        unit.createIndex(collection, buildDocument({ v: 2, key: { [name]: 1 }, name }))
      }
    })
    await engine.durable(engine.lastIndex)
    world.disk.capacityBytes = world.disk.usedBytes() + capacity
    let expected: ModelState = contentsOf(engine)
    let refused = 0
    let held = world
    for (let n = 0; n < 200 && refused < 12; n++) {
      try {
        const { logIndex } = engine.write((unit) => {
          const collection = engine.collection('db', 'c')!
          for (let i = 0; i < 5; i++) {
            const random = () => held.random.integer(1_000_000)
            const length = n % 50 === 49 && i === 0 ? 30_000 : 100
            const fields = { a: random(), b: random(), d: random(), e: [random(), random(), random()] }
            unit.insert(collection, buildDocument({ _id: n * 5 + i, ...fields, text: 'x'.repeat(length) }))
          }
        })
        await engine.durable(logIndex)
      } catch (error) {
        expect((error as DatabaseError).codeName).toBe('OutOfDiskSpace')
        refused++
        await engine.durable(engine.lastIndex)
        await held.clock.sleep(400)
      }
      expected = contentsOf(engine)
      if (refused === 4) await engine.checkpoint().catch((error) => expect(error.codeName).toBe('OutOfDiskSpace'))
      if (refused === 8) {
        await engine.close()
        engine = await openEngine(held, options)
        expect(contentsOf(engine)).toEqual(expected)
        refused++
      }
      if (refused === 10) {
        held = held.crash({ sectors: 'none' })
        engine = await openEngine(held, options)
        expect(contentsOf(engine)).toEqual(expected)
        refused++
      }
    }
    expect(engine.isFailed).toBe(false)
    held.disk.capacityBytes = Number.POSITIVE_INFINITY
    await held.clock.sleep(1100)
    const { logIndex } = engine.write((unit) =>
      unit.insert(engine.collection('db', 'c')!, buildDocument({ _id: -1, a: 1 })),
    )
    await engine.durable(logIndex)
    await engine.checkpoint()
    expect(engine.collection('db', 'c')!.findById(16, idOf(-1), 0, timestampMax)).toBeDefined()
    expect((await engine.check()).problems).toEqual([])
    await engine.close()
  }
})

test('a change that a damaged page cuts off in its middle is final, and the next start has all or nothing of it', async () => {
  const world = simulatedWorld(46, { writeBackChance: 0 })
  const engine = await openEngine(world)
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', none)
    for (const name of ['a', 'b']) {
      unit.createIndex(collection, buildDocument({ v: 2, key: { [name]: 1 }, name }))
    }
    for (let n = 0; n < 300; n++) unit.insert(collection, buildDocument({ _id: n, a: n, b: -n, text: 'x'.repeat(90) }))
  })
  await engine.close()
  const blocks = engine.statistics().fileSizeBytes / 4096
  let final = 0
  for (let block = 2; block < blocks; block++) {
    const damaged = world.crash({ sectors: 'all', names: 1 })
    damaged.disk.flipBit('data/data.laura', block * 4096 + 60, 3)
    const opened = await openEngine(damaged).catch(() => undefined)
    if (opened === undefined) continue
    const collection = opened.collection('db', 'c')!
    const changes: ((unit: WriteUnit) => unknown)[] = [
      (unit) => unit.insert(collection, buildDocument({ _id: 150.5, a: 150.5, b: -150.5 })),
      (unit) => unit.update(collection, 200 as RecordId, buildDocument({ _id: 199, a: 10.5, b: -10.5 })),
      (unit) => unit.remove(collection, 250 as RecordId),
    ]
    const { documentCount } = collection
    let refused = 0
    for (const change of changes) {
      // As commands do: an error does not keep what else is in a unit from being tried.
      const outcome = attempt(
        () => opened.write((unit) => attempt(() => change(unit)) instanceof Error && refused++).result,
      )
      if (outcome instanceof Error) expect(opened.isFailed).toBe(true)
    }
    // A block that nobody needed may be in use by now.
    if (refused === 0) continue
    if (opened.isFailed) final++
    await opened.checkpoint().catch(() => undefined)
    const found = damaged.crash({ sectors: 'all', names: 1 })
    found.disk.flipBit('data/data.laura', block * 4096 + 60, 3)
    const again = await openEngine(found)
    expect((await again.check()).problems).toEqual([])
    expect(Math.abs(again.collection('db', 'c')!.documentCount - documentCount)).toBeLessThanOrEqual(1)
    await again.close()
  }
  expect(final).toBeGreaterThan(2)
})

function attempt(action: () => unknown): unknown {
  try {
    return action()
  } catch (error) {
    return error
  }
}

function idOf(n: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, n, true)
  return bytes
}
