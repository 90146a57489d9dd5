/**
 * IEEE 754 decimal128 in its binary integer (BID) form, as BSON stores it: 16 bytes, little endian.
 *
 *   bit 127      sign
 *   126..113     exponent + 6176                 when bits 126..125 are not 11
 *   112..0       coefficient, at most 10^34 - 1  (a greater one is not canonical and counts as 0)
 *   126..122     11110 infinity, 11111 NaN; other patterns that begin with 11 have a coefficient too great: zero
 *
 * A value keeps its quantum: 1.10 and 1.1 are equal but not the same bytes. Text follows the BSON decimal128
 * specification.
 */
import { doubleHighWord, doubleLowWord, readUint32, twoTo32, writeInt32 } from './little-endian.ts'

export const exponentMin = -6176
export const exponentMax = 6111
export const digitsMax = 34
export const coefficientMax = 10n ** 34n - 1n

export interface Decimal {
  readonly form: 'finite' | 'infinity' | 'nan'
  readonly negative: boolean
  /** The value is coefficient * 10^exponent; both 0 when not finite. */
  readonly coefficient: bigint
  readonly exponent: number
}

export const decimalNaN: Decimal = { form: 'nan', negative: false, coefficient: 0n, exponent: 0 }
export const decimalZero: Decimal = { form: 'finite', negative: false, coefficient: 0n, exponent: 0 }

export function decimalInfinity(negative: boolean): Decimal {
  return { form: 'infinity', negative, coefficient: 0n, exponent: 0 }
}

const bias = 6176
/** Coefficients have at most 113 bits; the uppermost word holds the first 17 of them. */
const upperBits = 0x1ffff

export function readDecimal128(bytes: Uint8Array, at: number): Decimal {
  const word3 = readUint32(bytes, at + 12)
  const negative = word3 >= 0x80000000
  if ((word3 & 0x60000000) === 0x60000000) {
    if ((word3 & 0x78000000) !== 0x78000000) {
      const exponent = ((word3 >>> 15) & 0x3fff) - bias
      return { form: 'finite', negative, coefficient: 0n, exponent: Math.min(exponent, exponentMax) }
    }
    return (word3 & 0x04000000) === 0 ? decimalInfinity(negative) : decimalNaN
  }
  const exponent = ((word3 >>> 17) & 0x3fff) - bias
  const lower = readUint32(bytes, at + 4) * twoTo32 + readUint32(bytes, at)
  const word2 = readUint32(bytes, at + 8)
  if (word2 === 0 && (word3 & upperBits) === 0 && lower <= Number.MAX_SAFE_INTEGER) {
    return { form: 'finite', negative, coefficient: BigInt(lower), exponent }
  }
  const coefficient =
    (BigInt((word3 & upperBits) * twoTo32 + word2) << 64n) |
    (BigInt(readUint32(bytes, at + 4)) << 32n) |
    BigInt(readUint32(bytes, at))
  return { form: 'finite', negative, coefficient: coefficient > coefficientMax ? 0n : coefficient, exponent }
}

/** The 16 bytes of a decimal whose coefficient and exponent are within bounds (`roundDecimal` brings them there). */
export function decimal128Bytes(decimal: Decimal): Uint8Array {
  const bytes = new Uint8Array(16)
  const sign = decimal.negative ? 0x80000000 : 0
  if (decimal.form !== 'finite') {
    bytes[15] = decimal.form === 'nan' ? 0x7c : decimal.negative ? 0xf8 : 0x78
    return bytes
  }
  const { coefficient } = decimal
  writeInt32(bytes, 0, Number(coefficient & 0xffffffffn))
  writeInt32(bytes, 4, Number((coefficient >> 32n) & 0xffffffffn))
  writeInt32(bytes, 8, Number((coefficient >> 64n) & 0xffffffffn))
  writeInt32(bytes, 12, (sign | ((decimal.exponent + bias) << 17) | Number(coefficient >> 96n)) >>> 0)
  return bytes
}

