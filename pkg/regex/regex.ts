/**
 * Regular expressions with PCRE's meaning, as MongoDB has them, that no pattern and no text can make run on and on.
 *
 *   a plain text, at the start or anywhere      compared byte by byte (`literal.ts`)
 *   what JavaScript's engine surely does fast   that engine (`native.ts`)
 *   whether there is a match in other texts     an automaton that looks at each byte once (`automaton.ts`)
 *   where it is, and what asks for more         our own, which remembers where it failed (`matcher.ts`)
 */
import { readUtf8, utf8Bytes } from '../bson/utf8.ts'
import { Automaton } from './automaton.ts'
import { type LiteralPart, literalPart } from './literal.ts'
import { Matcher } from './matcher.ts'
import { isAnchored, type NativeRegex, nativeRegex } from './native.ts'
import { parseRegex } from './parse.ts'
import { buildProgram, type Program } from './program.ts'
import { type ParsedRegex, RegexSyntaxError } from './tree.ts'

export { RegexSyntaxError } from './tree.ts'

export interface RegexMatch {
  /** In UTF-16 units of the text. */
  readonly start: number
  /** Exclusive. */
  readonly end: number
  /** Of each group; undefined: it took no part in the match. */
  readonly captures: readonly (string | undefined)[]
}

/** The option letters: caseless, multiline, extended, dot matches newlines, UTF (always so). */
const optionLetters = 'imxsu'

/** What is no option letter, or undefined. */
export function unfitOption(options: string): string | undefined {
  return [...options].find((letter) => !optionLetters.includes(letter))
}

/** In bytes of UTF-8; MongoDB's limit. */
const patternSizeMaxBytes = 16384

/** Throws RegexSyntaxError for a pattern or option that is not one, or a pattern that is too long. */
export function compileRegex(pattern: string, options = ''): Regex {
  const unfit = unfitOption(options)
  if (unfit !== undefined) throw new RegexSyntaxError(`invalid flag in regex options: ${unfit}`, 0)
  if (pattern.length > patternSizeMaxBytes || utf8Bytes(pattern).length > patternSizeMaxBytes) {
    throw new RegexSyntaxError('pattern string is longer than the limit', patternSizeMaxBytes)
  }
  const parsed = parseRegex(pattern, {
    caseless: options.includes('i'),
    multiline: options.includes('m'),
    dotAll: options.includes('s'),
    extended: options.includes('x'),
  })
  return new Regex(parsed)
}

/** In longer texts it pays to find out first whether there is a match. */
const nowhereLengthMin = 10_000

export class Regex {
  readonly groupCount: number
  /** For whoever plans: the text that every match begins with, and whether that says all. */
  readonly literal: LiteralPart | undefined
  readonly #literalBytes: Uint8Array
  readonly #native: NativeRegex | undefined
  readonly #parsed: ParsedRegex
  #program: Program | undefined
  #matcher: Matcher | undefined
  /** undefined: not asked for yet; null: there is none. */
  #automaton: Automaton | null | undefined

  constructor(parsed: ParsedRegex) {
    this.#parsed = parsed
    this.groupCount = parsed.groupCount
    this.literal = literalPart(parsed.root)
    this.#literalBytes = utf8Bytes(this.literal?.text ?? '')
    this.#native = nativeRegex(parsed)
    // Made now where it will be needed: that it grows too large must be known at once.
    if (this.#native === undefined) this.#program = buildProgram(parsed)
  }

  /** Whether there is a match in the UTF-8 text from `start` to `end` (exclusive). Throws 51156 beyond the step limit. */
  testUtf8(bytes: Uint8Array, start: number, end: number): boolean {
    const { literal } = this
    if (literal !== undefined) {
      const wanted = this.#literalBytes
      if (literal.atStart) {
        if (!startsWith(bytes, start, end, wanted)) return false
        if (literal.whole) return true
      } else if (literal.whole) return holdsText(bytes, start, end, wanted)
    }
    const native = this.#native
    if (native === undefined || end - start > native.lengthMax) {
      const automaton = this.#ownAutomaton()
      if (automaton !== null) return automaton.test(bytes, start, end)
    }
    return this.test(readUtf8(bytes, start, end))
  }

  /** Whether there is a match anywhere. Throws 51156 beyond the step limit. */
  test(text: string): boolean {
    const native = this.#native
    if (native !== undefined && text.length <= native.lengthMax) {
      native.expression.lastIndex = 0
      return native.expression.test(text)
    }
    const automaton = this.#ownAutomaton()
    if (automaton !== null) {
      const bytes = utf8Bytes(text)
      return automaton.test(bytes, 0, bytes.length)
    }
    return this.#ownMatcher().match(text, 0)
  }

  /** The first match that begins at `from` or later. Throws 51156 beyond the step limit. */
  exec(text: string, from = 0): RegexMatch | undefined {
    const native = this.#native
    if (native !== undefined && text.length <= native.lengthMax) {
      native.expression.lastIndex = from
      const found = native.expression.exec(text)
      if (found === null) return undefined
      return { start: found.index, end: found.index + found[0].length, captures: found.slice(1) }
    }
    const matcher = this.#ownMatcher()
    // That there is none is found out sooner.
    if (from === 0 && text.length > nowhereLengthMin && this.#ownAutomaton() !== null && !this.test(text))
      return undefined
    if (!matcher.match(text, from)) return undefined
    const { slots } = matcher
    const captures: (string | undefined)[] = []
    for (let group = 1; group <= this.groupCount; group++) {
      const start = slots[2 * group]!
      const end = slots[2 * group + 1]!
      captures.push(start < 0 || end < 0 ? undefined : text.slice(start, end))
    }
    return { start: slots[0]!, end: slots[1]!, captures }
  }

  #ownProgram(): Program {
    this.#program ??= buildProgram(this.#parsed)
    return this.#program
  }

  #ownMatcher(): Matcher {
    this.#matcher ??= new Matcher(this.#ownProgram())
    return this.#matcher
  }

  #ownAutomaton(): Automaton | null {
    if (this.#automaton === undefined)
      this.#automaton = Automaton.of(this.#ownProgram(), isAnchored(this.#parsed.root)) ?? null
    return this.#automaton
  }
}

function startsWith(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  const { length } = wanted
  if (end - start < length) return false
  for (let i = 0; i < length; i++) if (bytes[start + i] !== wanted[i]) return false
  return true
}

function holdsText(bytes: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  const { length } = wanted
  if (length === 0) return true
  const first = wanted[0]!
  const last = end - length
  for (let at = start; at <= last; at++) {
    if (bytes[at] !== first) continue
    let i = 1
    while (i < length && bytes[at + i] === wanted[i]) i++
    if (i === length) return true
  }
  return false
}

/**
 * The text that every string matching the pattern begins with, and whether beginning with it is all that is asked; undefined
 * when no index bounds come of it.
 */
export function regexPrefix(regex: Regex): { readonly prefix: string; readonly exact: boolean } | undefined {
  const { literal } = regex
  return literal?.atStart && literal.text !== '' ? { prefix: literal.text, exact: literal.whole } : undefined
}
