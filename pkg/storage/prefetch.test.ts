import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Prefetch, prefetchMax } from './prefetch.ts'
import { Store } from './store.ts'
import { bytesOf } from './testdata/tree-model.ts'
import type { Tree, ValueRef } from './tree.ts'

const ref: ValueRef = { bytes: new Uint8Array(0), start: 0, end: 0 }
const keyLength = 6
const wholeLength = 9

/** A number of six bytes, and a tail of three. */
function keyOf(n: number, tail: number): Uint8Array {
  const key = new Uint8Array(wholeLength)
  new DataView(key.buffer).setUint32(2, n)
  key[8] = tail
  return key
}

/** Every third number up to `count` has one to three entries, of values that are long now and then. */
function fill(tree: Tree, count: number, random: SeededRandom): void {
  for (let n = 0; n < count; n += 3) {
    for (let tail = 2; tail < 3 + random.integer(3); tail++) {
      const value = new Uint8Array(random.chance(0.02) ? 3000 : 1 + random.integer(150)).fill(n + tail)
      tree.put(keyOf(n, tail), wholeLength, value, 0, value.length)
    }
  }
}

describe('entries found together', () => {
  for (const cachePages of [16, 400]) {
    it(`are those found one by one, in a cache of ${cachePages} pages`, () => {
      const random = new SeededRandom(cachePages)
      const world = simulatedWorld(1)
      const cacheSizeBytes = cachePages * 1024
      const { store } = Store.open(world, 'data', { pageSizeBytes: 1024, cacheSizeBytes, compression: 'none' })
      const tree = store.createTree()
      expect(takeOf(tree, [keyOf(1, 0)], 0)).toBeUndefined()
      fill(tree, 3000, random)
      let given = 0
      let asked = 0
      for (let round = 0; round < 500; round++) {
        const count = 1 + random.integer(prefetchMax)
        const keys = Array.from({ length: count }, () => keyOf(random.integer(3010), random.integer(6)))
        if (round % 2 === 0) keys.sort(Buffer.compare)
        const prefetch = prefetchOf(tree, keys)
        for (let i = 0; i < count; i++) {
          const found = prefetch.take(i, ref) ? bytesOf(ref) : undefined
          const expected = tree.getFirst(keys[i]!, wholeLength, keyLength, ref) ? bytesOf(ref) : undefined
          if (expected !== undefined) asked++
          if (found === undefined) continue
          given++
          expect(found).toEqual(expected)
        }
      }
      // What is in memory and in its page is found; the first key of a leaf may be looked for in the one before.
      if (cachePages === 400) expect(given / asked).toBeGreaterThan(0.85)
      expect(store.pager.pins.every((pins) => pins === 0)).toBe(true)
    })
  }

  it('are not given once the tree has changed or their leaf has left the memory', () => {
    const world = simulatedWorld(1)
    const { store } = Store.open(world, 'data', {
      pageSizeBytes: 1024,
      cacheSizeBytes: 32 * 1024,
      compression: 'none',
    })
    const tree = store.createTree()
    fill(tree, 3000, new SeededRandom(1))
    const key = keyOf(1500, 0)
    expect(tree.getFirst(key, wholeLength, keyLength, ref)).toBe(true)
    const kept = bytesOf(ref)
    let prefetch = prefetchOf(tree, [key])
    expect(prefetch.take(0, ref) && bytesOf(ref)).toEqual(kept)
    for (let n = 0; n < 3000; n += 3) tree.getFirst(keyOf(n, 0), wholeLength, keyLength, ref)
    expect(prefetch.take(0, ref)).toBe(false)
    expect(tree.getFirst(key, wholeLength, keyLength, ref)).toBe(true)
    prefetch = prefetchOf(tree, [key])
    expect(prefetch.take(0, ref)).toBe(true)
    tree.put(keyOf(1, 0), wholeLength, key, 0, 1)
    expect(prefetch.take(0, ref)).toBe(false)
    tree.drop()
    expect(prefetchOf(tree, [key]).take(0, ref)).toBe(false)
  })
})

function prefetchOf(tree: Tree, keys: readonly Uint8Array[]): Prefetch {
  const prefetch = new Prefetch(tree)
  for (const [i, key] of keys.entries()) prefetch.key(i, wholeLength).set(key)
  prefetch.find(keys.length, wholeLength, keyLength)
  return prefetch
}

function takeOf(tree: Tree, keys: readonly Uint8Array[], i: number): Uint8Array | undefined {
  return prefetchOf(tree, keys).take(i, ref) ? bytesOf(ref) : undefined
}
