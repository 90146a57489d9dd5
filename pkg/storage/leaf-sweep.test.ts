import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import { KeySweep, sweepMax } from './leaf-sweep.ts'
import { Store } from './store.ts'

const value = new Uint8Array([1])

/** No key is the beginning of another: `.` ends them, and is in none. */
function randomKey(random: SeededRandom): string {
  const beginning = random.integer(3) === 0 ? 'shared-beginning-' : ''
  const length = random.integer(20) === 0 ? 60 + random.integer(100) : random.integer(7)
  let key = beginning
  for (let i = 0; i < length; i++) key += '/abcdefg'[random.integer(8)]!
  return `${key}.`
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('sweeping a leaf', () => {
  it.each([
    [1, 4, 1],
    [2, 60, 3],
    [3, 3000, 2],
    [4, 10_000, 1],
    [5, 300, 40],
  ])('finds the entries that seeks find (seed %i, %i keys of up to %i entries)', (seed, count, entriesMax) => {
    const random = new SeededRandom(seed)
    const options = { pageSizeBytes: 1024, cacheSizeBytes: 8192 * 1024, compression: 'none' } as const
    const tree = Store.open(simulatedWorld(seed), 'data', options).store.createTree()
    const entries = new Set<string>()
    for (let i = 0; i < count; i++) {
      const key = randomKey(random)
      for (let n = random.integer(entriesMax); n >= 0; n--) entries.add(key + String(n).padStart(3, '0'))
    }
    for (const entry of entries) tree.put(bytesOf(entry), entry.length, value, 0, 1)
    const stored = [...entries].sort()
    const keys = [...new Set(stored.map((entry) => entry.slice(0, entry.indexOf('.') + 1)))]

    const cursor = tree.cursor()
    const sweep = new KeySweep()
    let settledOnes = 0
    for (const share of [1, 4, 64, 100_000]) {
      const wanted: string[] = []
      for (let i = 0; i < Math.min(share * 16, 20_000); i++) {
        wanted.push(random.integer(4) === 0 ? randomKey(random) : keys[random.integer(keys.length)]!)
      }
      wanted.sort()
      for (let at = 0; at < wanted.length; ) {
        const first = wanted[at]!
        if (!cursor.seekOnward(bytesOf(first), first.length)) break
        // The same key may come again at once.
        if (random.integer(8) > 0) at++
        const window = wanted.slice(at, at + 1 + random.integer(sweepMax))
        sweep.bytes = bytesOf(window.join(''))
        window.reduce((end, key, i) => {
          sweep.starts[i] = end
          sweep.ends[i] = end + key.length
          return end + key.length
        }, 0)
        const settled = cursor.sweep(sweep, 0, window.length)
        for (let i = 0; i < settled; i++) {
          const found = stored.filter((entry) => entry.startsWith(window[i]!))
          expect(sweep.founds[i]).toBe(found.length)
          found.forEach((entry, n) => {
            const tail = cursor.keyEndBeside(sweep.distances[i]! + n, 3)
            expect(new TextDecoder().decode(cursor.pageBytes.subarray(tail, tail + 3))).toBe(entry.slice(-3))
          })
        }
        settledOnes += settled
        at += settled
        if (settled < window.length) at++
      }
      cursor.close()
    }
    expect(settledOnes).toBeGreaterThan(count / 4)
  })
})
