/** Trees to programs for the matcher: flat instructions, repetitions unrolled. */
import type { CharacterSet } from './character-set.ts'
import { fixedLength } from './length.ts'
import { type Assertion, type ParsedRegex, type RegexNode, RegexSyntaxError, type RepeatNode } from './tree.ts'

export const op = {
  /** The whole match, or that of a look-around or atomic group, is found. */
  done: 0,
  /** a: index of the set. */
  character: 1,
  /** Tries a, then b. */
  split: 2,
  /** To a. */
  jump: 3,
  /** Keeps the position in slot a. */
  save: 4,
  /** a: index in `assertions`. */
  assertion: 5,
  /** Runs a; goes on behind what it matched, and never tries it otherwise. b: where to go on. */
  atomic: 6,
  /** Runs a from here (c < 0) or c characters back; goes on at b where it matched. */
  look: 7,
  /** As `look`, where it did not match. */
  lookNot: 8,
  /** a: group, c: 1 when case does not count. */
  backreference: 9,
  /** To a unless nothing was matched since slot b was saved. */
  jumpIfMoved: 10,
} as const

export interface Program {
  readonly ops: Uint8Array
  readonly a: Int32Array
  readonly b: Int32Array
  readonly c: Int32Array
  readonly sets: readonly CharacterSet[]
  readonly assertions: readonly Assertion[]
  /** Numbers the splits: what is remembered of a match is a bit for each and each position. -1 elsewhere. */
  readonly splitNumbers: Int32Array
  readonly splitCount: number
  /** Two for each group (the whole match is 0), then those of loops. */
  readonly slotCount: number
  readonly groupCount: number
  /** Whether a failure at one place may not be one the next time: nothing can be remembered. */
  readonly hasBackreference: boolean
}

const instructionsMax = 200_000

/** Throws RegexSyntaxError when repetitions make it too large. */
export function buildProgram(parsed: ParsedRegex): Program {
  return new ProgramBuilder(parsed).build()
}

class ProgramBuilder {
  readonly #parsed: ParsedRegex
  readonly #ops: number[] = []
  readonly #a: number[] = []
  readonly #b: number[] = []
  readonly #c: number[] = []
  readonly #sets: CharacterSet[] = []
  readonly #assertions: Assertion[] = []
  readonly #setNumbers = new Map<CharacterSet, number>()
  #slots: number

  constructor(parsed: ParsedRegex) {
    this.#parsed = parsed
    this.#slots = 2 * (parsed.groupCount + 1)
  }

  build(): Program {
    this.#node(this.#parsed.root)
    this.#emit(op.done)
    const ops = Uint8Array.from(this.#ops)
    let splitCount = 0
    const splitNumbers = Int32Array.from(this.#ops, (code) => (code === op.split ? splitCount++ : -1))
    return {
      ops,
      a: Int32Array.from(this.#a),
      b: Int32Array.from(this.#b),
      c: Int32Array.from(this.#c),
      sets: this.#sets,
      assertions: this.#assertions,
      splitNumbers,
      splitCount,
      slotCount: this.#slots,
      groupCount: this.#parsed.groupCount,
      hasBackreference: this.#parsed.hasBackreference,
    }
  }

  #emit(code: number, a = 0, b = 0, c = 0): number {
    if (this.#ops.length === instructionsMax) throw new RegexSyntaxError('regular expression is too large', 0)
    this.#ops.push(code)
    this.#a.push(a)
    this.#b.push(b)
    this.#c.push(c)
    return this.#ops.length - 1
  }

  #node(node: RegexNode): void {
    switch (node.kind) {
      case 'empty':
        return
      case 'character':
        this.#emit(op.character, this.#setNumber(node.set))
        return
      case 'sequence':
        for (const item of node.items) this.#node(item)
        return
      case 'choice':
        this.#choice(node.options)
        return
      case 'repeat':
        this.#repeat(node)
        return
      case 'group':
        this.#emit(op.save, 2 * node.number)
        this.#node(node.item)
        this.#emit(op.save, 2 * node.number + 1)
        return
      case 'atomic':
        this.#inner(op.atomic, node.item, -1)
        return
      case 'look':
        this.#inner(node.negative ? op.lookNot : op.look, node.item, node.behind ?? -1)
        return
      case 'assertion':
        this.#emit(op.assertion, this.#assertions.push(node.what) - 1)
        return
      case 'backreference':
        this.#emit(op.backreference, node.number, 0, node.caseless ? 1 : 0)
        return
    }
  }

  #inner(code: number, item: RegexNode, c: number): void {
    const at = this.#emit(code, this.#ops.length + 1, 0, c)
    this.#node(item)
    this.#emit(op.done)
    this.#b[at] = this.#ops.length
  }

  #choice(options: readonly RegexNode[]): void {
    const ends: number[] = []
    options.forEach((option, i) => {
      if (i === options.length - 1) {
        this.#node(option)
        return
      }
      const split = this.#emit(op.split, this.#ops.length + 1)
      this.#node(option)
      ends.push(this.#emit(op.jump))
      this.#b[split] = this.#ops.length
    })
    for (const end of ends) this.#a[end] = this.#ops.length
  }

  #repeat({ item, min, max, lazy }: RepeatNode): void {
    for (let i = 0; i < min; i++) {
      const before = this.#ops.length
      this.#node(item)
      // What asks for nothing once asks for nothing however often.
      if (this.#ops.length === before) break
    }
    if (max === Infinity) {
      this.#loop(item, lazy)
      return
    }
    const splits: number[] = []
    for (let i = min; i < max; i++) {
      splits.push(this.#split(lazy))
      this.#node(item)
    }
    for (const split of splits) this.#aim(split, lazy)
  }

  #loop(item: RegexNode, lazy: boolean): void {
    const split = this.#split(lazy)
    if (fixedLength(item) === 1) {
      this.#node(item)
      this.#emit(op.jump, split)
    } else {
      // A round that matched nothing is the last.
      const slot = this.#slots++
      this.#emit(op.save, slot)
      this.#node(item)
      this.#emit(op.jumpIfMoved, split, slot)
    }
    this.#aim(split, lazy)
  }

  /** A split whose one branch follows, and whose other is aimed later: tried second, or first when `lazy`. */
  #split(lazy: boolean): number {
    const next = this.#ops.length + 1
    return lazy ? this.#emit(op.split, 0, next) : this.#emit(op.split, next, 0)
  }

  #aim(split: number, lazy: boolean): void {
    if (lazy) this.#a[split] = this.#ops.length
    else this.#b[split] = this.#ops.length
  }

  #setNumber(set: CharacterSet): number {
    let number = this.#setNumbers.get(set)
    if (number === undefined) {
      number = this.#sets.push(set) - 1
      this.#setNumbers.set(set, number)
    }
    return number
  }
}
