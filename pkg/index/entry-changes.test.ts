import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EntryChanges } from './entry-changes.ts'

interface Change {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** No key begins with another: each ends with the only zero in it. */
const keys = fc
  .array(fc.integer({ min: 1, max: 3 }), { maxLength: 14 })
  .map((bytes) => Uint8Array.from([7, ...bytes, 0]))
const values = fc.uint8Array({ maxLength: 3 })
const changes = fc.array(fc.record({ key: keys, value: values }), { maxLength: 300 })

function taken(waiting: EntryChanges): Change[] {
  const out: Change[] = []
  waiting.take((bytes, start, middle, end) => {
    out.push({ key: bytes.slice(start, middle), value: bytes.slice(middle, end) })
  })
  return out
}

function put(waiting: EntryChanges, { key, value }: Change): void {
  const at = waiting.position
  const bytes = waiting.room(key.length + value.length)
  bytes.set(key, at)
  bytes.set(value, at + key.length)
  waiting.push(at + key.length, at + key.length + value.length)
}

test('changes are given out once, by key, those of one key as they came', () => {
  const waiting = new EntryChanges()
  fc.assert(
    fc.property(changes, (some) => {
      for (const change of some) put(waiting, change)
      expect(taken(waiting)).toEqual(some.toSorted((a, b) => Buffer.compare(a.key, b.key)))
      expect(taken(waiting)).toEqual([])
    }),
    { numRuns: 300 },
  )
})

test('is full when the changes are many, or long', () => {
  const waiting = new EntryChanges()
  const long = new Uint8Array(300_000).fill(5)
  put(waiting, { key: long, value: new Uint8Array([1]) })
  expect(waiting.isFull).toBe(true)
  expect(taken(waiting)).toHaveLength(1)
  expect(waiting.isFull).toBe(false)
  let count = 0
  for (; !waiting.isFull; count++) put(waiting, { key: Uint8Array.of(1 + (count % 200), 0), value: new Uint8Array(0) })
  expect(taken(waiting)).toHaveLength(count)
  expect(count).toBe(2048)
})
