/**
 * Keys of numbers: one key for one mathematical value, whichever of the four types holds it. The format is in
 * docs/format/key-encoding.md; in short, for a positive value v (a negative one has the bytes of its size complemented):
 *
 *   1 <= v < 2^63    type with the count n of bytes; n bytes: whole part * 2 + (1 if a fraction follows);
 *                    [8-n bytes: fraction in fixed point * 2 + (1 if a tail follows)] [tail]
 *   else             type; 8 bytes: v cut to a double (its bits without the sign) * 2 + (1 if a tail follows); [tail]
 *   tail             the value in decimal: exponent, then digits: only for decimals that the bytes before cut off
 *
 * n is the least that holds whole part * 2. The fixed point has 63 - 8n bits, as many as any double of that size can
 * have, so that only decimals ever need a tail; with n = 8 a fraction is a tail at once.
 */
import type { Decimal } from './decimal128.ts'
import { digitCount, powerOfTen } from './decimal128.ts'
import { keyType } from './key-type.ts'
import type { KeyWriter } from './key-writer.ts'
import { doubleHighWord, doubleLowWord, twoTo32 } from './little-endian.ts'

const twoTo63 = 2 ** 63
/** What brings a fraction to fixed point, doubled, after a whole part of so many bytes. */
const fractionScale = Float64Array.from({ length: 9 }, (_, count) => 2 ** (64 - 8 * count))
const tailExponentBias = 8192

export function encodeInt32Key(writer: KeyWriter, n: number): void {
  const size = n < 0 ? -n : n
  if (size >= 0x80000000) {
    encodeWhole(writer, true, 0, size, false)
    return
  }
  writer.ensure(5)
  const { bytes } = writer
  let at = writer.length
  const doubled = n < 0 ? ~(size << 1) : size << 1
  const toward = n < 0 ? -1 : 1
  const base = n < 0 ? keyType.negativeWhole : keyType.positiveWhole
  if (size < 0x80) {
    bytes[at++] = size === 0 ? keyType.zero : base + toward
    if (size === 0) {
      writer.length = at
      return
    }
  } else if (size < 0x8000) {
    bytes[at++] = base + toward * 2
    bytes[at++] = doubled >>> 8
  } else if (size < 0x800000) {
    bytes[at++] = base + toward * 3
    bytes[at++] = doubled >>> 16
    bytes[at++] = doubled >>> 8
  } else {
    bytes[at++] = base + toward * 4
    bytes[at++] = doubled >>> 24
    bytes[at++] = doubled >>> 16
    bytes[at++] = doubled >>> 8
  }
  bytes[at++] = doubled
  writer.length = at
}

/** The int64 upper * 2^32 + lower; `upper` signed, `lower` unsigned. */
export function encodeInt64Key(writer: KeyWriter, upper: number, lower: number): void {
  if (upper >= 0) {
    if (upper === 0 && lower === 0) writer.byte(keyType.zero)
    else encodeWhole(writer, false, upper, lower, false)
    return
  }
  // Two's complement: the size of a negative number.
  const sizeLower = -lower >>> 0
  const sizeUpper = (~upper + (lower === 0 ? 1 : 0)) >>> 0
  if (sizeUpper >= 0x80000000) encodeCut(writer, keyType.negativeLarge, -twoTo63, false)
  else encodeWhole(writer, true, sizeUpper, sizeLower, false)
}

export function encodeDoubleKey(writer: KeyWriter, n: number): void {
  if ((n | 0) === n) {
    encodeInt32Key(writer, n | 0)
    return
  }
  if (Number.isNaN(n)) {
    writer.byte(keyType.nan)
    return
  }
  const negative = n < 0
  const size = negative ? -n : n
  if (size < 1) encodeCut(writer, negative ? keyType.negativeSmall : keyType.positiveSmall, n, false)
  else if (size < twoTo63) {
    const whole = Math.floor(size)
    const upper = Math.floor(whole / twoTo32)
    const fraction = size - whole
    const count = encodeWhole(writer, negative, upper, whole - upper * twoTo32, fraction > 0)
    if (fraction > 0) {
      const fixed = fraction * fractionScale[count]!
      const fixedUpper = Math.floor(fixed / twoTo32)
      writeBytes(writer, fixedUpper, fixed - fixedUpper * twoTo32, 8 - count, negative)
    }
  } else if (size === Infinity) writer.byte(negative ? keyType.negativeInfinity : keyType.positiveInfinity)
  else encodeCut(writer, negative ? keyType.negativeLarge : keyType.positiveLarge, n, false)
}

