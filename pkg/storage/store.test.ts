import { describe, expect, it } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex, PageId, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { SeededRandom } from '../sim/random.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import { Store, type StoreOptions } from './store.ts'
import type { CheckpointMeta } from './superblock.ts'
import { expectSame, keyPool, randomValue, TreeModel } from './testdata/tree-model.ts'
import type { Tree } from './tree.ts'

const small: StoreOptions = { pageSizeBytes: 512, cacheSizeBytes: 24 * 512, compression: 'none' }

function meta(logIndex: number, catalogRoot = 1): CheckpointMeta {
  return {
    logIndex: logIndex as LogIndex,
    term: 3 as Term,
    timestamp: (2 ** 51 + logIndex) as Timestamp,
    catalogRoot: catalogRoot as PageId,
    payload: new Uint8Array([1, 2, logIndex]),
  }
}

function errorOf(body: () => unknown): DatabaseError {
  try {
    body()
  } catch (error) {
    if (error instanceof DatabaseError) return error
    throw error
  }
  throw new Error('it did not fail')
}

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

function expectSound(store: Store, roots: PageId[]): void {
  expect(store.check(roots).problems).toEqual([])
}

/** Two trees and their models, changed at random. */
class Work {
  readonly random: SeededRandom
  readonly keys: Uint8Array[]
  readonly valueLengthMax: number
  trees: Tree[] = []
  models: TreeModel[] = []

  constructor(seed: number, keys = 800, valueLengthMax = 2000) {
    this.random = new SeededRandom(seed)
    this.valueLengthMax = valueLengthMax
    this.keys = keyPool(this.random, { keyLengthMax: 90, valueLengthMax, alphabet: 6, zeros: 50, keys })
  }

  create(store: Store): this {
    for (let i = 0; i < 2; i++) {
      this.trees.push(store.createTree())
      this.models.push(new TreeModel())
    }
    return this
  }

  get roots(): PageId[] {
    return this.trees.map((tree) => tree.root)
  }

  step(count: number): void {
    const { random } = this
    for (let i = 0; i < count; i++) {
      const which = random.integer(2)
      const tree = this.trees[which]!
      const model = this.models[which]!
      const key = this.keys[random.integer(this.keys.length)]!
      if (random.chance(0.35)) {
        tree.delete(key, key.length)
        model.delete(key)
      } else {
        const value = randomValue(random, this.valueLengthMax)
        tree.put(key, key.length, value, 0, value.length)
        model.put(key, value)
      }
    }
  }

  image(): TreeModel[] {
    return this.models.map((model) => model.copy())
  }

  expectImage(store: Store, image: TreeModel[]): void {
    for (const [i, root] of this.roots.entries()) expectSame(store.openTree(root), image[i]!)
    expectSound(store, this.roots)
  }

  /** Goes on from what `store` holds. */
  resume(store: Store, image: TreeModel[]): void {
    this.trees = this.roots.map((root) => store.openTree(root))
    this.models = image.map((model) => model.copy())
  }
}

