/**
 * A conjunction over fields of one document, decided in one pass over its elements: each is tested when it is met, and
 * the pass ends with the first that fails or the last that was asked for. Most of a collection scan is spent here.
 */
import { type PathPart, skipValue } from '../path.ts'
import { failingIfMissing, generatedPass, isGeneratable, type Sample, shapedPass } from './generated.ts'
import type { FieldTest, Predicate, ValueTest } from './operator.ts'

/** Fields wanted at once: their state is one bit each of a small integer. */
const fieldsMax = 30

/** `sample`: makes code of its own for documents like this one; worth it for very many of them. */
export function fieldsPredicate(tests: readonly FieldTest[], sample?: Sample): Predicate {
  const merged = mergeByName(tests)
  if (sample !== undefined && isGeneratable(merged)) return shapedPass(merged, sample, generatedPass(merged))
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

interface WantedField {
  readonly name: Uint8Array
  readonly length: number
  readonly initial: number
  readonly bit: number
  readonly test: ValueTest
  readonly next: WantedField | undefined
}

function onePass(fields: readonly FieldTest[]): Predicate {
  const all = 2 ** fields.length - 1
  const failIfMissing = failingIfMissing(fields)
  let wanted: WantedField | undefined
  let initials = 0
  fields.forEach(({ part: { bytes: name }, test }, i) => {
    const initial = name[0] ?? 0
    wanted = { name, length: name.length, initial, bit: 1 << i, test, next: wanted }
    initials |= 1 << (initial & 31)
  })
  const first = wanted

  return (bytes, start) => {
    let pending = all
    let at = start + 4
    for (;;) {
      const type = bytes[at]!
      if (type === 0) return (pending & failIfMissing) === 0
      const nameStart = ++at
      const initial = bytes[nameStart]!
      while (bytes[at] !== 0) at++
      const length = at++ - nameStart
      // Five bits of its first byte tell for most names that nobody asked for them.
      if (((initials >>> (initial & 31)) & 1) === 1) {
        for (let field = first; field !== undefined; field = field.next) {
          if (field.initial !== initial || field.length !== length || (pending & field.bit) === 0) continue
          if (!sameName(bytes, nameStart, field.name, length)) continue
          if (!field.test(type, bytes, at)) return false
          pending ^= field.bit
          if (pending === 0) return true
          break
        }
      }
      at = skipValue(bytes, type, at)
    }
  }
}

function sameName(bytes: Uint8Array, at: number, name: Uint8Array, length: number): boolean {
  for (let i = 1; i < length; i++) if (bytes[at + i] !== name[i]) return false
  return true
}
