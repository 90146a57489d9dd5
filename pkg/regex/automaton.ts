/**
 * Whether a text has a match, by a deterministic automaton that is made while it runs: each byte of the text is looked at once,
 * and takes one look into a table once the automaton has been in that state with that character before.
 *
 * A state is the set of instructions that any way through the pattern can have come to. Making one costs work in proportion to the
 * pattern; a pattern with so many states that a text cannot be run through in some ten milliseconds ends with error 51156, as with PCRE's
 * match limit. Characters that no set of the pattern tells apart are one class.
 *
 * For patterns without look-arounds, atomic groups and back references; and it tells only whether there is a match, not where.
 */
import { DatabaseError } from '../base/errors.ts'
import type { CharacterSet } from './character-set.ts'
import { op, type Program } from './program.ts'
import type { Assertion } from './tree.ts'

/** Instructions looked at to make states, for one text. */
const workMax = 600_000
/** What sorting and naming one instruction of a state costs, of that. */
const nameWork = 8
/** Beyond these all states are forgotten and made anew. */
const statesMax = 4096
const kernelsMax = 1_000_000
const knownCharactersMax = 65_536

const matched = -1
const dead = -2

/** What is before or after a place, as far as assertions ask. */
const kind = { none: 0, newline: 1, word: 2, other: 3, lastNewline: 4 } as const
const newline = 0x0a
/** The class of a newline that is the text's last character. */
const lastNewlineClass = 0

interface State {
  /** Ascending. */
  readonly kernel: Int32Array
  readonly before: number
}

export class Automaton {
  readonly #program: Program
  readonly #isAnchored: boolean
  readonly #asserts: boolean
  /** Sets that differ, and which of them instruction i has. */
  readonly #sets: readonly CharacterSet[]
  readonly #setOf: Int32Array
  readonly #ascii = new Uint16Array(128)
  /** A character of each class, and what it is to assertions. */
  readonly #samples: number[] = [newline]
  readonly #kinds: number[] = [kind.lastNewline]
  readonly #classes = new Map<string, number>()
  readonly #known = new Map<number, number>()
  #stride = 16
  #states: State[] = []
  #numbers = new Map<string, number>()
  #kernelTotal = 0
  /** By state and class: a state, `matched`, `dead`, or 0: not made yet. */
  #next = new Int32Array(0)
  #work = 0
  // A set of instructions while a state is made.
  readonly #seen: Int32Array
  #mark = 0
  readonly #stack: number[] = []
  readonly #characters: number[] = []

  /** undefined for a pattern that needs more than this. `isAnchored`: it can match at the start of the text only. */
  static of(program: Program, isAnchored: boolean): Automaton | undefined {
    for (const code of program.ops) {
      if (code === op.atomic || code === op.look || code === op.lookNot || code === op.backreference) return undefined
    }
    return new Automaton(program, isAnchored)
  }

  private constructor(program: Program, isAnchored: boolean) {
    this.#program = program
    this.#isAnchored = isAnchored
    this.#asserts = program.assertions.length > 0
    this.#seen = new Int32Array(program.ops.length)
    const numbers = new Map<string, number>()
    const sets: CharacterSet[] = []
    const numberOf = program.sets.map((set) => {
      const key = `${set.negated} ${set.caseless} ${set.ranges.join()} ${set.properties.join()}`
      let number = numbers.get(key)
      if (number === undefined) {
        number = sets.push(set) - 1
        numbers.set(key, number)
      }
      return number
    })
    this.#sets = sets
    this.#setOf = program.a.map((set, i) => (program.ops[i] === op.character ? numberOf[set]! : -1))
    for (let code = 0; code < 128; code++) this.#ascii[code] = this.#classOf(code)
  }

