/**
 * Runs programs by backtracking in the order PCRE tries things, and remembers where it has failed: each split is tried
 * once at each position, so that the time is at most in proportion to pattern times text, whatever the pattern.
 *
 * A pattern with back references cannot be cut short that way, nor can a very long text be remembered: steps are counted, and
 * beyond a limit matching ends with error 51156, as with PCRE's match limit.
 */
import { DatabaseError } from '../base/errors.ts'
import { caseVariants } from './case-variants.ts'
import { op, type Program } from './program.ts'
import type { Assertion } from './tree.ts'

/** Steps for one text: some ten milliseconds, which nothing interrupts. A text of megabytes has more, in proportion. */
const stepsMax = 500_000
const stepsPerUnit = 2

/** What may be remembered at most. */
const memoryBitsMax = 1 << 26
const foundMax = 100_000

let memory = new Uint32Array(1024)

export class Matcher {
  readonly #program: Program
  readonly #slots: Int32Array
  /** Places to go back to: instruction, position; or ~slot, former value. */
  #stack = new Int32Array(256)
  #top = 0
  #text = ''
  #steps = 0
  #remembers = false
  /** Bits set inside look-arounds and atomic groups: taken back after each, since they may succeed the next time. */
  #marked: number[] | undefined
  /** What look-arounds and atomic groups found, by place and position. */
  #found = new Map<number, number>()

  constructor(program: Program) {
    this.#program = program
    this.#slots = new Int32Array(program.slotCount)
  }

  /** Group positions: start and end of the whole match, then of each group (-1: it took no part). Valid until the next match. */
  get slots(): Int32Array {
    return this.#slots
  }

