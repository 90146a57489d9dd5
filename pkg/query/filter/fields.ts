/**
 * A conjunction over fields of one document, decided in one pass over its elements: each is tested when it is met, and
 * the pass ends with the first that fails or the last that was asked for. Most of a collection scan is spent here.
 */
import { valueEnd } from '../../bson/walk.ts'
import type { PathPart } from '../path.ts'
import { missing, type Predicate, type ValueTest } from './operator.ts'

/** Tests the value of one field; of several for one field, all must pass. */
export interface FieldTest {
  readonly part: PathPart
  readonly test: ValueTest
}

/** Fields wanted at once: their state is one bit each of a small integer. */
const fieldsMax = 30

export function fieldsPredicate(tests: readonly FieldTest[]): Predicate {
  const merged = mergeByName(tests)
  const predicates: Predicate[] = []
  for (let i = 0; i < merged.length; i += fieldsMax) predicates.push(onePass(merged.slice(i, i + fieldsMax)))
  if (predicates.length === 1) return predicates[0]!
  return (bytes, start) => predicates.every((predicate) => predicate(bytes, start))
}

function mergeByName(tests: readonly FieldTest[]): FieldTest[] {
  const byName = new Map<string, { part: PathPart; tests: ValueTest[] }>()
  for (const { part, test } of tests) {
    const held = byName.get(part.name)
    if (held === undefined) byName.set(part.name, { part, tests: [test] })
    else held.tests.push(test)
  }
  return [...byName.values()].map(({ part, tests }) => ({ part, test: allOf(tests) }))
}

function allOf(tests: readonly ValueTest[]): ValueTest {
  const [first, second] = tests
  if (second === undefined) return first!
  if (tests.length === 2) return (type, bytes, start) => first!(type, bytes, start) && second(type, bytes, start)
  return (type, bytes, start) => tests.every((test) => test(type, bytes, start))
}

function onePass(fields: readonly FieldTest[]): Predicate {
  const names = fields.map(({ part }) => part.bytes)
  const tests = fields.map(({ test }) => test)
  const count = fields.length
  const all = 2 ** count - 1
  let failIfMissing = 0
  let initials = 0
  fields.forEach(({ part, test }, i) => {
    if (!test(missing, part.bytes, 0)) failIfMissing |= 1 << i
    initials |= 1 << ((part.bytes[0] ?? 0) & 31)
  })

  return (bytes, start) => {
    let pending = all
    let at = start + 4
    for (;;) {
      const type = bytes[at]!
      if (type === 0) return (pending & failIfMissing) === 0
      const nameStart = at + 1
      const initial = bytes[nameStart]!
      at = nameStart
      while (bytes[at] !== 0) at++
      // Five bits of its first byte tell for most names that nobody asked for them.
      if (((initials >>> (initial & 31)) & 1) === 1) {
        const length = at - nameStart
        for (let i = 0; i < count; i++) {
          const name = names[i]!
          if (name.length !== length || ((pending >>> i) & 1) === 0 || !sameName(bytes, nameStart, name, length))
            continue
          if (!tests[i]!(type, bytes, at + 1)) return false
          pending ^= 1 << i
          if (pending === 0) return true
          break
        }
      }
      at = valueEnd(bytes, type, at + 1)
    }
  }
}

function sameName(bytes: Uint8Array, at: number, name: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[at + i] !== name[i]) return false
  return true
}
