import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TransientMap } from './transient-map.ts'

test('does what a Map does', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(60)), { maxLength: 6000 }), (steps) => {
      const map = new TransientMap<number, number>()
      const model = new Map<number, number>()
      for (const [isInsert, key] of steps) {
        if (isInsert) {
          map.set(key, key * 2)
          model.set(key, key * 2)
        } else expect(map.delete(key)).toBe(model.delete(key))
        expect(map.has(key)).toBe(model.has(key))
        expect(map.get(key)).toBe(model.get(key))
        expect(map.size).toBe(model.size)
      }
      expect(map.values()).toEqual([...model.values()])
    }),
    { numRuns: 30 },
  )
})

test('keeps its order and its entries when many come and go', () => {
  const map = new TransientMap<number, string>()
  map.set(-1, 'first')
  for (let i = 0; i < 10_000; i++) {
    map.set(i, `${i}`)
    if (i >= 5) map.delete(i - 5)
  }
  expect(map.values()).toEqual(['first', '9995', '9996', '9997', '9998', '9999'])
})

test('what has come and gone is no burden for the old generation', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void
  const oldBytes = (): number =>
    getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')!.space_used_size
  const map = new TransientMap<number, unknown>()
  for (let i = 0; i < 3; i++) map.set(-1 - i, {})
  // The table is old from here on.
  collect()
  collect()
  const before = oldBytes()
  for (let i = 0; i < 100_000; i++) {
    map.set(i, { payload: new Array(100).fill(i) })
    map.delete(i - 16)
    if (i % 2000 === 0) collect({ type: 'minor' })
  }
  // A Map keeps some 80 MB.
  expect(oldBytes() - before).toBeLessThan(10_000_000)
})
