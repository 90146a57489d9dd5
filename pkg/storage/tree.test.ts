import { describe, expect, it } from 'vitest'
import type { PageId } from '../base/ids.ts'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import type { TreeCursor } from './cursor.ts'
import { Store } from './store.ts'
import { bytesOf, compareKeys, expectSame, keyPool, randomValue, type Shape, TreeModel } from './testdata/tree-model.ts'
import type { Tree, ValueRef } from './tree.ts'

function newStore(pageSizeBytes: number, cachePages: number, compression: 'none' | 'zstd' = 'none'): Store {
  const world = simulatedWorld(1)
  return Store.open(world, 'data', { pageSizeBytes, cacheSizeBytes: cachePages * pageSizeBytes, compression }).store
}

const ref: ValueRef = { bytes: new Uint8Array(0), start: 0, end: 0 }

function key(n: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(n))
  return bytes
}

function put(tree: Tree, k: Uint8Array, value: Uint8Array): void {
  tree.put(k, k.length, value, 0, value.length)
}

function get(tree: Tree, k: Uint8Array): Uint8Array | undefined {
  return tree.get(k, k.length, ref) ? bytesOf(ref) : undefined
}

function expectSound(store: Store, roots: PageId[]): void {
  expect(store.check(roots).problems).toEqual([])
  expect(store.pager.pins.every((count) => count === 0)).toBe(true)
}

const shapes: Record<string, { page: number; cache: number; shape: Shape }> = {
  'short keys, small pages, small cache': {
    page: 512,
    cache: 16,
    shape: { keyLengthMax: 20, valueLengthMax: 100, alphabet: 256, keys: 3000 },
  },
  'keys with long common prefixes': {
    page: 512,
    cache: 24,
    shape: { keyLengthMax: 64, valueLengthMax: 40, alphabet: 2, keys: 3000 },
  },
  'keys in overflow chains': {
    page: 512,
    cache: 24,
    shape: { keyLengthMax: 1500, valueLengthMax: 40, alphabet: 2, zeros: 100, keys: 1500 },
  },
  'values in overflow chains': {
    page: 1024,
    cache: 20,
    shape: { keyLengthMax: 100, valueLengthMax: 9000, alphabet: 8, keys: 1500 },
  },
  'pages of 4 KiB': {
    page: 4096,
    cache: 32,
    shape: { keyLengthMax: 300, valueLengthMax: 3000, alphabet: 16, keys: 4000 },
  },
  'pages of 64 KiB': {
    page: 65536,
    cache: 16,
    shape: { keyLengthMax: 300, valueLengthMax: 40000, alphabet: 16, keys: 4000 },
  },
}

