/** Character classes: `[a-z_]`, `[^[:space:]\\d]`, and the dot. */
import { caseVariants } from './case-variants.ts'
import { CharacterSet, complement, everything, posixClasses } from './character-set.ts'
import { type Escape, readEscape } from './escape.ts'
import type { PatternReader } from './pattern-reader.ts'
import type { RegexNode } from './tree.ts'

/** Reads what follows the opening bracket, which stands at `at`. Throws RegexSyntaxError. */
export function readClass(reader: PatternReader, at: number, caseless: boolean): RegexNode {
  const negated = reader.skip('^')
  const ranges: number[] = []
  const properties: string[] = []
  const single: number[] = []
  for (let first = true; ; first = false) {
    if (reader.ended) throw reader.error('missing terminating ] for character class', at)
    if (!first && reader.skip(']')) break
    const low = readMember(reader, at)
    if (low === undefined) continue
    if (low.kind === 'set') {
      ranges.push(...low.ranges)
      properties.push(...low.properties)
      continue
    }
    const from = low.codePoint
    if (reader.peek() === '-' && !reader.text.startsWith('-]', reader.at)) {
      const dash = reader.at
      reader.take()
      const high = readMember(reader, at)
      if (high?.kind === 'set') throw reader.error('invalid range in character class', dash)
      if (high !== undefined) {
        if (high.codePoint < from) throw reader.error('range out of order in character class', dash)
        single.push(from, high.codePoint)
        continue
      }
    }
    single.push(from, from)
  }
  const listed = caseless ? inBothCases(single) : single
  if (listed !== undefined) {
    return { kind: 'character', set: new CharacterSet([...ranges, ...listed], properties, negated, false) }
  }
  if (ranges.length === 0) {
    return { kind: 'character', set: new CharacterSet(single, properties, negated, true) }
  }
  // Escapes like \w are not widened by the i option, so they are kept apart from what is.
  const inner: RegexNode[] = [
    { kind: 'character', set: new CharacterSet(ranges, properties, false, false) },
    { kind: 'character', set: new CharacterSet(single, [], false, true) },
  ]
  if (!negated) return { kind: 'choice', options: inner }
  const none: RegexNode[] = inner.map((item) => ({ kind: 'look', item, negative: true, behind: undefined }))
  return { kind: 'sequence', items: [...none, anyCharacter(true)] }
}

/** ASCII ranges with the other cases of what is in them; undefined for ranges beyond. */
function inBothCases(ranges: readonly number[]): number[] | undefined {
  if (ranges.some((codePoint) => codePoint > 0x7f)) return undefined
  const all = [...ranges]
  for (let i = 0; i < ranges.length; i += 2) {
    for (let codePoint = ranges[i]!; codePoint <= ranges[i + 1]!; codePoint++) {
      for (const variant of caseVariants(codePoint)) all.push(variant, variant)
    }
  }
  return all
}

function readMember(reader: PatternReader, classStart: number): Escape | undefined {
  if (reader.ended) throw reader.error('missing terminating ] for character class', classStart)
  const posix = /\[:(\^?)(\w+):\]/y
  posix.lastIndex = reader.at
  const found = posix.exec(reader.text)
  if (found !== null) {
    const ranges = posixClasses.get(found[2]!)
    if (ranges === undefined) throw reader.error('unknown POSIX class name')
    reader.at += found[0].length
    return { kind: 'set', ranges: found[1] === '' ? ranges : complement(ranges), properties: [] }
  }
  if (/\[[.=][^\]]*[.=]\]/y.test(reader.text.slice(reader.at, reader.at + 40))) {
    throw reader.error('POSIX collating elements are not supported')
  }
  const character = reader.take()
  if (character !== '\\') return { kind: 'character', codePoint: character.codePointAt(0)! }
  if (reader.skip('b')) return { kind: 'character', codePoint: 8 }
  if (reader.skip('E')) return undefined
  if (/^[BRX]/.test(reader.peek())) throw reader.error('escape sequence is invalid in character class')
  return readEscape(reader)
}

const anyOfAll: RegexNode = { kind: 'character', set: new CharacterSet(everything, [], false, false) }
const anyOfLine: RegexNode = { kind: 'character', set: new CharacterSet([0x0a, 0x0a], [], true, false) }

/** What the dot matches. */
export function anyCharacter(dotAll: boolean): RegexNode {
  return dotAll ? anyOfAll : anyOfLine
}
