/**
 * A conjunction over fields of one document, decided in one pass over its elements: each is tested when it is met, and
 * the pass ends with the first that fails or the last that was asked for. Most of a collection scan is spent here.
 */

import type { PathPart } from '../path.ts'
import { irregular, lengthPrefixed, skipValue, valueSizes } from '../path.ts'
import { missing, type Predicate, type ValueTest } from './operator.ts'

/** Tests the value of one field; of several for one field, all must pass. */
export interface FieldTest {
  readonly part: PathPart
  readonly test: ValueTest
}

/** Fields wanted at once: their state is one bit each of a small integer. */
const fieldsMax = 30

/** `hot`: worth code of its own (see `generatedPass`), because it will be run on very many documents. */
export function fieldsPredicate(tests: readonly FieldTest[], hot: boolean): Predicate {
  const merged = mergeByName(tests)
  if (hot && isGeneratable(merged)) return generatedPass(merged)
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

/** The bits of the fields whose test a missing value fails. */
function failingIfMissing(fields: readonly FieldTest[]): number {
  let bits = 0
  fields.forEach(({ part, test }, i) => {
    if (!test(missing, part.bytes, 0)) bits |= 1 << i
  })
  return bits
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

/** Beyond this the code would be long for little: many fields, or very long names. */
const generatedFieldsMax = 8
const generatedNameBytesMax = 200

function isGeneratable(fields: readonly FieldTest[]): boolean {
  const nameBytes = fields.reduce((sum, { part }) => sum + part.bytes.length, 0)
  return fields.length <= generatedFieldsMax && nameBytes <= generatedNameBytesMax
}

/**
 * The same pass as code made for these names: they stand in it as numbers, so that a field nobody asked for costs one
 * comparison, and the compiler sees tests that never change. Twice as fast as `onePass` when hot, and slower for the first
 * few thousand documents. Nothing but numbers gets into the code.
 */
function generatedPass(fields: readonly FieldTest[]): Predicate {
  const all = 2 ** fields.length - 1
  const lengths = [...new Set(fields.map(({ part }) => part.bytes.length))]
  const cases = lengths.map((length) => {
    const checks = fields.flatMap(({ part }, i) => (part.bytes.length === length ? [fieldCode(part.bytes, i)] : []))
    return `case ${length}: ${checks.join(' else ')}; break;`
  })
  const code = `return (bytes, start) => {
    let pending = ${all}, at = start + 4
    for (;;) {
      const type = bytes[at]
      if (type === 0) return (pending & ${failingIfMissing(fields)}) === 0
      const name = ++at
      while (bytes[at] !== 0) at++
      switch (at++ - name) { ${cases.join('\n')} }
      const size = sizes[type]
      if (size < ${lengthPrefixed}) at += size
      else if (size === ${irregular}) at = skipValue(bytes, type, at)
      else at += size - ${lengthPrefixed} + (bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24)
    }
  }`
  const names = fields.map((_, i) => `test${i}`)
  const make = new Function('sizes', 'skipValue', ...names, code)
  return make(valueSizes, skipValue, ...fields.map(({ test }) => test)) as Predicate
}

function fieldCode(name: Uint8Array, i: number): string {
  const bit = 1 << i
  const same = [...name].map((byte, at) => `bytes[name + ${at}] === ${byte}`)
  return `if (${[`(pending & ${bit}) !== 0`, ...same].join(' && ')}) {
    if (!test${i}(type, bytes, at)) return false
    if ((pending ^= ${bit}) === 0) return true
  }`
}