describe('a tree under random operations', () => {
  for (const [name, { page, cache, shape }] of Object.entries(shapes)) {
    it(`is what a sorted array is: ${name}`, () => {
      const random = new SeededRandom(shape.keys + page)
      const store = newStore(page, cache)
      const tree = store.createTree()
      const model = new TreeModel()
      const keys = keyPool(random, shape)
      for (let round = 0; round < 6; round++) {
        const deletes = round % 2 === 1 ? 0.75 : 0.2
        for (let i = 0; i < 2000; i++) {
          const k = keys[random.integer(keys.length)]!
          if (random.chance(deletes)) expect(tree.delete(k, k.length)).toBe(model.delete(k))
          else if (random.chance(0.2)) {
            expect(get(tree, k)).toEqual(model.entries[model.find(k)]?.value)
            const front = 1 + random.integer(k.length)
            const first = model.entries[model.seek(k)]
            const begins = first !== undefined && compareKeys(first.key.subarray(0, front), k.subarray(0, front)) === 0
            const found = tree.getFirst(k, k.length, front, ref)
            expect(found).toBe(begins)
            if (found) expect(bytesOf(ref)).toEqual(first!.value)
          } else {
            const value = randomValue(random, shape.valueLengthMax)
            put(tree, k, value)
            model.put(k, value)
          }
        }
        expectSame(tree, model)
        expectSound(store, [tree.root])
      }
      for (const { key: k } of model.copy().entries) expect(tree.delete(k, k.length)).toBe(true)
      expectSame(tree, new TreeModel())
      expect(store.pageCount).toBe(1)
      expectSound(store, [tree.root])
    })
  }

  it('finds keys that are counters, spread evenly, in clusters and all alike but one', () => {
    const random = new SeededRandom(11)
    const store = newStore(16384, 64)
    const spreads: ((i: number) => number)[] = [
      (i) => i,
      (i) => i * 1_000_003,
      (i) => Math.floor(i / 300) * 2 ** 40 + i,
      (i) => (i < 2999 ? i : 2 ** 50),
      (i) => Math.floor(2 ** (i / 70)) * 4096 + i,
    ]
    for (const spread of spreads) {
      const tree = store.createTree()
      const model = new TreeModel()
      const numbers = Array.from({ length: 3000 }, (_, i) => spread(i))
      for (const n of random.chance(0.5) ? numbers : numbers.toReversed()) {
        put(tree, key(n), bytesOf({ bytes: key(n), start: 4, end: 8 }))
        model.put(key(n), key(n).slice(4))
      }
      for (const n of numbers) {
        for (const asked of [n - 1, n, n + 1].filter((value) => value >= 0)) {
          const k = key(asked)
          expect(get(tree, k)).toEqual(model.entries[model.find(k)]?.value)
          const first = model.entries[model.seek(k)]
          expect(tree.getFirst(k, 8, 0, ref)).toBe(first !== undefined)
          if (first !== undefined) expect(bytesOf(ref)).toEqual(first.value)
        }
      }
    }
  })

  it('is what a sorted array is through one cursor that reads and changes', () => {
    const random = new SeededRandom(7)
    const store = newStore(512, 16)
    const tree = store.createTree()
    const model = new TreeModel()
    const shape = { keyLengthMax: 90, valueLengthMax: 700, alphabet: 3, zeros: 50, keys: 2500 }
    const keys = keyPool(random, shape)
    const cursor = tree.cursor()
    // Where the model's cursor is: an index, -1 before the first, length after the last.
    let at = 0
    cursor.first()
    for (let step = 0; step < 12000; step++) {
      const k = keys[random.integer(keys.length)]!
      const value = randomValue(random, shape.valueLengthMax)
      switch (random.integer(9)) {
        case 0:
          at = model.seek(k)
          expect(cursor.seek(k, k.length)).toBe(at < model.entries.length)
          break
        case 1:
          at = model.seek(k) - 1
          expect(cursor.seekBefore(k, k.length)).toBe(at >= 0)
          break
        case 2:
          if (at < model.entries.length) at++
          expect(cursor.next()).toBe(at < model.entries.length)
          break
        case 3:
          if (at >= 0) at--
          expect(cursor.previous()).toBe(at >= 0)
          break
        case 4:
        case 5:
          at = model.seek(k)
          cursor.seek(k, k.length)
          if (model.find(k) < 0) {
            cursor.insert(k, k.length, value, 0, value.length)
            model.put(k, value)
          } else {
            cursor.replace(k, k.length, value, 0, value.length)
            model.put(k, value)
          }
          break
        case 6: {
          // Another key that sorts in the same place: with one byte more, unless that one is there.
          if (!cursor.valid) break
          const old = model.entries[at]!.key
          const other = new Uint8Array(old.length + 1)
          other.set(old)
          const next = model.entries[at + 1]
          if (next !== undefined && compareKeys(other, next.key) >= 0) break
          cursor.replace(other, other.length, value, 0, value.length)
          model.entries[at] = { key: other, value }
          break
        }
        case 7:
          if (!cursor.valid || random.chance(0.3)) break
          cursor.remove()
          model.entries.splice(at, 1)
          break
        case 8: {
          cursor.save()
          if (random.chance(0.5)) {
            const before = model.entries[at]?.key
            const change = keys[random.integer(keys.length)]!
            if (random.chance(0.5)) {
              tree.delete(change, change.length)
              model.delete(change)
            } else {
              put(tree, change, value)
              model.put(change, value)
            }
            if (before !== undefined) {
              at = model.seek(before)
              expect(cursor.restore()).toBe(model.find(before) >= 0)
            } else if (at >= 0) {
              at = model.entries.length
              expect(cursor.restore()).toBe(false)
            }
          }
          break
        }
      }
      expect(cursor.valid).toBe(at >= 0 && at < model.entries.length)
      if (cursor.valid && step % 5 === 0) expectNeighbours(cursor, model, at, keys[random.integer(keys.length)]!)
      if (!cursor.valid || step % 3 === 0) continue
      cursor.readKey()
      const entry = model.entries[at]!
      expect(compareKeys(cursor.key.subarray(0, cursor.keyLength), entry.key)).toBe(0)
      if (step % 7 === 0) cursor.save()
      else expect(Buffer.compare(bytesOf(cursor.readValue()), entry.value)).toBe(0)
    }
    cursor.close()
    expectSame(tree, model)
    expectSound(store, [tree.root])
  })
})

