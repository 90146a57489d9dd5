/**
 * Sets of very many values, which take too long to be sorted in one turn. Whoever can wait parses a filter within `withSets`: a long set that is
 * not among those made stops the parser by a `SetIsDue`, thrown before anything has begun; the set is made in slices, and the parser
 * begins again. It finds the set by the bytes of its operand, so that several parsers of one filter, or the same one in
 * another place, have it in common. Everywhere else sets are made while they are parsed.
 */
import { isSameInput, mayDetour } from '../../base/detour.ts'
import { encodeKey, KeyWriter } from '../../bson/key.ts'
import { compare } from '../../bson/order.ts'
import { bsonType } from '../../bson/type.ts'
import type { Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import type { Collation } from '../../collation/collation.ts'
import { Sorter } from '../sort/sorter.ts'
import { isOperatorDocument } from './operator-document.ts'
import { GrowingSet, type SortedSet } from './operators/sorted-values.ts'

/** Sets from so many bytes on, some 20,000 values, are made beforehand. */
const longSetBytes = 256 * 1024

export interface MadeSet {
  readonly set: SortedSet
  readonly regexes: readonly Value[]
}

/** Who has sets made. */
export interface SetOwner {
  /** Those that are made. */
  readonly sets: readonly SetInMaking[] | undefined
  /** Nothing has begun that would be done twice. */
  readonly mayBeginAgain: boolean
}

/** The set has to be made, and kept, before the parser can go on. */
export class SetIsDue extends Error {
  readonly set: SetInMaking

  constructor(set: SetInMaking) {
    super('a set of many values is to be made first')
    this.set = set
  }
}

let ownerOfTurn: SetOwner | undefined

/** Does `work`, as far as it goes in this turn, with the owner's sets: it may throw a `SetIsDue`. */
export function withSets<Result>(owner: SetOwner, work: () => Result): Result {
  const before = ownerOfTurn
  ownerOfTurn = owner
  try {
    return work()
  } finally {
    ownerOfTurn = before
  }
}

/** What an array of values was made to; undefined: it is to be done in place, since it is short, nobody waits, or it has what no set may have. */
export function madeSet(operand: Value, collation: Collation | undefined): MadeSet | undefined {
  const { bytes, start, end } = operand
  if (ownerOfTurn === undefined || end - start < longSetBytes) return undefined
  const made = ownerOfTurn.sets?.find(
    (set) => set.collation === collation && isSameInput(set.operand, bytes, start, end),
  )
  if (made !== undefined) return made.result
  if (!ownerOfTurn.mayBeginAgain || !mayDetour()) return undefined
  throw new SetIsDue(new SetInMaking(bytes.slice(start, end), collation))
}

export class SetInMaking {
  /** An array's bytes; the values point into them. */
  readonly operand: Uint8Array
  readonly collation: Collation | undefined
  readonly #walker: ElementWalker
  readonly #given: Value[] = []
  readonly #keyed: Value[] = []
  readonly #regexes: Value[] = []
  readonly #sorter = new Sorter({ memoryLimitBytes: Number.POSITIVE_INFINITY })
  readonly #key = new KeyWriter()
  readonly #set: GrowingSet
  #isRead = false
  #last: Value | undefined
  /** Once `advance` has returned true; undefined: there is something among the values that may not be there. */
  result: MadeSet | undefined

  constructor(operand: Uint8Array, collation: Collation | undefined) {
    this.operand = operand
    this.collation = collation
    this.#walker = new ElementWalker().reset(operand, 0)
    this.#set = new GrowingSet(collation)
  }

  /** Whether it is made; takes about `budget` steps. */
  advance(budget: number): boolean {
    let left = budget
    for (; !this.#isRead && left > 0; left--) if (!this.#readOne()) return true
    for (; this.#isRead && left > 0; left--) {
      if (!this.#sorter.next()) {
        this.result = { set: this.#set, regexes: this.#regexes }
        return true
      }
      this.#takeOne(this.#sorter.tag)
    }
    return false
  }

  /** False for what may not be there. */
  #readOne(): boolean {
    const walker = this.#walker
    if (!walker.next()) {
      this.#isRead = true
      return true
    }
    const value: Value = { type: walker.type, bytes: this.operand, start: walker.valueStart, end: walker.valueEnd }
    if (value.type === bsonType.undefined || isOperatorDocument(value)) return false
    if (value.type === bsonType.regex) {
      this.#regexes.push(value)
      return true
    }
    const keyed = this.collation === undefined ? value : this.collation.keyed(value)
    encodeKey(this.#key.reset(), keyed.type, keyed.bytes, keyed.start)
    this.#sorter.add(this.#key.bytes, this.#key.length, this.#given.length)
    this.#given.push(value)
    if (this.collation !== undefined) this.#keyed.push(keyed)
    return true
  }

  #takeOne(i: number): void {
    const value = this.#given[i]!
    const keyed = this.collation === undefined ? value : this.#keyed[i]!
    if (this.#last === undefined || compare(this.#last, keyed) !== 0) this.#set.add(value, keyed)
    this.#last = keyed
  }
}
