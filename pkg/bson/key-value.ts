/**
 * From keys back to values: what a covered query gives instead of documents. A key alone does not say of which type a number was,
 * nor null from missing; whoever kept the key kept that beside it (pkg/index/type-code.ts), and says here what to make of a number.
 */
import { assert } from '../base/assert.ts'
import { keyType } from './key-type.ts'
import { doubleOfWords, twoTo32, writeDouble, writeInt32, writeInt64 } from './little-endian.ts'
import { bsonType } from './type.ts'
import type { BsonWriter } from './writer.ts'

/** What a number was: as its key says means an int32 where it is a whole number in that range, else a double. */
export type NumberForm = 'asKeySays' | 'double' | 'int64' | 'negativeZero'

/** What brings a fraction in fixed point, doubled, after a whole part of so many bytes, back below 1. */
const fractionScale = Float64Array.from({ length: 9 }, (_, count) => 2 ** (8 * count - 64))

/**
 * Appends the element whose value has its key at `start`; returns where the key ends. `name`: its bytes and a NUL. Keys of documents,
 * arrays, binary data, code, regular expressions and decimals are not for this.
 */
export function writeKeyValue(
  into: BsonWriter,
  name: Uint8Array,
  bytes: Uint8Array,
  start: number,
  form: NumberForm,
): number {
  into.ensure(name.length + 9)
  const target = into.bytes
  const element = into.length
  let to = element + 1
  for (let i = 0; i < name.length; i++) target[to++] = name[i]!
  into.length = to
  const mask = bytes[start]! >= 0x80 ? 0xff : 0
  const type = bytes[start]! ^ mask
  let at = start + 1
  switch (type) {
    case keyType.string:
      target[element] = bsonType.string
      return writeText(into, bytes, at, mask)
    case keyType.objectId:
      target[element] = bsonType.objectId
      into.ensure(12)
      for (let i = 0; i < 12; i++) into.bytes[to++] = bytes[at++]! ^ mask
      into.length = to
      return at
    case keyType.date:
    case keyType.timestamp:
      target[element] = type === keyType.date ? bsonType.date : bsonType.timestamp
      for (let i = 7; i >= 0; i--) target[to + i] = bytes[at++]! ^ mask
      if (type === keyType.date) target[to + 7]! ^= 0x80
      into.length = to + 8
      return at
    case keyType.false:
    case keyType.true:
      target[element] = bsonType.boolean
      target[to] = type === keyType.true ? 1 : 0
      into.length = to + 1
      return at
    case keyType.null:
      target[element] = bsonType.null
      return at
    case keyType.undefined:
      target[element] = bsonType.undefined
      return at
    case keyType.minKey:
      target[element] = bsonType.minKey
      return at
    case keyType.maxKey:
      target[element] = bsonType.maxKey
      return at
    default:
      assert(type >= keyType.numberMin && type <= keyType.numberMax, 'a key that gives its value back')
      return writeNumber(into, element, bytes, start, type, mask, form)
  }
}

/** The text up to 00, with 01 01 for 00 and 01 02 for 01, as a BSON string. */
function writeText(into: BsonWriter, bytes: Uint8Array, start: number, mask: number): number {
  let end = start
  while (bytes[end] !== mask) end++
  into.ensure(end - start + 5)
  const target = into.bytes
  const lengthAt = into.length
  let to = lengthAt + 4
  for (let at = start; at < end; at++) {
    const byte = bytes[at]! ^ mask
    target[to++] = byte === 1 ? (bytes[++at]! ^ mask) - 1 : byte
  }
  target[to++] = 0
  writeInt32(target, lengthAt, to - lengthAt - 4)
  into.length = to
  return end + 1
}

/** See number-key.ts for the format. `element`: where the type goes. */
function writeNumber(
  into: BsonWriter,
  element: number,
  bytes: Uint8Array,
  start: number,
  type: number,
  mask: number,
  form: NumberForm,
): number {
  const negative = type < keyType.zero
  if (negative) mask ^= 0xff
  let at = start + 1
  let n = 0
  if (type === keyType.zero) n = form === 'negativeZero' ? -0 : 0
  else if (type === keyType.negativeInfinity || type === keyType.positiveInfinity) n = Infinity
  else if (type === keyType.nan) n = Number.NaN
  else {
    const cut =
      type === keyType.positiveSmall ||
      type === keyType.negativeSmall ||
      type === keyType.positiveLarge ||
      type === keyType.negativeLarge
    const count = cut ? 8 : negative ? keyType.negativeWhole - type : type - keyType.positiveWhole
    let upper = 0
    for (; at < start + 1 + count - 4; at++) upper = upper * 256 + (bytes[at]! ^ mask)
    let lower = 0
    for (; at < start + 1 + count; at++) lower = lower * 256 + (bytes[at]! ^ mask)
    if (cut) n = doubleOfWords(upper >>> 1, ((upper << 31) | (lower >>> 1)) >>> 0)
    else if ((lower & 1) === 0) n = (upper * twoTo32 + lower) / 2
    else {
      let fixed = 0
      for (; at < start + 9; at++) fixed = fixed * 256 + (bytes[at]! ^ mask)
      n = (upper * twoTo32 + lower - 1) / 2 + fixed * fractionScale[count]!
    }
  }
  if (negative) n = -n
  const to = into.length
  if (form === 'asKeySays' && (n | 0) === n) {
    into.bytes[element] = bsonType.int32
    writeInt32(into.bytes, to, n)
    into.length = to + 4
    return at
  }
  if (form === 'int64') {
    into.bytes[element] = bsonType.int64
    writeInt64(into.bytes, to, n)
  } else {
    into.bytes[element] = bsonType.double
    writeDouble(into.bytes, to, n)
  }
  into.length = to + 8
  return at
}
