/** JSON text in bytes, read from a position: strings, numbers, and where things end. Errors name line and column. */
import { DatabaseError } from '../base/errors.ts'
import { readText } from './short-text.ts'
import { isUtf8 } from './utf8.ts'
import { BsonWriter } from './writer.ts'

export const quote = 0x22
export const comma = 0x2c
export const colon = 0x3a
export const openBracket = 0x5b
const backslash = 0x5c
export const closeBracket = 0x5d
export const openBrace = 0x7b
export const closeBrace = 0x7d

/** Below this many bytes a loop copies faster than the call that `set` is. */
const loopLengthMax = 32

const replacementCharacter = 0xfffd

export class JsonText {
  bytes: Uint8Array = new Uint8Array(0)
  /** The next byte to be read. */
  at = 0
  end = 0
  #start = 0
  readonly #scratch = new BsonWriter(256)

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.#start = start
    this.at = start
    this.end = end
  }

  /** The byte after white space, which is where `at` then is; -1 at the end. */
  peek(): number {
    const bytes = this.bytes
    const end = this.end
    let at = this.at
    while (at < end) {
      const byte = bytes[at]!
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) {
        this.at = at
        return byte
      }
      at++
    }
    this.at = at
    return -1
  }

  /** Steps over `byte`, which must be next but for white space. */
  expect(byte: number): void {
    if (this.peek() !== byte) throw this.error(`expected '${String.fromCharCode(byte)}'`)
    this.at++
  }

  /**
   * Appends the content of the string that begins here to `writer`, as UTF-8. True when it had an escape: without one
   * it has no control characters.
   */
  copyString(writer: BsonWriter): boolean {
    this.expect(quote)
    const start = this.at
    const end = this.#plainEnd(start)
    if (end < 0) {
      this.#copyEscaped(writer, start)
      return true
    }
    this.at = end + 1
    append(writer, this.bytes, start, end)
    return false
  }

  /** The string that begins here. */
  readString(): string {
    this.expect(quote)
    const start = this.at
    const end = this.#plainEnd(start)
    if (end >= 0) {
      this.at = end + 1
      return readText(this.bytes, start, end)
    }
    const scratch = this.#scratch
    scratch.length = 0
    this.#copyEscaped(scratch, start)
    return readText(scratch.bytes, 0, scratch.length)
  }

  /** Where the string ends whose content begins at `start`, which is checked on the way; -1 when it has an escape. */
  #plainEnd(start: number): number {
    const bytes = this.bytes
    const end = this.end
    let at = start
    let joined = 0
    while (at < end) {
      const byte = bytes[at]!
      if (byte === quote) {
        if (joined > 0x7f) this.#checkUtf8(start, at)
        return at
      }
      if (byte === backslash) return -1
      if (byte < 0x20) throw this.error('a control character must be escaped in a string', at)
      joined |= byte
      at++
    }
    throw this.error('a string that does not end', start - 1)
  }

  #copyEscaped(writer: BsonWriter, start: number): void {
    const bytes = this.bytes
    let from = start
    let at = start
    for (;;) {
      if (at >= this.end) throw this.error('a string that does not end', start - 1)
      const byte = bytes[at]!
      if (byte !== quote && byte !== backslash) {
        if (byte < 0x20) throw this.error('a control character must be escaped in a string', at)
        at++
        continue
      }
      this.#checkUtf8(from, at)
      append(writer, bytes, from, at)
      this.at = at + 1
      if (byte === quote) return
      this.#copyEscape(writer)
      at = this.at
      from = at
    }
  }

  /** Appends what the escape stands for whose backslash is behind `at`. */
  #copyEscape(writer: BsonWriter): void {
    const letter = this.bytes[this.at++]
    const plain = letter === undefined ? undefined : plainEscapes.get(letter)
    if (plain !== undefined) {
      appendCodePoint(writer, plain)
      return
    }
    if (letter !== 0x75) throw this.error('an unknown escape in a string', this.at - 2)
    const first = this.#hexUnit()
    if (first < 0xd800 || first > 0xdfff) {
      appendCodePoint(writer, first)
      return
    }
    const afterFirst = this.at
    if (first < 0xdc00 && this.bytes[afterFirst] === backslash && this.bytes[afterFirst + 1] === 0x75) {
      this.at += 2
      const second = this.#hexUnit()
      if (second >= 0xdc00 && second <= 0xdfff) {
        appendCodePoint(writer, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
        return
      }
      this.at = afterFirst
    }
    appendCodePoint(writer, replacementCharacter)
  }

  #hexUnit(): number {
    let unit = 0
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(this.bytes[this.at] ?? 0)
      if (digit < 0 || this.at >= this.end) throw this.error('\\u needs four hex digits')
      unit = 16 * unit + digit
      this.at++
    }
    return unit
  }

  #checkUtf8(start: number, end: number): void {
    if (!isUtf8(this.bytes, start, end)) throw this.error('a string that is not valid UTF-8', start - 1)
  }

  /** The end of the number that begins here, by JSON's grammar; sets `isInteger`. */
  skipNumber(): number {
    const bytes = this.bytes
    const start = this.at
    let at = start
    if (bytes[at] === 0x2d) at++
    const digitsAt = at
    at = this.#skipDigits(at)
    if (at === digitsAt || (bytes[digitsAt] === 0x30 && at > digitsAt + 1)) throw this.error('an unexpected character')
    this.isInteger = true
    if (at < this.end && bytes[at] === 0x2e) {
      this.isInteger = false
      at = this.#someDigits(at + 1)
    }
    if (at < this.end && (bytes[at]! | 0x20) === 0x65) {
      this.isInteger = false
      at++
      if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++
      at = this.#someDigits(at)
    }
    return at
  }

  isInteger = false

  #skipDigits(at: number): number {
    const bytes = this.bytes
    while (at < this.end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++
    return at
  }

  #someDigits(at: number): number {
    const end = this.#skipDigits(at)
    if (end === at) throw this.error('a number that lacks digits', at)
    return end
  }

  /** True when `word` comes next, which is then stepped over. */
  take(word: string): boolean {
    for (let i = 0; i < word.length; i++) if (this.bytes[this.at + i] !== word.charCodeAt(i)) return false
    if (this.at + word.length > this.end) return false
    this.at += word.length
    return true
  }

  /**
   * The end of the value that begins at `at`, found by brackets and strings alone: whether it is JSON shows when it is
   * parsed. Leaves `at` there.
   */
  skipValue(): void {
    const bytes = this.bytes
    let depth = 0
    const start = this.at
    for (let byte = this.peek(); byte >= 0; byte = this.peek()) {
      if (byte === quote) this.#skipString()
      else if (byte === openBrace || byte === openBracket) {
        depth++
        this.at++
      } else if (byte === closeBrace || byte === closeBracket) {
        depth--
        this.at++
      } else if (depth > 0 && (byte === comma || byte === colon)) this.at++
      else {
        const wordAt = this.at
        while (this.at < this.end && isWordByte(bytes[this.at]!)) this.at++
        if (this.at === wordAt) throw this.error('an unexpected character')
      }
      if (depth <= 0) return
    }
    throw this.error('a value that does not end', start)
  }

  #skipString(): void {
    const bytes = this.bytes
    const start = this.at
    for (let at = start + 1; at < this.end; at++) {
      if (bytes[at] === backslash) at++
      else if (bytes[at] === quote) {
        this.at = at + 1
        return
      }
    }
    throw this.error('a string that does not end', start)
  }

  error(problem: string, at = this.at): DatabaseError {
    let line = 1
    let lineStart = this.#start
    for (let i = this.#start; i < at && i < this.end; i++) {
      if (this.bytes[i] === 0x0a) {
        line++
        lineStart = i + 1
      }
    }
    const shown =
      at >= this.end && !problem.includes('does not end') ? `${problem}, found the end of the text` : problem
    return new DatabaseError('FailedToParse', `JSON: ${shown}, line ${line}, column ${at - lineStart + 1}`)
  }
}