export function encodeDecimalKey(writer: KeyWriter, decimal: Decimal): void {
  const { negative, coefficient, exponent } = decimal
  if (decimal.form === 'nan') writer.byte(keyType.nan)
  else if (decimal.form === 'infinity') writer.byte(negative ? keyType.negativeInfinity : keyType.positiveInfinity)
  else if (coefficient === 0n) writer.byte(keyType.zero)
  else {
    const magnitude = exponent + digitCount(coefficient) - 1
    if (magnitude < 0) encodeSmallDecimal(writer, decimal, magnitude)
    else if (magnitude >= 19) encodeLargeDecimal(writer, decimal, magnitude)
    else encodeMiddleDecimal(writer, decimal, magnitude)
  }
}

/** 1 <= size < 10^19. */
function encodeMiddleDecimal(writer: KeyWriter, decimal: Decimal, magnitude: number): void {
  const { negative, coefficient, exponent } = decimal
  const divisor = exponent < 0 ? powerOfTen(-exponent) : 1n
  const whole = exponent < 0 ? coefficient / divisor : coefficient * powerOfTen(exponent)
  const rest = exponent < 0 ? coefficient % divisor : 0n
  if (whole >= 0x8000000000000000n) {
    encodeLargeDecimal(writer, decimal, magnitude)
    return
  }
  const count = encodeWhole(writer, negative, Number(whole >> 32n), Number(whole & 0xffffffffn), rest > 0n)
  if (rest === 0n) return
  if (count === 8) {
    encodeTail(writer, decimal, magnitude)
    return
  }
  const scaled = rest << BigInt(63 - 8 * count)
  const fixed = scaled / divisor
  const cut = fixed * divisor !== scaled
  const doubled = fixed * 2n + (cut ? 1n : 0n)
  writeBytes(writer, Number(doubled >> 32n), Number(doubled & 0xffffffffn), 8 - count, negative)
  if (cut) encodeTail(writer, decimal, magnitude)
}

/** 2^63 <= size. */
function encodeLargeDecimal(writer: KeyWriter, decimal: Decimal, magnitude: number): void {
  const { negative, coefficient, exponent } = decimal
  let size = Number.MAX_VALUE
  let cut = true
  if (magnitude <= 308) {
    const divisor = exponent < 0 ? powerOfTen(-exponent) : 1n
    const whole = exponent < 0 ? coefficient / divisor : coefficient * powerOfTen(exponent)
    const shift = BigInt(bitLength(whole) - 53)
    const significand = whole >> shift
    const double = Number(significand) * 2 ** Number(shift)
    if (double < Infinity) {
      size = double
      cut = significand << shift !== whole || (exponent < 0 && coefficient % divisor !== 0n)
    }
  }
  encodeCut(writer, negative ? keyType.negativeLarge : keyType.positiveLarge, negative ? -size : size, cut)
  if (cut) encodeTail(writer, decimal, magnitude)
}

/** 0 < size < 1. */
function encodeSmallDecimal(writer: KeyWriter, decimal: Decimal, magnitude: number): void {
  const { negative, coefficient, exponent } = decimal
  let size = 0
  let cut = true
  if (magnitude >= -324) {
    // Enough bits for 53 significant ones, but none beyond the last bit that a double can have.
    const bits = Math.min(1074, 54 + Math.ceil(-magnitude * 3.33))
    const divisor = powerOfTen(-exponent)
    const scaled = coefficient << BigInt(bits)
    const fixed = scaled / divisor
    const shift = BigInt(Math.max(0, bitLength(fixed) - 53))
    const significand = fixed >> shift
    size = Number(significand) * 2 ** (Number(shift) - bits)
    cut = significand << shift !== fixed || fixed * divisor !== scaled
  }
  encodeCut(writer, negative ? keyType.negativeSmall : keyType.positiveSmall, negative ? -size : size, cut)
  if (cut) encodeTail(writer, decimal, magnitude)
}