/** What the cursor says of the entries in its leaf is what the model has there. */
function expectNeighbours(cursor: TreeCursor, model: TreeModel, at: number, other: Uint8Array): void {
  const ahead = cursor.countBeside(true)
  const behind = cursor.countBeside(false)
  for (let distance = -behind; distance <= ahead; distance++) {
    const { key, value } = model.entries[at + distance]!
    expect(Math.sign(cursor.compareBeside(distance, other, other.length))).toBe(Math.sign(compareKeys(key, other)))
    const keyEnd = cursor.keyEndBeside(distance, 2)
    if (keyEnd >= 0) expect(cursor.pageBytes.slice(keyEnd, keyEnd + 2)).toEqual(key.slice(-2))
    const valueAt = cursor.valueBeside(distance)
    if (valueAt >= 0) expect(cursor.pageBytes.slice(valueAt, valueAt + value.length)).toEqual(value)
  }
  const { key } = model.entries[at]!
  for (let length = 1; length <= key.length; length++) {
    if (!cursor.differsAhead(length)) continue
    const next = model.entries[at + 1]!.key
    expect(compareKeys(next.slice(0, length), key.slice(0, length))).not.toBe(0)
  }
}

describe('a cursor', () => {
  it('goes on after the entry where it was saved, also when that one was removed', () => {
    const store = newStore(512, 16)
    const tree = store.createTree()
    for (let i = 0; i < 500; i++) put(tree, key(i), key(i))
    const cursor = tree.cursor()
    const seen: number[] = []
    while (seen.length === 0 ? cursor.first() : cursor.next()) {
      cursor.readKey()
      const n = cursor.key[7]! + 256 * cursor.key[6]!
      seen.push(n)
      cursor.save()
      if (n % 3 === 0) tree.delete(key(n), 8)
    }
    expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => i))
    cursor.close()
  })

  it('is refused when the tree was changed by others without a save', () => {
    const store = newStore(512, 16)
    const tree = store.createTree()
    for (let i = 0; i < 10; i++) put(tree, key(i), key(i))
    const cursor = tree.cursor()
    cursor.first()
    put(tree, key(20), key(20))
    expect(() => cursor.next()).toThrow('a cursor is saved before others change its tree')
  })

  it('tells whether the key begins with a prefix', () => {
    const store = newStore(512, 16)
    const tree = store.createTree()
    for (let i = 0; i < 300; i++) put(tree, key(i), key(i))
    const cursor = tree.cursor()
    cursor.seek(key(260), 8)
    for (let length = 0; length <= 8; length++) expect(cursor.keyStartsWith(key(260), length)).toBe(true)
    expect(cursor.keyStartsWith(key(261), 7)).toBe(true)
    expect(cursor.keyStartsWith(key(261), 8)).toBe(false)
    expect(cursor.keyStartsWith(key(5), 7)).toBe(false)
    expect(cursor.keyStartsWith(new Uint8Array(9), 9)).toBe(false)
    cursor.close()
  })
})