describe('a store', () => {
  it('is empty when new, also when it was closed before the first checkpoint', () => {
    const world = simulatedWorld(1)
    const first = Store.open(world, 'db/data', small)
    expect(first.meta).toBeUndefined()
    first.store.createTree()
    first.store.close()
    const second = Store.open(world, 'db/data', small)
    expect(second.meta).toBeUndefined()
    expect(second.store.pageCount).toBe(0)
    expect(second.store.oldestLogIndexNeeded()).toBe(0)
  })

  it('gives back what the checkpoint was told', async () => {
    const world = simulatedWorld(1)
    const { store } = Store.open(world, 'data', small)
    await store.publish(store.freeze(meta(5)))
    expect(store.oldestLogIndexNeeded()).toBe(0)
    await store.publish(store.freeze(meta(9)))
    expect(store.oldestLogIndexNeeded()).toBe(5)
    store.close()
    const again = Store.open(world, 'data', { ...small, pageSizeBytes: 4096 })
    expect(again.meta).toEqual(meta(9))
    expect(again.store.oldestLogIndexNeeded()).toBe(5)
    expect(again.store.pager.pageSize).toBe(512)
  })

  for (const compression of ['none', 'zstd'] as const) {
    for (const pageSizeBytes of [512, 16384]) {
      it(`is after reopening what it was at the freeze: pages of ${pageSizeBytes}, compression ${compression}`, async () => {
        let world = simulatedWorld(2)
        const options = { pageSizeBytes, cacheSizeBytes: 20 * pageSizeBytes, compression }
        let { store } = Store.open(world, 'data', options)
        const work = new Work(pageSizeBytes).create(store)
        for (let round = 0; round < 12; round++) {
          work.step(400)
          const image = work.image()
          const frozen = store.freeze(meta(round))
          work.step(200)
          await store.publish(frozen)
          work.expectImage(store, work.models)
          work.step(200)
          if (round % 3 === 2) {
            store.close()
            world = world.crash()
            const opened = Store.open(world, 'data', options)
            store = opened.store
            expect(opened.meta).toEqual(meta(round))
            work.expectImage(store, image)
            work.resume(store, image)
          }
        }
      })
    }
  }

  it('keeps the image of the freeze while writes go on between the slices of its writing', async () => {
    for (let seed = 0; seed < 2; seed++) {
      const world = simulatedWorld(seed)
      const { store } = Store.open(world, 'data', { ...small, cacheSizeBytes: (seed % 2 === 0 ? 24 : 4000) * 512 })
      const work = new Work(seed, 2000, 1000).create(store)
      work.step(2500)
      for (let round = 0; round < 4; round++) {
        const image = work.image()
        let running = true
        const done = store.publish(store.freeze(meta(round))).then(() => {
          running = false
        })
        let turns = 0
        while (running) {
          work.step(20)
          turns++
          await world.clock.yield()
        }
        await done
        expect(turns).toBeGreaterThan(2)
        const found = Store.open({ ...world, disk: world.disk.crash({ sectors: 0, names: 0 }) }, 'data', small)
        work.expectImage(found.store, image)
        expectSound(store, work.roots)
      }
    }
  })

  it('holds the older or the newer checkpoint after a crash at any moment', async () => {
    let older = 0
    let newer = 0
    for (let seed = 0; seed < 30; seed++) {
      const world = simulatedWorld(seed)
      const { store } = Store.open(world, 'data', small)
      const work = new Work(seed, 300, 900).create(store)
      const images: TreeModel[][] = []
      const publish = async (round: number): Promise<void> => {
        images[round] = work.image()
        const frozen = store.freeze(meta(round))
        work.step(100)
        await store.publish(frozen)
      }
      for (let round = 0; round < 3; round++) {
        work.step(150)
        await publish(round)
      }
      work.step(150)
      world.disk.crashAt(world.disk.operationCount + 1 + work.random.integer(400))
      // Without a crash in its way, the checkpoint simply succeeds.
      void publish(3).catch(() => undefined)
      for (let i = 0; i < 300 && !world.disk.crashed; i++) await world.clock.yield()
      const opened = Store.open(world.crash(), 'data', small)
      const round = opened.meta!.logIndex
      expect([2, 3]).toContain(round)
      if (round === 2) older++
      else newer++
      work.expectImage(opened.store, images[round]!)
      work.resume(opened.store, images[round]!)
      work.step(300)
      await opened.store.publish(opened.store.freeze(meta(4)))
      work.expectImage(opened.store, work.models)
    }
    expect(older).toBeGreaterThan(5)
    expect(newer).toBeGreaterThan(5)
  })

  it('reuses space: the file stays small under endless change, and shrinks after a great deletion', async () => {
    const world = simulatedWorld(3)
    const { store } = Store.open(world, 'data', { pageSizeBytes: 4096, cacheSizeBytes: 1 << 20, compression: 'none' })
    const work = new Work(3, 2000, 500).create(store)
    let largest = 0
    for (let round = 0; round < 25; round++) {
      work.step(1000)
      await store.publish(store.freeze(meta(round)))
      if (round === 10) largest = store.fileSizeBytes
    }
    expect(store.fileSizeBytes).toBeLessThanOrEqual(largest + (1 << 20))
    expectSound(store, work.roots)
    const big = store.createTree()
    const value = new Uint8Array(100 << 20)
    big.put(value.subarray(0, 1), 1, value, 0, value.length)
    await store.publish(store.freeze(meta(50)))
    const before = store.fileSizeBytes
    store.dropTree(big.root)
    for (let round = 0; round < 5; round++) await store.publish(store.freeze(meta(51)))
    expect(store.fileSizeBytes).toBeLessThan(before - (60 << 20))
    expectSound(store, work.roots)
  })

  it('keeps its memory within the budget', async () => {
    const world = simulatedWorld(4)
    const { store } = Store.open(world, 'data', small)
    const work = new Work(4, 3000).create(store)
    work.step(5000)
    const done = store.publish(store.freeze(meta(1)))
    work.step(2000)
    await done
    expect(store.cachedBytes).toBeLessThanOrEqual(small.cacheSizeBytes)
  })
})

