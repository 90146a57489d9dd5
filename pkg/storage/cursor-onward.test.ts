import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Store } from './store.ts'

const value = new Uint8Array([1])

/** Keys of few different bytes and many lengths, some too long for a page, many with the same beginning. */
function randomKey(random: SeededRandom): string {
  const beginning = random.integer(3) === 0 ? 'shared-beginning-' : ''
  const length = random.integer(20) === 0 ? 60 + random.integer(100) : 1 + random.integer(9)
  let key = beginning
  for (let i = 0; i < length; i++) key += 'abcdefgh'[random.integer(8)]!
  return key
}

const bytesOf = (key: string): Uint8Array => new TextEncoder().encode(key)

describe('seeking onward', () => {
  it.each([
    [1, 3],
    [2, 40],
    [3, 3000],
    [4, 20_000],
  ])('rests where seeking does, however far the keys lie apart (seed %i, %i entries)', (seed, count) => {
    const random = new SeededRandom(seed)
    const options = { pageSizeBytes: 512, cacheSizeBytes: 8192 * 512, compression: 'none' } as const
    const tree = Store.open(simulatedWorld(seed), 'data', options).store.createTree()
    const keys = new Set<string>()
    while (keys.size < count) keys.add(randomKey(random))
    for (const key of keys) tree.put(bytesOf(key), key.length, value, 0, 1)
    const sorted = [...keys].sort()

    const cursor = tree.cursor()
    for (const share of [2, count >>> 6, count, count * 3]) {
      const wanted = new Set<string>()
      for (let i = 0; i < share; i++) {
        wanted.add(random.integer(2) === 0 ? randomKey(random) : sorted[random.integer(count)]!)
      }
      let at = 0
      const ascending = [...wanted].sort()
      for (const [i, key] of ascending.entries()) {
        while (at < count && sorted[at]! < key) at++
        const found = cursor.seekOnward(bytesOf(key), key.length)
        expect(found).toBe(at < count)
        if (!found) continue
        cursor.readKey()
        expect(new TextDecoder().decode(cursor.key.subarray(0, cursor.keyLength))).toBe(sorted[at])
        // Whoever seeks may also have walked on, not beyond what comes next, or let go.
        const following = ascending[i + 1]
        if (following !== undefined && following > sorted[at]! && at + 1 < count && cursor.next()) at++
        if (random.integer(16) === 0) cursor.save()
      }
      cursor.close()
    }
  })
})