/** Decimal digits of a coefficient; 1 for zero. */
export function digitCount(coefficient: bigint): number {
  return coefficient < 10_000_000_000_000n ? String(Number(coefficient)).length : coefficient.toString().length
}

export interface Rounded {
  readonly decimal: Decimal
  /** False when digits other than zero were lost, or the value became infinite. */
  readonly exact: boolean
}

/**
 * Brings coefficient * 10^exponent into decimal128: rounds half to even to 34 digits or to the smallest exponent, pads
 * with zeros to bring down an exponent that is too great, and gives infinity beyond that. `sticky`: something not zero
 * lies beyond the last digit given.
 */
export function roundDecimal(negative: boolean, coefficient: bigint, exponent: number, sticky = false): Rounded {
  let exact = !sticky
  const excess = Math.max(coefficient === 0n ? 0 : digitCount(coefficient) - digitsMax, exponentMin - exponent)
  if (coefficient === 0n && !sticky) {
    const clamped = Math.max(exponentMin, Math.min(exponentMax, exponent))
    return { decimal: { form: 'finite', negative, coefficient, exponent: clamped }, exact }
  }
  if (excess > 0) {
    const dropped = dropDigits(coefficient, excess, sticky)
    coefficient = dropped.coefficient
    exact = dropped.exact
    exponent += excess
    if (coefficient > coefficientMax) {
      coefficient /= 10n
      exponent++
    }
  }
  if (exponent > exponentMax) {
    const padding = exponent - exponentMax
    if (padding + digitCount(coefficient) > digitsMax) return { decimal: decimalInfinity(negative), exact: false }
    coefficient *= powerOfTen(padding)
    exponent = exponentMax
  }
  return { decimal: { form: 'finite', negative, coefficient, exponent }, exact }
}

function dropDigits(coefficient: bigint, count: number, sticky: boolean): { coefficient: bigint; exact: boolean } {
  if (count > digitCount(coefficient) + 1) return { coefficient: 0n, exact: false }
  const divisor = powerOfTen(count)
  const quotient = coefficient / divisor
  const rest = coefficient % divisor
  const twice = rest * 2n
  const up = twice > divisor || (twice === divisor && (sticky || (quotient & 1n) === 1n))
  return { coefficient: up ? quotient + 1n : quotient, exact: rest === 0n && !sticky }
}

const powers: bigint[] = Array.from({ length: 80 }, (_, exponent) => 10n ** BigInt(exponent))

/** 10^exponent. */
export function powerOfTen(exponent: number): bigint {
  return powers[exponent] ?? 10n ** BigInt(exponent)
}

const numberPattern = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/
const infinityPattern = /^([+-]?)inf(?:inity)?$/i
const nanPattern = /^[+-]?nan$/i

/** Reads a decimal's text, rounding as `roundDecimal` does; undefined when it is no number. */
export function parseDecimal(text: string): Rounded | undefined {
  const match = numberPattern.exec(text)
  if (match === null) {
    if (nanPattern.test(text)) return { decimal: decimalNaN, exact: true }
    const infinity = infinityPattern.exec(text)
    return infinity === null ? undefined : { decimal: decimalInfinity(infinity[1] === '-'), exact: true }
  }
  const fraction = match[3] ?? match[4] ?? ''
  const digits = ((match[2] ?? '') + fraction).replace(/^0+(?=\d)/, '')
  // An exponent far outside gives zero or infinity whatever the digits: keep it a number that can be added to.
  const written = Math.max(-1e9, Math.min(1e9, Number(match[5] ?? 0)))
  const kept = digits.slice(0, 200)
  const sticky = /[1-9]/.test(digits.slice(200))
  const exponent = written - fraction.length + (digits.length - kept.length)
  return roundDecimal(match[1] === '-', BigInt(kept), exponent, sticky)
}