  /** Throws 51156 when making states takes too long. */
  test(bytes: Uint8Array, start: number, end: number): boolean {
    this.#work = 0
    if (this.#states.length === 0) this.#forget()
    let state = this.#stateOf([], kind.none)
    if (state < 0) return state === matched
    const ascii = this.#ascii
    let next = this.#next
    let stride = this.#stride
    for (let at = start; at < end; ) {
      const byte = bytes[at]!
      let character: number
      if (byte < 128) {
        at++
        character = byte === newline && at === end ? lastNewlineClass : ascii[byte]!
      } else {
        const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
        let code = byte & (0xff >> (length + 1))
        for (let i = 1; i < length; i++) code = (code << 6) | (bytes[at + i]! & 0x3f)
        at += length
        character = this.#known.get(code) ?? this.#classOf(code)
        if (character >= stride) {
          state = this.#restride(state)
          next = this.#next
          stride = this.#stride
        }
      }
      let to = next[state * stride + character]!
      if (to === 0) {
        to = this.#step(state, character)
        next = this.#next
        stride = this.#stride
      }
      if (to < 0) return to === matched
      state = to
    }
    const { kernel, before } = this.#states[state]!
    return this.#close(kernel, before, kind.none)
  }

  #classOf(code: number): number {
    const sets = this.#sets
    this.#spend(sets.length)
    const of = kindOf(code)
    let key = this.#asserts ? String(of) : ''
    for (let i = 0; i < sets.length; i++) key += sets[i]!.has(code) ? '1' : '0'
    let number = this.#classes.get(key)
    if (number === undefined) {
      number = this.#samples.push(code) - 1
      this.#kinds.push(of)
      this.#classes.set(key, number)
    }
    if (code >= 128) {
      if (this.#known.size === knownCharactersMax) this.#known.clear()
      this.#known.set(code, number)
    }
    return number
  }

  #spend(work: number): void {
    this.#work += work
    if (this.#work > workMax)
      throw new DatabaseError(51156, 'Error occurred while executing regular expression: match limit exceeded')
  }

  #forget(): void {
    while (this.#stride < this.#samples.length) this.#stride *= 2
    // State 0 is none.
    this.#states = [{ kernel: new Int32Array(0), before: kind.none }]
    this.#numbers = new Map()
    this.#kernelTotal = 0
    this.#next = new Int32Array(64 * this.#stride)
  }

  /** Makes room for more classes; the number that the state has then. */
  #restride(state: number): number {
    const { kernel, before } = this.#states[state]!
    this.#forget()
    return this.#stateOf([...kernel], before)
  }

  /** From a state by a character of the class: makes what is not there yet. */
  #step(from: number, character: number): number {
    const { kernel, before } = this.#states[from]!
    const of = this.#kinds[character]!
    const sample = this.#samples[character]!
    let to: number
    if (this.#close(kernel, before, of)) to = matched
    else {
      const reached: number[] = []
      for (const pc of this.#characters) if (this.#sets[this.#setOf[pc]!]!.has(sample)) reached.push(pc + 1)
      to = reached.length === 0 && this.#isAnchored ? dead : this.#stateOf(reached, of)
    }
    // Making a state may have made room by forgetting this one.
    if (this.#states[from]?.kernel === kernel && character < this.#stride)
      this.#next[from * this.#stride + character] = to
    return to
  }

  /** The number of the state of these instructions, and, of a pattern that may match anywhere, of its beginning. */
  #stateOf(reached: number[], before: number): number {
    if (!this.#isAnchored || before === kind.none) reached.push(0)
    this.#spend(reached.length * nameWork)
    const kernel = Int32Array.from(new Set(reached)).sort()
    if (!this.#asserts && this.#close(kernel, kind.none, kind.none)) return matched
    const key = this.#asserts ? `${before} ${kernel.join()}` : kernel.join()
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const { length } = this.#states
    if (length >= statesMax || this.#kernelTotal > kernelsMax) this.#forget()
    const number = this.#states.push({ kernel, before }) - 1
    this.#kernelTotal += kernel.length
    this.#numbers.set(key, number)
    if ((number + 1) * this.#stride > this.#next.length) {
      const grown = new Int32Array(this.#next.length * 2)
      grown.set(this.#next)
      this.#next = grown
    }
    return number
  }

  /** Follows what needs no character; leaves the instructions that do in `#characters`. True when the match is found. */
  #close(kernel: Int32Array, before: number, after: number): boolean {
    const { ops, a, b, assertions } = this.#program
    const seen = this.#seen
    const stack = this.#stack
    const mark = ++this.#mark
    let found = false
    this.#characters.length = 0
    for (const first of kernel) {
      stack.push(first)
      while (stack.length > 0) {
        const pc = stack.pop()!
        if (seen[pc] === mark) continue
        seen[pc] = mark
        this.#work++
        switch (ops[pc]) {
          case op.done:
            found = true
            break
          case op.character:
            this.#characters.push(pc)
            break
          case op.split:
            stack.push(a[pc]!, b[pc]!)
            break
          case op.jump:
            stack.push(a[pc]!)
            break
          case op.save:
            stack.push(pc + 1)
            break
          case op.jumpIfMoved:
            // A round that matched nothing leads to where the loop has been already.
            stack.push(a[pc]!, pc + 1)
            break
          case op.assertion:
            if (holds(assertions[a[pc]!]!, before, after)) stack.push(pc + 1)
            break
        }
      }
    }
    this.#spend(0)
    return found
  }
}

function kindOf(code: number): number {
  if (code === newline) return kind.newline
  const isWord =
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) || code === 0x5f
  return isWord ? kind.word : kind.other
}

function holds(what: Assertion, before: number, after: number): boolean {
  switch (what) {
    case 'start':
      return before === kind.none
    case 'end':
      return after === kind.none
    case 'endOrNewline':
      return after === kind.none || after === kind.lastNewline
    case 'lineStart':
      return before === kind.none || (before === kind.newline && after !== kind.none)
    case 'lineEnd':
      return after === kind.none || after === kind.newline || after === kind.lastNewline
    case 'word':
      return (before === kind.word) !== (after === kind.word)
    case 'notWord':
      return (before === kind.word) === (after === kind.word)
  }
}
