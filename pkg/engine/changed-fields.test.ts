import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timestampMin } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { getField } from '../bson/value.ts'
import { parseIndexDefinition } from '../index/definition.ts'
import { Index } from '../index/index.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import { ChangedFields, keepsId } from './changed-fields.ts'

const names = ['a', 'ab', 'b', 'ba', 'c']
const value = fc.oneof(fc.nat(3), fc.constantFrom('', 'a', 'ab', 'ba', '\u0010a', { a: 1 }, { b: 1 }, [1, 2], null))
const document = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), value), { selector: ([name]) => name, maxLength: 5 })
  .map((fields) => buildDocument(Object.fromEntries(fields)))

function indexOn(name: string): Index {
  const definition = parseIndexDefinition(buildDocument({ v: 2, key: { [`${name}.x`]: 1 }, name }))
  const map = {} as VersionedMap
  return new Index(definition, map, { layout: 'shared', multikeyPaths: [0], usableFrom: timestampMin })
}

function sharedBytes(old: Uint8Array, document: Uint8Array): { head: number; tail: number } {
  const shorter = Math.min(old.length, document.length)
  let head = 4
  while (head < shorter && old[head] === document[head]) head++
  let tail = 0
  while (tail < shorter - head && old.at(-1 - tail) === document.at(-1 - tail)) tail++
  return { head, tail }
}

function textOf(document: Uint8Array, name: string): string {
  const found = getField(document, name)
  return found === undefined ? '' : `${found.type}:${[...document.subarray(found.start, found.end)].join()}`
}

test('an index is passed over only when its field is the same in both versions', () => {
  const indexes = names.map(indexOn)
  let passed = 0
  fc.assert(
    fc.property(document, document, fc.nat(7), (old, changed, start) => {
      const held = new Uint8Array(start + old.length)
      held.set(old, start)
      const fields = new ChangedFields()
      fields.find(held, start, old.length, changed, sharedBytes(old, changed))
      names.forEach((name, i) => {
        if (fields.touch(indexes[i]!)) return
        passed++
        expect(textOf(changed, name), name).toBe(textOf(old, name))
      })
    }),
    { numRuns: 4000 },
  )
  expect(passed).toBeGreaterThan(4000)
})

test('a patch keeps an _id that is the first field and the same in both versions', () => {
  const identified = fc.tuple(fc.boolean(), fc.constantFrom(1, 2.5, 'a'), document).map(([isFirst, _id, rest]) => {
    const fields = buildDocument({ _id })
    const id = fields.subarray(4, -1)
    const others = rest.subarray(4, -1)
    const elements = isFirst ? [...id, ...others] : [...others, ...id]
    return Uint8Array.from([elements.length + 5, 0, 0, 0, ...elements, 0])
  })
  let kept = 0
  fc.assert(
    fc.property(identified, identified, fc.nat(7), (old, changed, start) => {
      const held = new Uint8Array(start + old.length)
      held.set(old, start)
      if (!keepsId(held, start, sharedBytes(old, changed).head)) return
      kept++
      expect(textOf(changed, '_id')).toBe(textOf(old, '_id'))
    }),
    { numRuns: 4000 },
  )
  expect(kept).toBeGreaterThan(100)
  const old = buildDocument({ _id: 7, a: 1 })
  expect(keepsId(old, 0, sharedBytes(old, buildDocument({ _id: 7, a: 2 })).head)).toBe(true)
  expect(keepsId(old, 0, sharedBytes(old, buildDocument({ _id: 8, a: 1 })).head)).toBe(false)
})

test('a change of one field touches no index on others', () => {
  const indexes = names.map(indexOn)
  const old = buildDocument({ a: 1, ab: 2, b: 3, ba: 'x', c: 4 })
  const changed = buildDocument({ a: 1, ab: 2, b: 5, ba: 'x', c: 4 })
  const fields = new ChangedFields()
  fields.find(old, 0, old.length, changed, sharedBytes(old, changed))
  expect(indexes.map((index) => fields.touch(index))).toEqual([false, false, true, false, false])
})