/** The canonical text: plain when the exponent is not positive and the first digit not below 10^-6, else scientific. */
export function formatDecimal(decimal: Decimal): string {
  if (decimal.form === 'nan') return 'NaN'
  const sign = decimal.negative ? '-' : ''
  if (decimal.form === 'infinity') return `${sign}Infinity`
  const digits = decimal.coefficient.toString()
  const { exponent } = decimal
  const adjusted = exponent + digits.length - 1
  if (exponent > 0 || adjusted < -6) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
    return `${sign}${digits[0]}${fraction}E${adjusted < 0 ? '-' : '+'}${Math.abs(adjusted)}`
  }
  if (exponent === 0) return sign + digits
  const padded = digits.padStart(1 - exponent, '0')
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`
}

/** The nearest double. */
export function decimalToNumber(decimal: Decimal): number {
  if (decimal.form === 'nan') return Number.NaN
  const size = decimal.form === 'infinity' ? Infinity : Number(`${decimal.coefficient}e${decimal.exponent}`)
  return decimal.negative ? -size : size
}

/** The text of the decimal128 at `at`. */
export function formatDecimal128(bytes: Uint8Array, at: number): string {
  return formatDecimal(readDecimal128(bytes, at))
}

export function decimal128ToNumber(bytes: Uint8Array, at: number): number {
  return decimalToNumber(readDecimal128(bytes, at))
}

/** True for zero of either sign and any exponent. */
export function isDecimal128Zero(bytes: Uint8Array, at: number): boolean {
  const decimal = readDecimal128(bytes, at)
  return decimal.form === 'finite' && decimal.coefficient === 0n
}

export function integerDecimal(n: bigint): Decimal {
  return { form: 'finite', negative: n < 0n, coefficient: n < 0n ? -n : n, exponent: 0 }
}

/** The decimal that a double is exactly; its coefficient may have up to 767 digits. */
export function exactDecimal(n: number): Decimal {
  if (Number.isNaN(n)) return decimalNaN
  const negative = n < 0 || Object.is(n, -0)
  if (!Number.isFinite(n)) return decimalInfinity(negative)
  const highWord = doubleHighWord(n)
  const biased = (highWord >>> 20) & 0x7ff
  const fraction = (highWord & 0xfffff) * twoTo32 + doubleLowWord(n)
  let significand = BigInt(biased === 0 ? fraction : fraction + 2 ** 52)
  let shift = Math.max(biased, 1) - 1075
  if (significand === 0n) return { form: 'finite', negative, coefficient: 0n, exponent: 0 }
  while (shift < 0 && (significand & 1n) === 0n) {
    significand >>= 1n
    shift++
  }
  if (shift >= 0) return { form: 'finite', negative, coefficient: significand << BigInt(shift), exponent: 0 }
  return { form: 'finite', negative, coefficient: significand * 5n ** BigInt(-shift), exponent: shift }
}

/** By mathematical value: <0, 0, >0. NaN comes first and equals NaN; zeros are equal. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const aClass = valueClass(a)
  const byClass = aClass - valueClass(b)
  if (byClass !== 0 || Math.abs(aClass) !== 1) return byClass
  const bySize = compareSizes(a, b)
  return aClass < 0 ? 0 - bySize : bySize
}

/** NaN -3, -Infinity -2, negative -1, zero 0, positive 1, Infinity 2. */
function valueClass(decimal: Decimal): number {
  if (decimal.form === 'nan') return -3
  if (decimal.form === 'infinity') return decimal.negative ? -2 : 2
  return decimal.coefficient === 0n ? 0 : decimal.negative ? -1 : 1
}

function compareSizes(a: Decimal, b: Decimal): number {
  let aCoefficient = a.coefficient
  let bCoefficient = b.coefficient
  if (a.exponent !== b.exponent) {
    const byMagnitude = a.exponent + digitCount(aCoefficient) - b.exponent - digitCount(bCoefficient)
    if (byMagnitude !== 0) return byMagnitude
    if (a.exponent > b.exponent) aCoefficient *= powerOfTen(a.exponent - b.exponent)
    else bCoefficient *= powerOfTen(b.exponent - a.exponent)
  }
  return aCoefficient < bCoefficient ? -1 : aCoefficient > bCoefficient ? 1 : 0
}