  /** Finds the first match at or after `from`. Throws 51156. */
  match(text: string, from: number): boolean {
    const length = text.length
    const { splitCount, hasBackreference } = this.#program
    this.#text = text
    this.#steps = stepsMax + (hasBackreference ? 0 : stepsPerUnit * length)
    const bits = splitCount * (length + 1)
    this.#remembers = !hasBackreference && bits <= memoryBitsMax
    if (this.#remembers) remember(bits)
    this.#found.clear()
    this.#marked = undefined
    for (let start = from; start <= length; start++) {
      if (start > 0 && isTrail(text, start)) continue
      this.#slots.fill(-1)
      const end = this.#run(0, start)
      if (end >= 0) {
        this.#slots[0] = start
        this.#slots[1] = end
        return true
      }
    }
    return false
  }

  /** Where the program's part that begins at `entry` ends when it matches at `position`; -1: it does not. */
  #run(entry: number, position: number): number {
    const { ops, a, b, c, sets, splitNumbers, splitCount, assertions } = this.#program
    const text = this.#text
    const length = text.length
    const slots = this.#slots
    const base = this.#top
    let pc = entry
    let at = position
    for (;;) {
      if (--this.#steps < 0)
        throw new DatabaseError(51156, 'Error occurred while executing regular expression: match limit exceeded')
      let failed = false
      switch (ops[pc]) {
        case op.done:
          this.#keepChanges(base)
          return at
        case op.character: {
          if (at >= length) failed = true
          else {
            const unit = text.charCodeAt(at)
            const codePoint = unit >= 0xd800 && unit < 0xdc00 ? text.codePointAt(at)! : unit
            if (sets[a[pc]!]!.has(codePoint)) {
              at += codePoint > 0xffff ? 2 : 1
              pc++
            } else failed = true
          }
          break
        }
        case op.split: {
          if (this.#remembers && this.#tried(at * splitCount + splitNumbers[pc]!)) failed = true
          else {
            this.#push(b[pc]!, at)
            pc = a[pc]!
          }
          break
        }
        case op.jump:
          pc = a[pc]!
          break
        case op.save: {
          const slot = a[pc]!
          this.#push(~slot, slots[slot]!)
          slots[slot] = at
          pc++
          break
        }
        case op.assertion:
          if (holds(assertions[a[pc]!]!, text, at)) pc++
          else failed = true
          break
        case op.atomic: {
          const end = this.#inner(pc, at, at)
          if (end < 0) failed = true
          else {
            at = end
            pc = b[pc]!
          }
          break
        }
        case op.look:
        case op.lookNot: {
          const start = back(text, at, c[pc]!)
          const found = start >= 0 && this.#inner(pc, at, start) >= 0
          if (found === (ops[pc] === op.look)) pc = b[pc]!
          else failed = true
          break
        }
        case op.backreference: {
          const end = this.#referenceEnd(a[pc]!, c[pc] === 1, at)
          if (end < 0) failed = true
          else {
            at = end
            pc++
          }
          break
        }
        case op.jumpIfMoved:
          pc = slots[b[pc]!] === at ? pc + 1 : a[pc]!
          break
      }
      if (!failed) continue
      // Back to where something else can be tried, undoing what was saved since.
      for (;;) {
        if (this.#top === base) return -1
        const value = this.#stack[--this.#top]!
        const place = this.#stack[--this.#top]!
        if (place >= 0) {
          pc = place
          at = value
          break
        }
        slots[~place] = value
      }
    }
  }

  /** Runs the part behind the instruction `pc`, once for each position if that can be remembered. */
  #inner(pc: number, at: number, start: number): number {
    const { groupCount, ops, a } = this.#program
    const key = at * ops.length + pc
    const keep = this.#remembers && groupCount === 0
    if (keep) {
      const known = this.#found.get(key)
      if (known !== undefined) return known
    }
    const outer = this.#marked
    this.#marked = []
    const end = this.#run(a[pc]!, start)
    // What failed here fails everywhere; what led to success is no failure.
    if (end >= 0) for (const bit of this.#marked) memory[bit >>> 5]! &= ~(1 << (bit & 31))
    this.#marked = outer
    if (keep && this.#found.size < foundMax) this.#found.set(key, end)
    return end
  }

  /** Whether this has been tried before; from now on it has. */
  #tried(bit: number): boolean {
    const word = bit >>> 5
    const mask = 1 << (bit & 31)
    if ((memory[word]! & mask) !== 0) return true
    memory[word]! |= mask
    this.#marked?.push(bit)
    return false
  }

  #push(place: number, value: number): void {
    if (this.#top + 2 > this.#stack.length) {
      const grown = new Int32Array(this.#stack.length * 2)
      grown.set(this.#stack)
      this.#stack = grown
    }
    this.#stack[this.#top++] = place
    this.#stack[this.#top++] = value
  }

  /** Drops the places to go back to above `base`, but not how to undo what was saved: an outer failure needs it. */
  #keepChanges(base: number): void {
    let to = base
    for (let from = base; from < this.#top; from += 2) {
      if (this.#stack[from]! >= 0) continue
      this.#stack[to] = this.#stack[from]!
      this.#stack[to + 1] = this.#stack[from + 1]!
      to += 2
    }
    // Nobody is outside the whole match.
    this.#top = base === 0 && this.#marked === undefined ? 0 : to
  }

  #referenceEnd(group: number, caseless: boolean, at: number): number {
    const from = this.#slots[2 * group]!
    const to = this.#slots[2 * group + 1]!
    if (from < 0 || to < from) return -1
    const text = this.#text
    this.#steps -= to - from
    if (!caseless) return text.startsWith(text.slice(from, to), at) ? at + to - from : -1
    let end = at
    for (let i = from; i < to; ) {
      const wanted = text.codePointAt(i)!
      const found = text.codePointAt(end)
      if (found === undefined || (found !== wanted && !caseVariants(wanted).includes(found))) return -1
      i += wanted > 0xffff ? 2 : 1
      end += found > 0xffff ? 2 : 1
    }
    return end
  }
}

function remember(bits: number): void {
  const words = (bits >>> 5) + 1
  if (words > memory.length) memory = new Uint32Array(Math.max(words, memory.length * 2))
  else memory.fill(0, 0, words)
}

/** Whether the second half of a pair stands at `at`. */
function isTrail(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  if (unit < 0xdc00 || unit > 0xdfff) return false
  const before = text.charCodeAt(at - 1)
  return before >= 0xd800 && before < 0xdc00
}

/** The position `count` characters before `at`, or -1. A negative count is none. */
function back(text: string, at: number, count: number): number {
  let start = at
  for (let left = count; left > 0; left--) {
    if (start === 0) return -1
    start--
    if (start > 0 && isTrail(text, start)) start--
  }
  return start
}

function holds(what: Assertion, text: string, at: number): boolean {
  const { length } = text
  switch (what) {
    case 'start':
      return at === 0
    case 'end':
      return at === length
    case 'endOrNewline':
      return at === length || (at === length - 1 && text.charCodeAt(at) === newline)
    case 'lineStart':
      return at === 0 || (at < length && text.charCodeAt(at - 1) === newline)
    case 'lineEnd':
      return at === length || text.charCodeAt(at) === newline
    case 'word':
      return isWord(text, at - 1) !== isWord(text, at)
    case 'notWord':
      return isWord(text, at - 1) === isWord(text, at)
  }
}

const newline = 0x0a

function isWord(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return (
    (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x5f
  )
}