/** Type and whole part (upper * 2^32 + lower, unsigned, 1 to 2^63 - 1); returns how many bytes the whole part took. */
function encodeWhole(
  writer: KeyWriter,
  negative: boolean,
  upper: number,
  lower: number,
  fractionFollows: boolean,
): number {
  const doubledUpper = ((upper << 1) | (lower >>> 31)) >>> 0
  const doubledLower = ((lower << 1) | (fractionFollows ? 1 : 0)) >>> 0
  const count = doubledUpper === 0 ? 4 - (Math.clz32(doubledLower) >>> 3) : 8 - (Math.clz32(doubledUpper) >>> 3)
  writer.byte(negative ? keyType.negativeWhole - count : keyType.positiveWhole + count)
  writeBytes(writer, doubledUpper, doubledLower, count, negative)
  return count
}

/** The type, then the double `n` without its sign, doubled, and 1 added if a tail follows. */
function encodeCut(writer: KeyWriter, type: number, n: number, tailFollows: boolean): void {
  const upper = doubleHighWord(n)
  const lower = doubleLowWord(n)
  writer.byte(type)
  const doubledUpper = ((upper << 1) | (lower >>> 31)) >>> 0
  writeBytes(writer, doubledUpper, ((lower << 1) | (tailFollows ? 1 : 0)) >>> 0, 8, type < keyType.zero)
}

/** The decimal itself: biased exponent of its first digit, pairs of digits plus 1 without trailing zeros, 0. */
function encodeTail(writer: KeyWriter, decimal: Decimal, magnitude: number): void {
  const mask = decimal.negative ? 0xff : 0
  const digits = decimal.coefficient.toString().replace(/0+$/, '')
  writer.uint((magnitude + tailExponentBias) ^ (decimal.negative ? 0xffff : 0), 2)
  for (let at = 0; at < digits.length; at += 2) {
    writer.byte((Number(digits.slice(at, at + 2).padEnd(2, '0')) + 1) ^ mask)
  }
  writer.byte(mask)
}

/** The lowest `count` bytes of upper * 2^32 + lower, big endian. */
function writeBytes(writer: KeyWriter, upper: number, lower: number, count: number, complement: boolean): void {
  writer.ensure(8)
  const { bytes } = writer
  const first = complement ? ~upper : upper
  const second = complement ? ~lower : lower
  let at = writer.length
  for (let shift = 8 * count - 40; shift >= 0; shift -= 8) bytes[at++] = first >>> shift
  for (let shift = Math.min(24, 8 * count - 8); shift >= 0; shift -= 8) bytes[at++] = second >>> shift
  writer.length = at
}

function bitLength(n: bigint): number {
  const hex = n.toString(16)
  return hex.length * 4 - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28
}

/** Where the number's key that begins at `start` ends; `type` is its first byte, `mask` 0xff when it is descending. */
export function numberKeyEnd(bytes: Uint8Array, start: number, type: number, mask: number): number {
  if (
    type === keyType.zero ||
    type === keyType.nan ||
    type === keyType.negativeInfinity ||
    type === keyType.positiveInfinity
  ) {
    return start + 1
  }
  const negative = type < keyType.zero
  if (negative) mask ^= 0xff
  let at = start + 9
  if (type > keyType.positiveSmall && type < keyType.positiveLarge) at = start + 1 + type - keyType.positiveWhole
  else if (type < keyType.negativeSmall && type > keyType.negativeLarge) at = start + 1 + keyType.negativeWhole - type
  if (((bytes[at - 1]! ^ mask) & 1) === 0) return at
  if (at < start + 9) {
    // A fraction follows; it says in turn whether a tail does.
    at = start + 9
    if (((bytes[at - 1]! ^ mask) & 1) === 0) return at
  }
  at += 2
  while (bytes[at] !== mask) at++
  return at + 1
}
