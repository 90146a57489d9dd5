/**
 * Walking BSON by offsets. Everything here trusts its bytes: they have been through `validateDocument`.
 */
import { readInt32 } from './little-endian.ts'
import { readText } from './short-text.ts'
import { bsonType, type Value } from './type.ts'

/** Where the value of `type` that begins at `start` ends (exclusive). */
export function valueEnd(bytes: Uint8Array, type: number, start: number): number {
  switch (type) {
    case bsonType.int32:
      return start + 4
    case bsonType.string:
    case bsonType.code:
    case bsonType.symbol:
      return start + 4 + readInt32(bytes, start)
    case bsonType.double:
    case bsonType.date:
    case bsonType.int64:
    case bsonType.timestamp:
      return start + 8
    case bsonType.objectId:
      return start + 12
    case bsonType.boolean:
      return start + 1
    case bsonType.document:
    case bsonType.array:
    case bsonType.codeWithScope:
      return start + readInt32(bytes, start)
    case bsonType.binary:
      return start + 5 + readInt32(bytes, start)
    case bsonType.decimal128:
      return start + 16
    case bsonType.regex:
      return afterNul(bytes, afterNul(bytes, start))
    case bsonType.dbPointer:
      return start + 4 + readInt32(bytes, start) + 12
    default: // null, undefined, minKey, maxKey
      return start
  }
}

function afterNul(bytes: Uint8Array, at: number): number {
  while (bytes[at]! !== 0) at++
  return at + 1
}

/** Steps through the elements of one document or array; reusable, and allocates nothing until asked for a name or value. */
export class ElementWalker {
  bytes: Uint8Array = empty
  type = 0
  nameStart = 0
  /** Of the name's NUL. */
  nameEnd = 0
  valueStart = 0
  /** Of the value; the next element begins here. */
  valueEnd = 0

  /** `documentStart`: of the document's length. */
  reset(bytes: Uint8Array, documentStart: number): this {
    this.bytes = bytes
    this.type = 0
    this.valueEnd = documentStart + 4
    return this
  }

  /** To the next element; false at the end of the document. */
  next(): boolean {
    const bytes = this.bytes
    let at = this.valueEnd
    const type = bytes[at]!
    this.type = type
    if (type === 0) return false
    this.nameStart = ++at
    while (bytes[at]! !== 0) at++
    this.nameEnd = at
    this.valueStart = at + 1
    this.valueEnd = valueEnd(bytes, type, at + 1)
    return true
  }

  /** The same elements in other bytes, which have them `by` further on. */
  move(bytes: Uint8Array, by: number): void {
    this.bytes = bytes
    this.nameStart += by
    this.nameEnd += by
    this.valueStart += by
    this.valueEnd += by
  }

  name(): string {
    return readText(this.bytes, this.nameStart, this.nameEnd)
  }

  /** The current value, pointing into the walked bytes. */
  value(): Value {
    return { type: this.type, bytes: this.bytes, start: this.valueStart, end: this.valueEnd }
  }

  /** True when the current name is exactly `name`. */
  nameIs(name: Uint8Array): boolean {
    const length = name.length
    if (this.nameEnd - this.nameStart !== length) return false
    const { bytes, nameStart } = this
    for (let index = 0; index < length; index++) {
      if (bytes[nameStart + index] !== name[index]) return false
    }
    return true
  }
}
const empty = new Uint8Array([5, 0, 0, 0, 0])

/**
 * Rests `walker` on the first element called `name` (UTF-8, no NUL) of the document that begins at `documentStart`;
 * false when there is none.
 */
export function findField(walker: ElementWalker, bytes: Uint8Array, documentStart: number, name: Uint8Array): boolean {
  walker.bytes = bytes
  const length = name.length
  let at = documentStart + 4
  for (;;) {
    const type = bytes[at]!
    if (type === 0) {
      walker.type = 0
      walker.valueEnd = at
      return false
    }
    const nameStart = at + 1
    let same = 0
    while (same < length && bytes[nameStart + same]! === name[same]!) same++
    at = nameStart + same
    if (same === length && bytes[at]! === 0) {
      walker.type = type
      walker.nameStart = nameStart
      walker.nameEnd = at
      walker.valueStart = at + 1
      walker.valueEnd = valueEnd(bytes, type, at + 1)
      return true
    }
    while (bytes[at]! !== 0) at++
    at = valueEnd(bytes, type, at + 1)
  }
}
