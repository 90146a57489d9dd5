/** Walks over keys and values of all lengths, with many versions each, at every moment there was. */
import { expect, test } from 'vitest'
import { type Timestamp, timestampMin, timestampOf } from '../base/timestamp.ts'
import { compareBytes } from '../bson/key.ts'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Store } from '../storage/store.ts'
import type { ValueRef } from '../storage/tree.ts'
import { Snapshots } from './snapshots.ts'
import { VersionedMap } from './versioned-map.ts'

/** Keys that none is a prefix of another: their lengths are in front. `spread`: how many there are of a length. */
function someKey(random: SeededRandom, lengths: readonly number[], spread: number): Uint8Array {
  const length = lengths[random.integer(lengths.length)]!
  const key = new Uint8Array(length).fill(length)
  key[length - 1] = random.integer(spread)
  return key
}

interface Moment {
  readonly at: Timestamp
  /** Values by key, of those that were live; both as texts. */
  readonly entries: readonly [string, string][]
}

const textOf = (bytes: Uint8Array, start: number, end: number): string => bytes.subarray(start, end).join(',')

const workloads: readonly (readonly [string, readonly number[], number, pageSizeBytes: number])[] = [
  ['short keys', [3, 4, 9], 30, 512],
  ['hundreds of short keys in a page', [3, 9], 200, 16_384],
  ['keys of many lengths, some longer than a page keeps', [2, 60, 80, 200], 12, 512],
  ['one key', [6], 1, 512],
  ['one long key', [150], 1, 512],
]

test.each(workloads)('walks at every moment, both ways, with turns: %s', (_, lengths, spread, pageSizeBytes) => {
  for (const seed of [1, 2, 3]) {
    const random = new SeededRandom(seed)
    const { store } = Store.open(simulatedWorld(seed), 'data', {
      pageSizeBytes,
      cacheSizeBytes: 256 * pageSizeBytes,
      compression: 'none',
    })
    const snapshots = new Snapshots()
    // All of it is history that may be asked for.
    snapshots.keepHistorySince(timestampMin)
    const map = new VersionedMap(store.createTree(), snapshots, 0, timestampMin)
    const ref: ValueRef = { bytes: new Uint8Array(0), start: 0, end: 0 }
    const live = new Map<string, [key: Uint8Array, value: string]>()
    const moments: Moment[] = []
    let now = timestampOf(1_700_000_000, 1)
    for (let step = 0; step < 700; step++) {
      // Stamps whose first, middle and last bytes differ.
      now = (now + [1, 300, 2 ** 21, 2 ** 34][random.integer(4)]!) as Timestamp
      const key = someKey(random, lengths, spread)
      const name = textOf(key, 0, key.length)
      if (map.locate(key, key.length, now, ref) && random.integer(3) === 0) {
        map.removeLocated()
        live.delete(name)
      } else {
        const value = random.bytes(random.integer(20) === 0 ? 600 : 1 + random.integer(20))
        map.writeLocated(value, 0, value.length)
        live.set(name, [key, textOf(value, 0, value.length)])
      }
      if (step % 20 !== 0) continue
      const inOrder = [...live].sort(([, [a]], [, [b]]) => compareBytes(a, 0, a.length, b, 0, b.length))
      moments.push({ at: now, entries: inOrder.map(([text, [, value]]) => [text, value]) })
    }
    for (const { at, entries } of moments) {
      const walk = map.cursor(at)
      const here = (): [string, string] => {
        walk.readKey()
        return [textOf(walk.keyBytes, 0, walk.keyLength), textOf(walk.value.bytes, walk.value.start, walk.value.end)]
      }
      const forward: [string, string][] = []
      for (let on = walk.first(); on; on = walk.next()) forward.push(here())
      expect(forward).toEqual(entries)
      const backward: [string, string][] = []
      for (let on = walk.last(); on; on = walk.previous()) backward.push(here())
      expect(backward).toEqual(entries.toReversed())
      // To and fro.
      let place = 0
      let on = walk.first()
      for (let i = 0; i < 60 && on; i++) {
        expect(here()).toEqual(entries[place])
        if (random.integer(4) === 0) walk.save()
        const ahead = random.integer(3) > 0
        place += ahead ? 1 : -1
        on = ahead ? walk.next() : walk.previous()
        expect(on).toBe(entries[place] !== undefined)
      }
      walk.close()
    }
  }
})
