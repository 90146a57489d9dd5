import { expect, test } from 'vitest'
import type { RecordId } from '../base/ids.ts'
import { SeededRandom } from '../sim/random.ts'
import { RecordIdSet } from './record-id-set.ts'

test('has what was added, near and far', () => {
  const random = new SeededRandom(3)
  const set = new RecordIdSet()
  const model = new Set<number>()
  const near = (): number => [0, 65_500, 2 ** 31 - 50, 2 ** 40][random.integer(4)]! + random.integer(100)
  for (let i = 0; i < 300; i++) {
    const id = near()
    set.add(id as RecordId)
    model.add(id)
    for (let k = 0; k < 20; k++) {
      const asked = near()
      expect(set.has(asked as RecordId)).toBe(model.has(asked))
    }
  }
})