describe('a full disk', () => {
  it('is told before anything changes, gives a checkpoint up without loss, and is over when there is space', async () => {
    const world = simulatedWorld(5)
    const options = { ...small, cacheSizeBytes: 3000 * 512 }
    const { store } = Store.open(world, 'data', options)
    const work = new Work(5, 3000).create(store)
    work.step(500)
    await store.publish(store.freeze(meta(1)))
    const image = work.image()
    world.disk.capacityBytes = world.disk.usedBytes()
    work.step(3000)
    expect(errorOf(() => store.ensureSpace(1000)).codeName).toBe('OutOfDiskSpace')
    expect(store.full).toBe(true)
    const error = await rejectionOf(store.publish(store.freeze(meta(2))))
    expect((error as DatabaseError).codeName).toBe('OutOfDiskSpace')
    expect(store.failure).toBeUndefined()
    work.expectImage(store, work.models)
    const found = Store.open({ ...world, disk: world.disk.crash() }, 'data', options)
    expect(found.meta).toEqual(meta(1))
    work.expectImage(found.store, image)

    world.disk.capacityBytes = Number.POSITIVE_INFINITY
    store.ensureSpace(1000)
    expect(store.full).toBe(false)
    await store.publish(store.freeze(meta(3)))
    work.expectImage(store, work.models)
    work.step(500)
    await store.publish(store.freeze(meta(4)))
    work.expectImage(store, work.models)
  })

  it('does not lose pages that had to be evicted: the cache grows instead', async () => {
    const world = simulatedWorld(6)
    const { store } = Store.open(world, 'data', small)
    const work = new Work(6, 3000).create(store)
    work.step(100)
    await store.publish(store.freeze(meta(1)))
    world.disk.capacityBytes = world.disk.usedBytes()
    work.step(20_000)
    expect(store.cachedBytes).toBeGreaterThan(small.cacheSizeBytes)
    for (const [i, tree] of work.trees.entries()) expectSame(tree, work.models[i]!)
    world.disk.capacityBytes = Number.POSITIVE_INFINITY
    await store.publish(store.freeze(meta(2)))
    work.expectImage(store, work.models)
  })

  it('never shows within what ensureSpace promised', async () => {
    const world = simulatedWorld(7)
    const { store } = Store.open(world, 'data', { ...small, cacheSizeBytes: 400 * 512 })
    const work = new Work(7, 3000).create(store)
    world.disk.capacityBytes = 24 << 20
    let refused = false
    for (let round = 0; round < 200 && !refused; round++) {
      for (let i = 0; i < 200; i++) {
        try {
          store.ensureSpace(4096)
        } catch {
          refused = true
          break
        }
        work.step(1)
        // Ever new keys, so that it fills up.
        const key = new Uint8Array([7, round, i])
        work.trees[0]!.put(key, 3, new Uint8Array(2000), 0, 2000)
        work.models[0]!.put(key, new Uint8Array(2000))
      }
      await store.publish(store.freeze(meta(round)))
    }
    expect(refused).toBe(true)
    work.expectImage(store, work.models)
  })
})

describe('a failing disk', () => {
  for (const kind of ['write', 'sync'] as const) {
    it(`fails the store for good at the first ${kind} error`, async () => {
      const world = simulatedWorld(8)
      const { store } = Store.open(world, 'data', small)
      const failures: Error[] = []
      store.onFailure = (error) => failures.push(error)
      const work = new Work(8).create(store)
      work.step(200)
      const frozen = store.freeze(meta(1))
      world.disk.inject = (operation) => (operation.kind === kind ? 'EIO' : undefined)
      await rejectionOf(store.publish(frozen))
      world.disk.inject = undefined
      expect(failures).toHaveLength(1)
      expect(store.failure).toBe(failures[0])
      expect(() => store.freeze(meta(2))).toThrow('failed before')
      expect(() => store.ensureSpace(1)).toThrow('failed before')
    })
  }

  it('fails the store when a superblock cannot be written for want of space', async () => {
    const world = simulatedWorld(8)
    const { store } = Store.open(world, 'data', small)
    let syncs = 0
    world.disk.inject = (operation) => {
      if (operation.kind === 'sync') syncs++
      return operation.kind === 'write' && syncs === 1 ? 'ENOSPC' : undefined
    }
    await rejectionOf(store.publish(store.freeze(meta(1))))
    expect(store.failure).toBeDefined()
  })
})

