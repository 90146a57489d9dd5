/** Text of a few bytes, the commonest of all: without the call into native code that longer text takes, and of very few made once. */
import { compileFunction } from './compile.ts'

type Utf8Slice = (this: Uint8Array, start: number, end: number) => string
/** On every Buffer, though not in the type declarations; it takes any Uint8Array. Malformed UTF-8 becomes U+FFFD. */
const utf8Slice = (Buffer.prototype as unknown as { utf8Slice: Utf8Slice }).utf8Slice

/** From here on the native call is as fast. */
const shortLengthMax = 32

type ShortReader = (bytes: Uint8Array, start: number, length: number) => string | undefined

/** One `String.fromCharCode` of exactly the right number of arguments for each length: 20 ns where an array takes 50. */
function compileShortReader(): ShortReader {
  const cases = Array.from({ length: shortLengthMax }, (_, last) => {
    const bytes = Array.from({ length: last + 1 }, (_, i) => `b${i}`)
    const reads = bytes.map((name, i) => `${name} = bytes[start + ${i}]`).join(', ')
    const text = `String.fromCharCode(${bytes.join(', ')})`
    return `case ${last + 1}: { const ${reads}; return (${bytes.join(' | ')}) < 128 ? ${text} : undefined }`
  })
  const body = `switch (length) { ${cases.join('\n')} }`
  return compileFunction<ShortReader>(['bytes', 'start', 'length'], body) ?? (() => undefined)
}

const readShort = compileShortReader()

/** Texts of so few bytes that two words tell them apart are mostly names of things, the same ones over and over. */
const knownLengthMax = 8
const knownBits = 9
/** Of the text known in each place: its length in bytes, the first and the last four of them (of fewer than four: all, and 0). */
const knownWords = new Int32Array(4 << knownBits)
const knownTexts: string[] = new Array<string>(1 << knownBits).fill('')

/** A text of 1 to `knownLengthMax` bytes: the one that was made of these bytes before, if it is remembered. */
function readKnown(bytes: Uint8Array, start: number, length: number): string {
  let first: number
  let last = 0
  if (length >= 4) {
    const at = start + length - 4
    first = bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24)
    last = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  } else first = bytes[start]! | (bytes[start + (length >>> 1)]! << 8) | (bytes[start + length - 1]! << 16)
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

/** The text in `bytes` from `start` to `end` (exclusive); malformed UTF-8 becomes U+FFFD. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length <= shortLengthMax) {
    if (length <= knownLengthMax) return length === 0 ? '' : readKnown(bytes, start, length)
    const text = readShort(bytes, start, length)
    if (text !== undefined) return text
  }
  return utf8Slice.call(bytes, start, end)
}
