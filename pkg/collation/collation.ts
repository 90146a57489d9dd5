/**
 * A collation as an order of values: every string, wherever in a value it stands, counts as its sort key. Values without strings
 * are what they are, so that the rest of the one order holds unchanged.
 */
import { encodeKey, type KeyWriter } from '../bson/key.ts'
import { KeyWriter as Buffer } from '../bson/key-writer.ts'
import { readInt32 } from '../bson/little-endian.ts'
import { compareValues, type equalValues } from '../bson/order.ts'
import { bsonType, type Value } from '../bson/type.ts'
import type { ValueOrder } from '../bson/value-order.ts'
import { valueEnd } from '../bson/walk.ts'
import { SortKeyBuilder } from './sort-key.ts'
import type { CollationSpec } from './spec.ts'
import type { WeightTable } from './weight-table.ts'

export class Collation implements ValueOrder {
  readonly spec: CollationSpec
  /** All of it with the defaults filled in, as it is shown and kept: two collations are the same when these bytes are. */
  readonly document: Uint8Array
  readonly #builder: SortKeyBuilder
  readonly #left = new Buffer(64)
  readonly #right = new Buffer(64)
  readonly #lent: { bytes: Uint8Array; start: number } = { bytes: new Uint8Array(0), start: 0 }

  constructor(spec: CollationSpec, document: Uint8Array, table: WeightTable) {
    this.spec = spec
    this.document = document
    this.#builder = new SortKeyBuilder(table, spec)
  }

  readonly compare = (a: Value, b: Value): number =>
    this.compareValues(a.type, a.bytes, a.start, b.type, b.bytes, b.start)

  readonly equal = (a: Value, b: Value): boolean => this.compare(a, b) === 0

  readonly compareValues: typeof compareValues = (aType, aBytes, aStart, bType, bBytes, bStart) => {
    const left = holdsString(aType, aBytes, aStart) && holdsString(bType, bBytes, bStart)
    if (!left) return compareValues(aType, aBytes, aStart, bType, bBytes, bStart)
    this.#write(this.#left.reset(), aType, aBytes, aStart)
    this.#write(this.#right.reset(), bType, bBytes, bStart)
    return compareValues(aType, this.#left.bytes, 0, bType, this.#right.bytes, 0)
  }

  readonly equalValues: typeof equalValues = (aType, aBytes, aStart, bType, bBytes, bStart) =>
    this.compareValues(aType, aBytes, aStart, bType, bBytes, bStart) === 0

  readonly encodeKey = (
    writer: KeyWriter,
    type: number,
    bytes: Uint8Array,
    start: number,
    descending = false,
  ): void => {
    const value = this.lend(type, bytes, start)
    encodeKey(writer, type, value.bytes, value.start, descending)
  }

  /** How a value compares with a keyed one. */
  compareToKeyed(type: number, bytes: Uint8Array, start: number, keyed: Value): number {
    const value = this.lend(type, bytes, start)
    return compareValues(type, value.bytes, value.start, keyed.type, keyed.bytes, keyed.start)
  }

  /** As `keyed`, until the collation is used again. */
  lend(type: number, bytes: Uint8Array, start: number): { readonly bytes: Uint8Array; readonly start: number } {
    if (!holdsString(type, bytes, start)) {
      this.#lent.bytes = bytes
      this.#lent.start = start
    } else {
      this.#write(this.#left.reset(), type, bytes, start)
      this.#lent.bytes = this.#left.bytes
      this.#lent.start = 0
    }
    return this.#lent
  }

  /**
   * The value with its strings replaced by their sort keys (no longer UTF-8), fresh; itself when it holds none. In the one order such
   * values are as the collation orders those they were made of.
   */
  keyed(value: Value): Value {
    const { type, bytes, start } = value
    if (!holdsString(type, bytes, start)) return value
    const into = new Buffer(64)
    this.#write(into, type, bytes, start)
    return { type, bytes: into.finish(), start: 0, end: into.length }
  }

  #write(into: Buffer, type: number, bytes: Uint8Array, start: number): void {
    if (type === bsonType.string || type === bsonType.symbol) {
      const lengthAt = into.length
      into.uint(0, 4)
      this.#builder.append(into, bytes, start + 4, start + 3 + readInt32(bytes, start))
      into.byte(0)
      writeInt32(into.bytes, lengthAt, into.length - lengthAt - 4)
      return
    }
    if (type !== bsonType.document && type !== bsonType.array) {
      into.append(bytes, start, valueEnd(bytes, type, start))
      return
    }
    const lengthAt = into.length
    into.uint(0, 4)
    let at = start + 4
    for (;;) {
      const elementType = bytes[at]!
      if (elementType === 0) break
      const from = at++
      while (bytes[at++] !== 0);
      into.append(bytes, from, at)
      this.#write(into, elementType, bytes, at)
      at = valueEnd(bytes, elementType, at)
    }
    into.byte(0)
    writeInt32(into.bytes, lengthAt, into.length - lengthAt)
  }
}

/** Whether a collation makes a difference to the value: it is a string or holds one. */
export function holdsString(type: number, bytes: Uint8Array, start: number): boolean {
  if (type === bsonType.string || type === bsonType.symbol) return true
  if (type !== bsonType.document && type !== bsonType.array) return false
  let at = start + 4
  for (;;) {
    const elementType = bytes[at++]!
    if (elementType === 0) return false
    while (bytes[at++] !== 0);
    if (holdsString(elementType, bytes, at)) return true
    at = valueEnd(bytes, elementType, at)
  }
}

function writeInt32(bytes: Uint8Array, at: number, n: number): void {
  bytes[at] = n
  bytes[at + 1] = n >>> 8
  bytes[at + 2] = n >>> 16
  bytes[at + 3] = n >>> 24
}
