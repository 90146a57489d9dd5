/**
 * Sort keys: bytes that sort under memcmp as a collation orders strings, identical exactly where it finds them equal (Unicode
 * Technical Standard 10, section 7, with ICU's options).
 *
 *   levels: primary | secondary | case | tertiary | quaternary | identical, as many as the options ask for, 0x02 between them
 *
 *   primary      the primary weights, two bytes (the first 0x03-0xdf) or three (0xe0-0xfd); U+FFFF is 0xfe. Under numericOrdering
 *                a number is a weight just below that of zero, 1 + the count of its digits, and 3 + each two of them
 *   the next     the common weight is 0 in each level, and most are common: a run of them is one byte, 0x40-0x7f when something
 *   four         smaller or the end follows (the longer the greater), 0x81-0xc0 when something greater does (the longer the
 *                smaller), after 0x80 for each 64. Weights above: 0xc1-0xf2 or two bytes. Below: two bytes, the first 0x04-0x3e
 *   identical    the text in normalization form D, in UTF-8
 *
 * The secondary level is written backwards where the collation says so. Only in the identical level are bytes 0 or 1.
 */
import { KeyWriter } from '../bson/key-writer.ts'
import { readUtf8, utf8Bytes } from '../bson/utf8.ts'
import { ElementReader, type ElementSink } from './elements.ts'
import { Level, leastWeight } from './level.ts'
import type { CollationOptions } from './options.ts'
import type { WeightTable } from './weight-table.ts'

/** Of the keys in indexes: raised when the tables or the layout change. */
export const keyVersion = 1

const separator = 2
/** Primary weights from here on take three bytes. */
const shortWeights = 221 * 252

export class SortKeyBuilder implements ElementSink {
  readonly #options: CollationOptions
  readonly #table: WeightTable
  readonly #reader: ElementReader
  /** The greatest primary weight that is shifted; 0: none is. */
  readonly #lastVariable: number
  readonly #secondary = new Level()
  readonly #case = new Level()
  readonly #tertiary = new Level()
  readonly #quaternary = new Level()
  readonly #hasQuaternary: boolean
  #into = new KeyWriter(0)
  #afterVariable = false
  /** For ASCII characters of one plain element their primary weight (0: ignored); -1: they take the long way. */
  readonly #plainPrimary = new Int32Array(128)
  readonly #plainVariant = new Uint16Array(128)

  constructor(table: WeightTable, options: CollationOptions) {
    this.#options = options
    this.#table = table
    this.#reader = new ElementReader(table, options.numericOrdering)
    const shifted = options.alternate === 'shifted'
    this.#lastVariable = shifted ? table.lastVariable(options.maxVariable === 'space' ? 0 : 1) : 0
    this.#hasQuaternary = options.strength >= 4 && shifted
    for (let code = 0; code < 128; code++) this.#plainPrimary[code] = this.#plainPrimaryOf(code)
  }

  #plainPrimaryOf(code: number): number {
    const entry = this.#table.entryOf(code)
    if (this.#table.contractions.has(code)) return -1
    if (this.#options.numericOrdering && code >= 0x30 && code <= 0x39) return -1
    if ((entry & 31) === 0) return entry === 0 ? -1 : 0
    const at = entry >>> 5
    const name = this.#table.primaryNames[at]!
    if ((entry & 31) > 1 || name < 0 || this.#table.secondaryNames[at] !== 0) return -1
    const primary = this.#table.primaryOf[name]!
    this.#plainVariant[code] = this.#table.variants[at]!
    return primary <= this.#lastVariable ? -1 : primary
  }

  /** Appends the key of the UTF-8 text in `bytes` from `start` to `end` (exclusive). */
  append(into: KeyWriter, bytes: Uint8Array, start: number, end: number): void {
    const { strength, caseLevel, backwards } = this.#options
    this.#into = into
    const keyStart = into.length
    this.#begin()
    if (!this.#plain(bytes, start, end)) {
      into.length = keyStart
      this.#begin()
      this.#reader.read(this.#decomposed(readUtf8(bytes, start, end)), this)
    }
    if (strength >= 2) {
      into.byte(separator)
      this.#secondary.write(into, backwards)
    }
    if (caseLevel) {
      into.byte(separator)
      this.#case.write(into)
    }
    if (strength >= 3) {
      into.byte(separator)
      this.#tertiary.write(into)
    }
    if (this.#hasQuaternary) {
      into.byte(separator)
      this.#quaternary.write(into)
    }
    if (strength === 5) {
      into.byte(separator)
      const text = readUtf8(bytes, start, end).normalize('NFD')
      const identical = utf8Bytes(text)
      into.append(identical, 0, identical.length)
    }
  }

  #begin(): void {
    this.#afterVariable = false
    this.#secondary.reset()
    this.#case.reset()
    this.#tertiary.reset()
    this.#quaternary.reset()
  }

  /** All of it when every character is plain; false when one is not. */
  #plain(bytes: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!
      if (byte >= 0x80) return false
      const primary = this.#plainPrimary[byte]!
      if (primary < 0) return false
      if (primary > 0) this.element(primary, 0, this.#plainVariant[byte]!)
    }
    return true
  }

  #decomposed(text: string): string {
    if (this.#options.normalization) return text.normalize('NFD')
    let decomposed = ''
    for (const character of text) decomposed += character.normalize('NFD')
    return decomposed
  }

  element(primary: number, secondary: number, variant: number): void {
    const { strength, caseLevel, caseFirst } = this.#options
    if (primary !== 0) {
      if (primary <= this.#lastVariable && primary > 1) {
        this.#afterVariable = true
        this.#quaternary.add(leastWeight + primary)
        return
      }
      this.#afterVariable = false
      this.#primary(primary)
    } else if (this.#afterVariable) return
    if (strength >= 2) this.#secondary.add(secondary)
    const byCase = variant >>> 8
    const signedCase = caseFirst === 'upper' ? -byCase : byCase
    if (caseLevel && (primary !== 0 || strength >= 2)) this.#case.add(signedCase)
    if (strength >= 3) this.#tertiary.add((caseFirst === 'off' ? 0 : signedCase * 256) + (variant & 0xff))
    if (this.#hasQuaternary) this.#quaternary.add(0)
  }

  number(digits: readonly number[], from: number, to: number): void {
    this.element(this.#table.zeroPrimary - 1, 0, 0)
    const into = this.#into
    into.byte(1 + to - from)
    for (let at = from; at < to; at += 2) into.byte(3 + digits[at]! * 10 + (at + 1 < to ? digits[at + 1]! : 0))
  }

  #primary(weight: number): void {
    const into = this.#into
    if (weight < shortWeights) {
      const lead = Math.floor(weight / 252)
      into.byte(3 + lead)
      into.byte(3 + weight - lead * 252)
      return
    }
    const rest = weight - shortWeights
    into.byte(0xe0 + Math.floor(rest / 63_504))
    into.byte(3 + (Math.floor(rest / 252) % 252))
    into.byte(3 + (rest % 252))
  }
}