const plainEscapes: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': 0x22, '\\': 0x5c, '/': 0x2f, b: 0x08, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09 }).map(
    ([letter, code]) => [letter.charCodeAt(0), code],
  ),
)

function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  )
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function append(writer: BsonWriter, source: Uint8Array, start: number, end: number): void {
  const count = end - start
  writer.ensure(count)
  const { bytes, length } = writer
  if (count <= loopLengthMax) for (let i = 0; i < count; i++) bytes[length + i] = source[start + i]!
  else bytes.set(source.subarray(start, end), length)
  writer.length = length + count
}

function appendCodePoint(writer: BsonWriter, code: number): void {
  writer.ensure(4)
  const { bytes } = writer
  if (code < 0x80) bytes[writer.length++] = code
  else if (code < 0x800) {
    bytes[writer.length++] = 0xc0 | (code >> 6)
    bytes[writer.length++] = 0x80 | (code & 0x3f)
  } else {
    if (code < 0x10000) bytes[writer.length++] = 0xe0 | (code >> 12)
    else {
      bytes[writer.length++] = 0xf0 | (code >> 18)
      bytes[writer.length++] = 0x80 | ((code >> 12) & 0x3f)
    }
    bytes[writer.length++] = 0x80 | ((code >> 6) & 0x3f)
    bytes[writer.length++] = 0x80 | (code & 0x3f)
  }
}
