/**
 * Keys: bytes that sort under memcmp as `order.ts` compares, for index entries, sorting and grouping. Equal values have
 * identical bytes, and no key is the beginning of another. The format, persistent, is in docs/format/key-encoding.md;
 * numbers are in `number-key.ts`.
 *
 * A descending key is the ascending one with every byte complemented; its first byte is 0x80 or more, an ascending
 * one's less.
 */

import { readDecimal128 } from './decimal128.ts'
import { keyType } from './key-type.ts'
import type { KeyWriter } from './key-writer.ts'
import { readDouble, readInt32, readUint32 } from './little-endian.ts'
import { encodeDecimalKey, encodeDoubleKey, encodeInt32Key, encodeInt64Key, numberKeyEnd } from './number-key.ts'
import { bsonType, canonicalRank } from './type.ts'
import { valueEnd } from './walk.ts'

export { compareBytes } from './bytes.ts'
export { KeyWriter } from './key-writer.ts'

/** Appends the key of the value of `type` at `start` (valid bytes). */
export function encodeKey(writer: KeyWriter, type: number, bytes: Uint8Array, start: number, descending = false): void {
  const keyStart = writer.length
  encodeAscending(writer, type, bytes, start)
  if (descending) writer.complementFrom(keyStart)
}

function encodeAscending(writer: KeyWriter, type: number, bytes: Uint8Array, start: number): void {
  switch (type) {
    case bsonType.int32:
      encodeInt32Key(writer, readInt32(bytes, start))
      return
    case bsonType.objectId:
      writer.ensure(13)
      writer.bytes[writer.length++] = keyType.objectId
      writer.append(bytes, start, start + 12)
      return
    case bsonType.string:
    case bsonType.symbol:
      writer.byte(keyType.string)
      encodeText(writer, bytes, start)
      return
    case bsonType.double:
      encodeDoubleKey(writer, readDouble(bytes, start))
      return
    case bsonType.int64:
      encodeInt64Key(writer, readInt32(bytes, start + 4), readUint32(bytes, start))
      return
    case bsonType.decimal128:
      encodeDecimalKey(writer, readDecimal128(bytes, start))
      return
    case bsonType.date:
      encodeReversed(writer, keyType.date, bytes, start)
      writer.bytes[writer.length - 8]! ^= 0x80
      return
    case bsonType.boolean:
      writer.byte(bytes[start] === 0 ? keyType.false : keyType.true)
      return
    case bsonType.null:
      writer.byte(keyType.null)
      return
    case bsonType.document:
      writer.byte(keyType.document)
      encodeElements(writer, bytes, start, true)
      return
    case bsonType.array:
      writer.byte(keyType.array)
      encodeElements(writer, bytes, start, false)
      return
    case bsonType.binary: {
      const length = readInt32(bytes, start)
      writer.byte(keyType.binary)
      writer.uint(length, 4)
      writer.append(bytes, start + 4, start + 5 + length)
      return
    }
    case bsonType.timestamp:
      encodeReversed(writer, keyType.timestamp, bytes, start)
      return
    case bsonType.regex:
      writer.byte(keyType.regex)
      writer.append(bytes, start, valueEnd(bytes, type, start))
      return
    case bsonType.dbPointer: {
      const length = readInt32(bytes, start)
      writer.byte(keyType.dbPointer)
      writer.uint(length, 4)
      writer.append(bytes, start + 4, start + 16 + length)
      return
    }
    case bsonType.code:
      writer.byte(keyType.code)
      encodeText(writer, bytes, start)
      return
    case bsonType.codeWithScope:
      writer.byte(keyType.codeWithScope)
      encodeText(writer, bytes, start + 4)
      encodeElements(writer, bytes, start + 8 + readInt32(bytes, start + 4), true)
      return
    case bsonType.undefined:
      writer.byte(keyType.undefined)
      return
    case bsonType.minKey:
      writer.byte(keyType.minKey)
      return
    default:
      writer.byte(keyType.maxKey)
  }
}

/** The little endian 8 bytes at `start` as big endian. */
function encodeReversed(writer: KeyWriter, type: number, bytes: Uint8Array, start: number): void {
  writer.ensure(9)
  const target = writer.bytes
  let to = writer.length
  target[to++] = type
  for (let from = start + 7; from >= start; from--) target[to++] = bytes[from]!
  writer.length = to
}

/** The text of the string at `start`: 00 becomes 01 01 and 01 becomes 01 02, so that 00 can end it. */
function encodeText(writer: KeyWriter, bytes: Uint8Array, start: number): void {
  const length = readInt32(bytes, start) - 1
  writer.ensure(length * 2 + 1)
  const target = writer.bytes
  let to = writer.length
  const end = start + 4 + length
  for (let from = start + 4; from < end; from++) {
    const byte = bytes[from]!
    if (byte <= 1) {
      target[to++] = 1
      target[to++] = byte + 1
    } else target[to++] = byte
  }
  target[to] = 0
  writer.length = to + 1
}

/** The elements of the document at `start`, then 00. `named`: each after its rank and name. */
function encodeElements(writer: KeyWriter, bytes: Uint8Array, start: number, named: boolean): void {
  let at = start + 4
  for (;;) {
    const type = bytes[at++]!
    if (type === 0) break
    const nameStart = at
    while (bytes[at++] !== 0);
    if (named) {
      writer.byte(canonicalRank(type))
      writer.append(bytes, nameStart, at)
    }
    encodeAscending(writer, type, bytes, at)
    at = valueEnd(bytes, type, at)
  }
  writer.byte(0)
}

/** Where the key that begins at `start` ends (exclusive), be it ascending or descending. */
export function keyEnd(bytes: Uint8Array, start: number): number {
  return endOf(bytes, start, bytes[start]! >= 0x80 ? 0xff : 0)
}

/** `mask`: 0xff when the bytes are complemented. */
function endOf(bytes: Uint8Array, start: number, mask: number): number {
  const type = bytes[start]! ^ mask
  const at = start + 1
  switch (type) {
    case keyType.string:
    case keyType.code:
      return afterZero(bytes, at, mask)
    case keyType.objectId:
      return at + 12
    case keyType.date:
    case keyType.timestamp:
      return at + 8
    case keyType.document:
      return elementsEnd(bytes, at, mask, true)
    case keyType.array:
      return elementsEnd(bytes, at, mask, false)
    case keyType.binary:
      return at + 5 + readLength(bytes, at, mask)
    case keyType.regex:
      return afterZero(bytes, afterZero(bytes, at, mask), mask)
    case keyType.dbPointer:
      return at + 16 + readLength(bytes, at, mask)
    case keyType.codeWithScope:
      return elementsEnd(bytes, afterZero(bytes, at, mask), mask, true)
    default:
      return type >= keyType.numberMin && type <= keyType.numberMax ? numberKeyEnd(bytes, start, type, mask) : at
  }
}

function elementsEnd(bytes: Uint8Array, at: number, mask: number, named: boolean): number {
  while (bytes[at] !== mask) at = endOf(bytes, named ? afterZero(bytes, at + 1, mask) : at, mask)
  return at + 1
}

function afterZero(bytes: Uint8Array, at: number, mask: number): number {
  while (bytes[at] !== mask) at++
  return at + 1
}

function readLength(bytes: Uint8Array, at: number, mask: number): number {
  let length = 0
  for (let index = 0; index < 4; index++) length = length * 256 + (bytes[at + index]! ^ mask)
  return length
}
