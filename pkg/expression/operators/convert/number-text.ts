/** Numbers from strings, as the conversions take them: no space around, nothing left over. Undefined for what is no number. */
import { type Decimal, digitsMax as decimalDigitsMax, exponentMin, parseDecimal } from '../../../bson/decimal128.ts'

const digitForms: Readonly<Record<number, RegExp>> = {
  2: /^([+-]?)([01]+)$/,
  8: /^([+-]?)([0-7]+)$/,
  10: /^([+-]?)([0-9]+)$/,
  16: /^([+-]?)(?:0[xX])?([0-9a-fA-F]+)$/,
}
const prefixes: Readonly<Record<number, string>> = { 2: '0b', 8: '0o', 10: '', 16: '0x' }
/** An int64 in base 2 has no more. */
const digitsMax = 64

/** An integer within int64, in base 2, 8, 10 or 16. */
export function integerOfText(text: string, base = 10): bigint | undefined {
  const match = digitForms[base]?.exec(text)
  if (match === null || match === undefined) return undefined
  const digits = match[2]!.replace(/^0+/, '')
  if (digits.length > digitsMax) return undefined
  const size = BigInt(`${prefixes[base]}${digits === '' ? '0' : digits}`)
  const n = match[1] === '-' ? -size : size
  return BigInt.asIntN(64, n) === n ? n : undefined
}

const decimalForm = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/
const hexForm = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?$/
const specialForm = /^([+-]?)(inf|infinity|nan)$/i

/** Also hexadecimal as C writes it, but for a bare `0x`. Undefined also for what a double cannot hold. */
export function doubleOfText(text: string): number | undefined {
  if (decimalForm.test(text)) {
    const n = Number(text)
    const vanishes = n === 0 && /[1-9]/.test(text.replace(/[eE].*$/, ''))
    return Number.isFinite(n) && !vanishes ? n : undefined
  }
  const special = specialForm.exec(text)
  if (special !== null) {
    if (special[2]!.toLowerCase() === 'nan') return Number.NaN
    return special[1] === '-' ? -Infinity : Infinity
  }
  return text.startsWith('0x') ? undefined : hexDouble(text)
}

/** A double has no more, but for zeros. */
const hexDigitsMax = 256

function hexDouble(text: string): number | undefined {
  const match = hexForm.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  if (whole === '' && fraction === '') return undefined
  const digits = whole.replace(/^0+/, '')
  const kept = fraction.slice(0, hexDigitsMax)
  if (digits.length > hexDigitsMax) return undefined
  const size = Number(BigInt(`0x0${digits}${kept}`)) * 2 ** (Number(exponent) - 4 * kept.length)
  return Number.isFinite(size) ? (sign === '-' ? -size : size) : undefined
}

const mantissaForm = /^([+-]?)0*([0-9]*)\.?([0-9]*)/

/** Undefined also for what is too great or too small for a decimal; digits beyond 34 are cut off. */
export function decimalOfText(text: string): Decimal | undefined {
  const rounded = parseDecimal(text.length > decimalDigitsMax ? cutDigits(text) : text)
  if (rounded === undefined) return undefined
  const { decimal, exact } = rounded
  if (exact) return decimal
  if (decimal.form === 'infinity') return undefined
  return decimal.exponent === exponentMin ? undefined : decimal
}

/** The same number with no more digits than a decimal has; whatever else the text is stays as it is. */
function cutDigits(text: string): string {
  const match = mantissaForm.exec(text)!
  const [mantissa, sign, whole, fraction] = match as unknown as [string, string, string, string]
  const leading = whole === '' ? /^0*/.exec(fraction)![0].length : 0
  const digits = whole + fraction.slice(leading)
  if (digits.length <= decimalDigitsMax) return text
  const rest = text.slice(mantissa.length)
  const exponent = /^[eE]([+-]?[0-9]+)$/.exec(rest)
  if (rest !== '' && exponent === null) return text
  const power = Number(exponent?.[1] ?? 0) - fraction.length + (digits.length - decimalDigitsMax)
  return `${sign}${digits.slice(0, decimalDigitsMax)}e${power}`
}