describe('damage', () => {
  const options: StoreOptions = { pageSizeBytes: 4096, cacheSizeBytes: 1 << 20, compression: 'none' }

  async function filled(): Promise<{ world: SimulatedWorld; work: Work; store: Store }> {
    const world = simulatedWorld(9)
    const { store } = Store.open(world, 'data', options)
    const work = new Work(9, 500, 20_000).create(store)
    work.step(1500)
    await store.publish(store.freeze(meta(1)))
    work.step(1)
    await store.publish(store.freeze(meta(2)))
    store.close()
    return { world, work, store }
  }

  it('of the newer superblock leaves the older one', async () => {
    const { world, store } = await filled()
    world.disk.flipBit('data', store.published.newest * 4096 + 100, 3)
    const opened = Store.open(world, 'data', options)
    expect(opened.meta).toEqual(meta(1))
    expect(opened.store.oldestLogIndexNeeded()).toBe(1)
  })

  for (const reopened of [false, true]) {
    it(`of the newer superblock leaves an older image that is whole, whatever was written since${reopened ? ' reopening' : ''}`, async () => {
      const world = simulatedWorld(13)
      let { store } = Store.open(world, 'data', small)
      const work = new Work(13).create(store)
      work.step(800)
      const image = work.image()
      await store.publish(store.freeze(meta(1)))
      work.step(800)
      await store.publish(store.freeze(meta(2)))
      if (reopened) {
        store.close()
        store = Store.open(world, 'data', small).store
        work.resume(store, work.image())
      }
      work.step(3000)
      const found = { ...world, disk: world.disk.crash({ sectors: 1, names: 1 }) }
      found.disk.flipBit('data', store.published.newest * 4096 + 100, 3)
      const opened = Store.open(found, 'data', small)
      expect(opened.meta).toEqual(meta(1))
      work.expectImage(opened.store, image)
    })
  }

  it('of the older superblock or what it names does not matter', async () => {
    const { world, store } = await filled()
    world.disk.flipBit('data', (1 - store.published.newest) * 4096 + 100, 3)
    expect(Store.open(world, 'data', options).meta).toEqual(meta(2))
  })

  it('of both superblocks is reported', async () => {
    const { world } = await filled()
    world.disk.flipBit('data', 20, 3)
    world.disk.flipBit('data', 4096 + 20, 3)
    const error = errorOf(() => Store.open(world, 'data', options))
    expect(error.codeName).toBe('DataCorruptionDetected')
    expect(error.details).toMatchObject({ file: 'data', offset: 0 })
  })

  it('of the page map is reported at open, never answered by an older image', async () => {
    const { world, store } = await filled()
    const { root, chunks } = store.published
    for (const place of [root, chunks[0]!]) {
      world.disk.flipBit('data', place.block * 4096 + 20, 1)
      const error = errorOf(() => Store.open(world, 'data', options))
      expect(error.codeName).toBe('DataCorruptionDetected')
      expect(error.details).toMatchObject({ file: 'data', offset: place.block * 4096 })
      world.disk.flipBit('data', place.block * 4096 + 20, 1)
    }
    expect(Store.open(world, 'data', options).meta).toEqual(meta(2))
  })

  it('of any page is reported by whoever reads it and by check, with its offset', async () => {
    const { world, work, store } = await filled()
    const pages: number[] = []
    for (let id = 1; id < store.map.capacity; id++) if (store.map.kindOf(id) !== 0) pages.push(id)
    expect(pages.length).toBeGreaterThan(50)
    for (const id of pages) {
      const offset = store.map.blockOf(id) * 4096
      const position = offset + work.random.integer(4096)
      world.disk.flipBit('data', position, 5)
      const opened = Store.open(world, 'data', options).store
      const error = errorOf(() => {
        for (const root of work.roots) {
          const cursor = opened.openTree(root).cursor()
          for (let on = cursor.first(); on; on = cursor.next()) cursor.readValue()
        }
      })
      expect(error.codeName).toBe('DataCorruptionDetected')
      expect(error.details).toMatchObject({ file: 'data', offset, page: id })
      opened.close()
      if (id % 10 === 0) {
        const checked = Store.open(world, 'data', options).store
        expect(checked.check(work.roots).problems.some((p) => p.offset === offset && p.page === id)).toBe(true)
        checked.close()
      }
      world.disk.flipBit('data', position, 5)
    }
  })

  it('of a page that a change needs leaves the tree as it was', async () => {
    const { world, work, store } = await filled()
    const pages: number[] = []
    for (let id = 1; id < store.map.capacity; id++) if (store.map.kindOf(id) !== 0) pages.push(id)
    for (let round = 0; round < 20; round++) {
      const id = pages[work.random.integer(pages.length)]!
      if (work.roots.includes(id as PageId)) continue
      const position = store.map.blockOf(id) * 4096 + 50
      world.disk.flipBit('data', position, 5)
      const opened = Store.open(world, 'data', options).store
      const saved = work.image()
      work.resume(opened, saved)
      for (let i = 0; i < 300; i++) {
        const before = work.image()
        try {
          work.step(1)
        } catch {
          work.models = before
        }
      }
      world.disk.flipBit('data', position, 5)
      work.expectImage(opened, work.models)
      opened.close()
      work.models = saved
    }
  })

  it('that a page is in another place than the map says is reported', async () => {
    const { world, work, store } = await filled()
    const id = work.roots[0]!
    const file = world.disk.open('data', { create: false })
    const page = new Uint8Array(4096)
    file.read(page, 0, 4096, store.map.blockOf(work.roots[1]!) * 4096)
    file.write(page, 0, 4096, store.map.blockOf(id) * 4096)
    const opened = Store.open(world, 'data', options).store
    expect(errorOf(() => opened.openTree(id)).codeName).toBe('DataCorruptionDetected')
  })

  it('of the length is reported: a file that was cut', async () => {
    const { world } = await filled()
    world.disk.open('data', { create: false }).truncate(3 * 4096)
    expect(errorOf(() => Store.open(world, 'data', options)).codeName).toBe('DataCorruptionDetected')
    world.disk.open('data', { create: false }).truncate(0)
    expect(errorOf(() => Store.open(world, 'data', options)).codeName).toBe('DataCorruptionDetected')
  })
})

