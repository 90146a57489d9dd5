/** Text of a few bytes, the commonest of all: without the call into native code that longer text takes, and of very few made once. */
import { compileFunction } from './compile.ts'
import { readInt32 } from './little-endian.ts'

type Utf8Slice = (this: Uint8Array, start: number, end: number) => string
/** On every Buffer, though not in the type declarations; it takes any Uint8Array. Malformed UTF-8 becomes U+FFFD. */
const utf8Slice = (Buffer.prototype as unknown as { utf8Slice: Utf8Slice }).utf8Slice

/** Of longer text the native call is as fast. */
const shortLengthMax = 36

/** `source`: bytes, or the view of them. undefined: it is not all ASCII. */
type ShortReader<Source> = (source: Source, start: number, length: number) => string | undefined

/** What a text of one length is made of. */
interface ShortCase {
  /** Expressions, of bytes or words, for each constant `r0`, `r1` ... */
  readonly reads: readonly string[]
  /** The arguments of `String.fromCharCode`, of those constants. */
  readonly codes: readonly string[]
}

/** One `String.fromCharCode` of exactly the right number of arguments for each length: 20 ns where an array takes 50. */
function compileShortReader<Source>(caseOf: (length: number) => ShortCase): ShortReader<Source> {
  const cases = Array.from({ length: shortLengthMax }, (_, last) => {
    const { reads, codes } = caseOf(last + 1)
    const constants = reads.map((read, i) => `r${i} = ${read}`).join(', ')
    const bits = reads.map((_, i) => `r${i}`).join(' | ')
    return `case ${last + 1}: { const ${constants}
      return ((${bits}) & 0x80808080) === 0 ? String.fromCharCode(${codes.join(', ')}) : undefined }`
  })
  const body = `switch (length) { ${cases.join('\n')} }`
  return compileFunction<ShortReader<Source>>(['source', 'start', 'length'], body) ?? (() => undefined)
}

const readShort = compileShortReader<Uint8Array>((length) => {
  const offsets = Array.from({ length }, (_, i) => i)
  return { reads: offsets.map((i) => `source[start + ${i}]`), codes: offsets.map((i) => `r${i}`) }
})

/** By words; of less than four bytes left over, by one that ends with them. */
const readShortViewed = compileShortReader<DataView>((length) => {
  const reads: string[] = []
  const codes: string[] = []
  if (length < 4) {
    for (let i = 0; i < length; i++) {
      reads.push(`source.getUint8(start + ${i})`)
      codes.push(`r${i}`)
    }
  }
  for (let at = 0; at < length && length >= 4; at += 4) {
    const wordAt = Math.min(at, length - 4)
    const word = `r${reads.length}`
    reads.push(`source.getInt32(start + ${wordAt}, true)`)
    for (let i = at - wordAt; i < 4; i++) codes.push(`(${word} >>> ${i * 8}) & 0x7f`)
  }
  return { reads, codes }
})

/** Texts of so few bytes that two words tell them apart are mostly names of things, the same ones over and over. */
const knownLengthMax = 8
const knownBits = 9
/** Of the text known in each place: its length in bytes, the first and the last four of them (of fewer than four: all, and 0). */
const knownWords = new Int32Array(4 << knownBits)
const knownTexts: string[] = new Array<string>(1 << knownBits).fill('')

/** A text of 1 to `knownLengthMax` bytes: the one that was made of these bytes before, if it is remembered. */
function readKnown(bytes: Uint8Array, start: number, length: number, first: number, last: number): string {
  const place = Math.imul(first ^ Math.imul(last ^ length, 0x9e3779b1), 0x85ebca6b) >>> (32 - knownBits)
  const at = place << 2
  if (knownWords[at] === length && knownWords[at + 1] === first && knownWords[at + 2] === last)
    return knownTexts[place]!
  const text = readShort(bytes, start, length) ?? utf8Slice.call(bytes, start, start + length)
  knownWords[at] = length
  knownWords[at + 1] = first
  knownWords[at + 2] = last
  knownTexts[place] = text
  return text
}

/** Of less than four bytes. */
function fewBytes(bytes: Uint8Array, start: number, length: number): number {
  return bytes[start]! | (bytes[start + (length >>> 1)]! << 8) | (bytes[start + length - 1]! << 16)
}

/** The text in `bytes` from `start` to `end` (exclusive); malformed UTF-8 becomes U+FFFD. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length <= shortLengthMax) {
    if (length <= knownLengthMax) {
      if (length === 0) return ''
      if (length < 4) return readKnown(bytes, start, length, fewBytes(bytes, start, length), 0)
      return readKnown(bytes, start, length, readInt32(bytes, start), readInt32(bytes, end - 4))
    }
    const text = readShort(bytes, start, length)
    if (text !== undefined) return text
  }
  return utf8Slice.call(bytes, start, end)
}

/** As `readText`, for who has the view of `bytes` at hand. */
export function readViewedText(bytes: Uint8Array, view: DataView, start: number, end: number): string {
  const length = end - start
  if (length <= shortLengthMax) {
    if (length <= knownLengthMax) {
      if (length === 0) return ''
      if (length < 4) return readKnown(bytes, start, length, fewBytes(bytes, start, length), 0)
      return readKnown(bytes, start, length, view.getInt32(start, true), view.getInt32(end - 4, true))
    }
    const text = readShortViewed(view, start, length)
    if (text !== undefined) return text
  }
  return utf8Slice.call(bytes, start, end)
}
