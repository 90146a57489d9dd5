/**
 * Passes over a document as code made for one filter, for scans that have turned out long: names stand in the code as
 * numbers, so that a field nobody asked for costs a comparison or two, and the compiler sees tests that never change.
 * Slower than the plain pass (`fields.ts`) for the first few thousand documents.
 *
 * Nothing but numbers gets into the code: field names as bytes, sizes, bits. Everything else comes in as arguments.
 */
import { irregular, lengthPrefixed, skipValue, valueSizes } from '../path.ts'
import { type FieldTest, missing, type Predicate } from './operator.ts'

/** Beyond this the code would be long for little: many fields, or very long names. */
const fieldsMax = 8
const nameBytesMax = 200

export function isGeneratable(fields: readonly FieldTest[]): boolean {
  const nameBytes = fields.reduce((sum, { part }) => sum + part.bytes.length, 0)
  return fields.length <= fieldsMax && nameBytes <= nameBytesMax
}

/** The bits of the fields whose test a missing value fails. */
export function failingIfMissing(fields: readonly FieldTest[]): number {
  let bits = 0
  fields.forEach(({ part, test }, i) => {
    if (!test(missing, part.bytes, 0)) bits |= 1 << i
  })
  return bits
}

/** For documents of any shape. */
export function generatedPass(fields: readonly FieldTest[]): Predicate {
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
  const make = new Function('sizes', 'skipValue', ...testNames(fields), code)
  return make(valueSizes, skipValue, ...fields.map(({ test }) => test)) as Predicate
}

function testNames(fields: readonly FieldTest[]): string[] {
  return fields.map((_, i) => `test${i}`)
}

function fieldCode(name: Uint8Array, i: number): string {
  const bit = 1 << i
  const same = [...name].map((byte, at) => `bytes[name + ${at}] === ${byte}`)
  return `if (${[`(pending & ${bit}) !== 0`, ...same].join(' && ')}) {
    if (!test${i}(type, bytes, at)) return false
    if ((pending ^= ${bit}) === 0) return true
  }`
}

/** A document that the others of a scan probably look like. */
export interface Sample {
  readonly bytes: Uint8Array
  readonly start: number
}

/** Elements of the sample that the code follows; documents that go on longer are left to the other pass. */
const elementsMax = 64

/**
 * For documents that have the fields of `sample`, in its order: each name is checked four bytes at a time against what is expected
 * there, instead of being searched for its end. A document that differs goes to `otherwise`; when a third of them do, all.
 * Between types whose size is fixed a field may change (a number, null, a date); others must be of the sample's type.
 */
export function shapedPass(fields: readonly FieldTest[], sample: Sample, otherwise: Predicate): Predicate {
  const steps = stepsOf(fields, sample)
  if (steps === undefined) return otherwise
  const code = `let view = new DataView(new ArrayBuffer(0)), viewed, limit = 0, calls = 0, misses = 0, off = false
  const miss = (bytes, start) => {
    if ((++misses & 1023) === 0) off = misses * 3 > calls
    return otherwise(bytes, start)
  }
  return (bytes, start) => {
    if (off) return otherwise(bytes, start)
    calls++
    if (bytes !== viewed) {
      view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      viewed = bytes
      limit = bytes.length
    }
    let at = start + 4, type = 0, size = 0
    ${steps.join('\n')}
  }`
  const make = new Function('otherwise', 'sizes', ...testNames(fields), code)
  return make(otherwise, valueSizes, ...fields.map(({ test }) => test)) as Predicate
}

/** The code for each element up to the last that is wanted; undefined where the sample cannot be followed. */
function stepsOf(fields: readonly FieldTest[], { bytes, start }: Sample): string[] | undefined {
  const steps: string[] = []
  let pending = 2 ** fields.length - 1
  let at = start + 4
  while (bytes[at] !== 0) {
    const type = bytes[at]!
    const size = valueSizes[type]!
    if (size === irregular || steps.length === elementsMax) return undefined
    const nameStart = at + 1
    while (bytes[++at] !== 0);
    const name = bytes.subarray(nameStart, at + 1)
    const wanted = fields.findIndex(({ part }, i) => ((pending >>> i) & 1) === 1 && isName(name, part.bytes))
    if (wanted >= 0) pending ^= 1 << wanted
    steps.push(stepCode(type, size, name, wanted, pending === 0))
    if (pending === 0) return steps
    at = skipValue(bytes, type, at + 1)
  }
  // What is wanted and not in the sample is missing, if the document ends where the sample does.
  const passes = (pending & failingIfMissing(fields)) === 0
  steps.push(`return bytes[at] === 0 ? ${passes} : miss(bytes, start)`)
  return steps
}

/** `name`: with its NUL. */
function isName(name: Uint8Array, wanted: Uint8Array): boolean {
  return name.length === wanted.length + 1 && wanted.every((byte, i) => byte === name[i])
}

/** Checks one element's type and name, tests its value if that is wanted, and goes to the next. */
function stepCode(type: number, size: number, name: Uint8Array, wanted: number, last: boolean): string {
  const fixed = size < lengthPrefixed
  const valueAt = 1 + name.length
  // The reads below stay within the bytes: a document may end, at the end of a page, where the sample goes on.
  const differs = [`at + ${valueAt + 4} > limit`, ...nameDiffers(name)]
  if (fixed) differs.push(`(size = sizes[type = bytes[at]]) >= ${lengthPrefixed}`, 'type === 0')
  else differs.push(`bytes[at] !== ${type}`)
  const lines = [`if (${differs.join(' || ')}) return miss(bytes, start)`, `at += ${valueAt}`]
  if (wanted >= 0) {
    const test = `test${wanted}(${fixed ? 'type' : type}, bytes, at)`
    lines.push(last ? `return ${test}` : `if (!${test}) return false`)
  }
  if (!last) lines.push(fixed ? 'at += size' : `at += ${size - lengthPrefixed} + view.getInt32(at, true)`)
  return lines.join('\n')
}

/** Conditions that hold when the bytes after the type byte are not `name`, by as few reads as possible. */
function nameDiffers(name: Uint8Array): string[] {
  const conditions: string[] = []
  const expected = new DataView(name.buffer, name.byteOffset, name.length)
  let i = 0
  for (; i + 4 <= name.length; i += 4)
    conditions.push(`view.getInt32(at + ${i + 1}, true) !== ${expected.getInt32(i, true)}`)
  for (; i < name.length; i++) conditions.push(`bytes[at + ${i + 1}] !== ${name[i]!}`)
  return conditions
}
