import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Timestamp } from '../base/timestamp.ts'
import type { ValueRef } from '../storage/tree.ts'
import { memoPlace, memorize, newReader, recall } from './read-memo.ts'

const at = (n: number): Timestamp => n as Timestamp
const ref = (value: Uint8Array): ValueRef => ({ bytes: value, start: 0, end: value.length })

function keep(reader: number, key: Uint8Array, moment: number, value: Uint8Array | undefined): void {
  memorize(memoPlace(reader, key, key.length), reader, key, key.length, at(moment), value && ref(value))
}

/** What is known of the key: its value, nothing when it had none; undefined: it is not known. */
function known(reader: number, key: Uint8Array, moment: number): number[] | undefined {
  const into = ref(new Uint8Array(0))
  if (!recall(memoPlace(reader, key, key.length), reader, key, key.length, at(moment), into)) return undefined
  return [...into.bytes.subarray(into.start, into.end)]
}

test('what was read is known to who has read it, at that moment', () => {
  const reader = newReader()
  const key = Uint8Array.of(1, 2, 3)
  expect(known(reader, key, 7)).toBeUndefined()
  keep(reader, key, 7, Uint8Array.of(9, 8))
  expect(known(reader, key, 7)).toEqual([9, 8])
  expect(known(reader, key, 6)).toBeUndefined()
  expect(known(reader, Uint8Array.of(1, 2), 7)).toBeUndefined()
  expect(known(reader, Uint8Array.of(1, 2, 4), 7)).toBeUndefined()
  expect(known(newReader(), key, 7)).toBeUndefined()
  keep(reader, key, 8, undefined)
  expect(known(reader, key, 8)).toEqual([])
})

test('what is long is not kept', () => {
  const reader = newReader()
  const key = Uint8Array.of(5)
  keep(reader, key, 1, new Uint8Array(449))
  expect(known(reader, key, 1)).toBeUndefined()
  keep(reader, key, 1, new Uint8Array(448).fill(3))
  expect(known(reader, key, 1)).toHaveLength(448)
  keep(reader, new Uint8Array(65), 1, Uint8Array.of(1))
  expect(known(reader, new Uint8Array(65), 1)).toBeUndefined()
})

test('what is known is what was read last, however many read', () => {
  const step = fc.tuple(fc.nat(5), fc.uint8Array({ minLength: 1, maxLength: 3, max: 3 }), fc.nat(2))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const readers = Array.from({ length: 6 }, newReader)
      const model = new Map<string, number[]>()
      for (const [i, [who, key, moment]] of steps.entries()) {
        const name = `${who} ${key.join()} ${moment}`
        const found = known(readers[who]!, key, moment)
        if (found !== undefined) expect(found).toEqual(model.get(name))
        const value = Uint8Array.of(i & 0xff, i >> 8)
        keep(readers[who]!, key, moment, value)
        model.set(name, [...value])
        expect(known(readers[who]!, key, moment)).toEqual([...value])
      }
    }),
  )
})