describe('loading', () => {
  it('fills pages when keys ascend', () => {
    const store = newStore(4096, 64)
    const tree = store.createTree()
    const value = new Uint8Array(100)
    for (let i = 0; i < 5000; i++) put(tree, key(i), value)
    expect((5000 * 113) / (store.pageCount * 4096)).toBeGreaterThan(0.9)
    expectSound(store, [tree.root])
  })

  it('takes entries in bulk and refuses those out of order', () => {
    const store = newStore(4096, 64)
    const tree = store.createTree()
    let i = 0
    const model = new TreeModel()
    tree.bulkLoad((into) => {
      if (i === 4000) return false
      into.key = key(i * 3)
      into.keyLength = 8
      into.value = new Uint8Array(i % 1000 === 0 ? 20000 : i % 50).fill(i)
      into.valueStart = 0
      into.valueEnd = into.value.length
      model.put(into.key, into.value)
      i++
      return true
    })
    expectSame(tree, model)
    expectSound(store, [tree.root])
    const other = store.createTree()
    expect(() =>
      other.bulkLoad((into) => {
        into.key = key(1000 - i++)
        into.keyLength = 8
        return true
      }),
    ).toThrow('ascend')
  })
})

describe('limits', () => {
  it('has none for the length of a key', () => {
    const store = newStore(4096, 64)
    const tree = store.createTree()
    const model = new TreeModel()
    for (const length of [503, 504, 505, 511, 512, 513, 5000, 1 << 20]) {
      for (const last of [0, 1, 255]) {
        const long = new Uint8Array(length).fill(9)
        long[length - 1] = last
        put(tree, long, key(last))
        model.put(long, key(last))
      }
    }
    expectSame(tree, model)
    expectSound(store, [tree.root])
    for (const { key: k } of model.entries) expect(tree.delete(k, k.length)).toBe(true)
    expect(store.pageCount).toBe(1)
  })

  it('holds values of 16 MiB with a cache that is smaller', () => {
    const store = newStore(16384, 64)
    const tree = store.createTree()
    const random = new SeededRandom(3)
    const value = new Uint8Array(16 * 1024 * 1024 + 5)
    for (let i = 0; i < value.length; i += 1000) value[i] = random.integer(256)
    put(tree, key(1), value)
    put(tree, key(2), key(2))
    expect(Buffer.compare(get(tree, key(1))!, value)).toBe(0)
    put(tree, key(1), key(1))
    expect(get(tree, key(1))).toEqual(key(1))
    expect(store.pageCount).toBe(1)
    expect(store.cachedBytes).toBeLessThanOrEqual(64 * 16384)
  })

  it('keeps no long value once nobody reads it: there are many trees', () => {
    const tree = newStore(16384, 64).createTree()
    put(tree, key(1), new Uint8Array(1_000_000))
    expect(get(tree, key(1))!.length).toBe(1_000_000)
    const first = ref.bytes
    expect(get(tree, key(1))!.length).toBe(1_000_000)
    expect(ref.bytes).not.toBe(first)
    const cursor = tree.cursor()
    cursor.first()
    expect(cursor.readValue().bytes.length).toBe(1_000_000)
    cursor.close()
    expect(cursor.value.bytes.length).toBe(0)
  })

  it('gives all pages of a dropped tree back', () => {
    const store = newStore(512, 20)
    const tree = store.createTree()
    const other = store.createTree()
    for (let i = 0; i < 2000; i++) put(tree, key((i * 7919) % 2000), new Uint8Array(i % 300))
    store.dropTree(tree.root)
    expect(store.pageCount).toBe(1)
    expectSound(store, [other.root])
  })
})
