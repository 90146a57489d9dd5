/**
 * Tells rows that cannot be among the first k any more before a key is made for them: by comparing one number or date of theirs with
 * that of the last of the k. Most rows of a long scan are told so.
 */

import { writeDouble } from '../../bson/little-endian.ts'
import { bsonType } from '../../bson/type.ts'
import { readDouble, readInt32, readInt64Number } from '../../bson/value.ts'
import { fieldsPredicate } from '../filter/fields.ts'
import type { FieldTest, Predicate } from '../filter/operator.ts'
import type { Sort } from './parse.ts'

/** What the first part of a sort was for a row: a number, the milliseconds of a date, or neither. */
export interface FirstPart {
  /** 0: neither. */
  readonly kind: number
  readonly number: number
}

const neither = 0
const ofNumber = bsonType.double
const ofDate = bsonType.date

/** From so many rows on the dearer, faster way to find the field pays. */
const hotAfterRows = 2048

export class Outsiders implements FirstPart {
  readonly #tests: readonly FieldTest[]
  #mayBeFirst: Predicate
  #untilHot = hotAfterRows
  /** Of the last row that `includes` was asked about. */
  kind = neither
  number = 0
  /** Of the last of the first k; neither: there are not yet so many. */
  #boundKind = neither
  #bound = 0
  /** `roughOrder` of it, NaN when it has none: nothing is below or above that. */
  #boundRough = Number.NaN

  /** undefined where the first part of the sort lies deeper than documents' fields, or strings have an order of their own. */
  static of({ parts, collation }: Sort): Outsiders | undefined {
    if (collation !== undefined) return undefined
    const [first] = parts
    const [part, deeper] = first?.path.parts ?? []
    return first === undefined || part === undefined || deeper !== undefined
      ? undefined
      : new Outsiders(part, first.descending)
  }

  private constructor(part: FieldTest['part'], descending: boolean) {
    const test = descending ? this.#isNotBelow : this.#isNotAbove
    this.#tests = [{ part, test }]
    this.#mayBeFirst = fieldsPredicate(this.#tests)
  }

  /** Whether the document at `start` certainly comes after the last of the first k. */
  includes(bytes: Uint8Array, start: number): boolean {
    this.kind = neither
    if (this.#untilHot > 0 && --this.#untilHot === 0) this.#mayBeFirst = fieldsPredicate(this.#tests, { bytes, start })
    return !this.#mayBeFirst(bytes, start)
  }

  /** The last of the first k, once there are so many. */
  bound({ kind, number }: FirstPart): void {
    this.#boundKind = kind
    this.#bound = number
    writeDouble(bits, 0, number)
    this.#boundRough = roughOrder(bits, 0)
  }

  #isNotAbove = (type: number, bytes: Uint8Array, at: number): boolean => {
    if (type === bsonType.double && this.#boundKind === ofNumber && roughOrder(bytes, at) > this.#boundRough)
      return false
    this.#read(type, bytes, at)
    return !(this.kind === this.#boundKind && this.kind !== neither && this.number > this.#bound)
  }

  #isNotBelow = (type: number, bytes: Uint8Array, at: number): boolean => {
    if (type === bsonType.double && this.#boundKind === ofNumber && roughOrder(bytes, at) < this.#boundRough)
      return false
    this.#read(type, bytes, at)
    return !(this.kind === this.#boundKind && this.kind !== neither && this.number < this.#bound)
  }

  /** Of dates beyond 2^53 ms the nearest double: two that differ may become equal, never change places. */
  #read(type: number, bytes: Uint8Array, at: number): void {
    if (type === bsonType.double) {
      this.kind = ofNumber
      this.number = readDouble(bytes, at)
    } else if (type === bsonType.int32) {
      this.kind = ofNumber
      this.number = readInt32(bytes, at)
    } else if (type === bsonType.date) {
      this.kind = ofDate
      this.number = readInt64Number(bytes, at)
    } else this.kind = neither
  }
}

const bits = new Uint8Array(8)

/**
 * A number that orders doubles by their upper half, as far as these differ; NaN, which has no order, for those without a finite value.
 * Reading a whole double costs several times as much.
 */
function roughOrder(bytes: Uint8Array, at: number): number {
  const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24)
  if ((high & 0x7ff00000) === 0x7ff00000) return Number.NaN
  // Both zeros give 0.
  return high >= 0 ? high : -(high & 0x7fffffff)
}
