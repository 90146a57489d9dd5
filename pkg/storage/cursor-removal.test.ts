import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Store } from './store.ts'
import { expectSame, keyPool, randomValue, TreeModel } from './testdata/tree-model.ts'

const shapes = {
  'short entries': { page: 512, keyLengthMax: 20, valueLengthMax: 30, alphabet: 256, keys: 3000 },
  'keys with long common prefixes': { page: 512, keyLengthMax: 64, valueLengthMax: 40, alphabet: 2, keys: 3000 },
  'keys in overflow chains': { page: 512, keyLengthMax: 1500, valueLengthMax: 40, alphabet: 2, zeros: 100, keys: 800 },
  'values in overflow chains': { page: 1024, keyLengthMax: 100, valueLengthMax: 4000, alphabet: 8, keys: 800 },
}

describe('passing over entries and removing some', () => {
  it.each(Object.entries(shapes))('leaves the others and what is sound, and rests on what follows: %s', (_, shape) => {
    const random = new SeededRandom(shape.keys + shape.page)
    const options = { pageSizeBytes: shape.page, cacheSizeBytes: 24 * shape.page, compression: 'none' } as const
    const { store } = Store.open(simulatedWorld(1), 'data', options)
    const tree = store.createTree()
    const model = new TreeModel()
    const keys = keyPool(random, shape)
    // Few, about half, nearly all, all.
    for (const share of [0.02, 0.5, 0.95, 1]) {
      for (const key of keys) {
        const value = randomValue(random, shape.valueLengthMax)
        tree.put(key, key.length, value, 0, value.length)
        model.put(key, value)
      }
      const cursor = tree.cursor()
      const entries = model.copy().entries
      let at = 0
      for (let found = cursor.first(); found; ) {
        cursor.readKey()
        expect(cursor.key.slice(0, cursor.keyLength)).toEqual(entries[at]!.key)
        const count = 1 + random.integer(cursor.countBeside(true) + 1)
        const marks = Uint8Array.from({ length: count }, () => (random.chance(share) ? 1 : 0))
        found = cursor.passRemoving(marks, count)
        expect(cursor.valid).toBe(found)
        for (const mark of marks) {
          if (mark === 1) expect(model.delete(entries[at]!.key)).toBe(true)
          at++
        }
        if (found && random.chance(0.1)) {
          cursor.save()
          expect(cursor.restore()).toBe(true)
        }
      }
      expect(at).toBe(entries.length)
      cursor.close()
      expectSame(tree, model)
      expect(store.check([tree.root]).problems).toEqual([])
      expect(store.pager.pins.every((pins) => pins === 0)).toBe(true)
    }
    expect(store.pageCount).toBe(1)
  })
})