describe('check', () => {
  it('reports pages that are in no tree, and trees that share pages', async () => {
    const { store } = Store.open(simulatedWorld(10), 'data', small)
    const work = new Work(10).create(store)
    work.step(300)
    expectSound(store, work.roots)
    expect(store.check([work.roots[0]!]).problems.some((p) => p.message.includes('in no tree'))).toBe(true)
    expect(store.check([...work.roots, work.roots[0]!]).problems.some((p) => p.message.includes('named twice'))).toBe(
      true,
    )
  })

  it('reports entries out of order, wrong levels and wrong counts', () => {
    const { store } = Store.open(simulatedWorld(11), 'data', { ...small, cacheSizeBytes: 1 << 20 })
    const work = new Work(11).create(store)
    work.step(600)
    const root = work.roots[0]!
    const { pager } = store
    const frame = pager.fetch(root)
    const words = pager.wordsOf(frame)
    const word = pager.baseOf(frame) >>> 2
    for (const at of [0, 1, 3, 7]) {
      const saved = words[word + at]!
      words[word + at] = at === 0 ? saved ^ 0x100 : saved + 1
      expect(store.check(work.roots).problems.length).toBeGreaterThan(0)
      words[word + at] = saved
    }
    expectSound(store, work.roots)
  })

  it('shows every entry to a visitor', () => {
    const { store } = Store.open(simulatedWorld(12), 'data', small)
    const work = new Work(12).create(store)
    work.step(500)
    let count = 0
    store.check(work.roots, (root, key, keyLength, value) => {
      const model = work.models[work.roots.indexOf(root)]!
      const entry = model.entries[model.find(key.slice(0, keyLength))]!
      expect(Buffer.compare(value.bytes.subarray(value.start, value.end), entry.value)).toBe(0)
      count++
    })
    expect(count).toBe(work.models[0]!.entries.length + work.models[1]!.entries.length)
  })
})
