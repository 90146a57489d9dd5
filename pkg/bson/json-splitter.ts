/**
 * Finds where documents begin and end in a stream of JSON text: one after another with any white space between
 * (newline-delimited or not), or as the elements of one array. It looks at brackets and strings only; whether what it
 * cuts out is JSON is for the parser to say.
 *
 *   first ──'['──▶ elementOrEnd ──'{…}'──▶ commaOrEnd ──','──▶ element ──'{…}'──▶ commaOrEnd ──']'──▶ finished
 *     └──'{…}'──▶ document ──'{…}'──▶ document
 */
import { DatabaseError } from '../base/errors.ts'

/** Longest text of one document: the largest document in its most verbose form, and ample white space. */
const textSizeMax = 256 * 1024 * 1024
const bufferSizeMin = 64 * 1024

const quote = 0x22
const comma = 0x2c
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
const newline = 0x0a

type Place = 'first' | 'document' | 'elementOrEnd' | 'element' | 'commaOrEnd' | 'finished'

const expected: Readonly<Record<Place, string>> = {
  first: 'a document or an array of documents',
  document: 'a document',
  elementOrEnd: "a document or ']'",
  element: 'a document',
  commaOrEnd: "',' or ']'",
  finished: 'nothing after the array',
}

/** Push chunks, take documents with `next` until it has none; call `end` after the last chunk and take the rest. */
export class JsonDocumentSplitter {
  /** What lies before `#from` is consumed; of it, what was handed out is never written again. */
  #bytes: Uint8Array = new Uint8Array(0)
  #from = 0
  /** How far the scan has come. */
  #at = 0
  #to = 0
  #ended = false

  #place: Place = 'first'
  /** Brackets open in the document being scanned; 0 between documents. */
  #depth = 0
  #inString = false
  /** The byte before was a backslash in a string. */
  #escaped = false

  /** Where `#from` lies in the stream. */
  #line = 1
  #column = 1
  #documentLine = 1
  #documentColumn = 1

  /** The line in which the document returned last begins, from 1. */
  get line(): number {
    return this.#documentLine
  }

  /** The column, in bytes from 1, at which the document returned last begins. */
  get column(): number {
    return this.#documentColumn
  }

  /** Takes a copy of `chunk`, which may cut documents, strings and characters anywhere. */
  push(chunk: Uint8Array): void {
    const pending = this.#to - this.#from
    if (this.#to + chunk.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * (pending + chunk.length), bufferSizeMin))
      grown.set(this.#bytes.subarray(this.#from, this.#to))
      this.#bytes = grown
      this.#at -= this.#from
      this.#from = 0
      this.#to = pending
    }
    this.#bytes.set(chunk, this.#to)
    this.#to += chunk.length
  }

  /** No more chunks will come; from now on `next` throws when what is left is not complete. */
  end(): void {
    this.#ended = true
  }

  /**
   * The text of the next document, not to be written to; undefined when it takes more chunks, or at the end.
   * Throws FailedToParse with line and column for what cannot stand outside of a document, and for a text cut short.
   */
  next(): Uint8Array | undefined {
    if (this.#depth === 0) this.#skipToDocument()
    if (this.#depth > 0 && this.#scanDocument()) return this.#take()
    if (this.#to - this.#from > textSizeMax) throw this.#error(`a document of more than ${textSizeMax} bytes`)
    if (this.#ended) this.#checkComplete()
    return undefined
  }

  /** Moves on to where a document begins, and into it. */
  #skipToDocument(): void {
    const bytes = this.#bytes
    while (this.#at < this.#to) {
      const byte = bytes[this.#at]!
      if (byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === newline) {
        this.#at++
        continue
      }
      this.#consume()
      const place = this.#place
      if (byte === openBrace && place !== 'commaOrEnd' && place !== 'finished') {
        this.#place = place === 'first' || place === 'document' ? 'document' : 'commaOrEnd'
        this.#depth = 1
        this.#at++
        return
      }
      if (byte === openBracket && place === 'first') this.#place = 'elementOrEnd'
      else if (byte === comma && place === 'commaOrEnd') this.#place = 'element'
      else if (byte === closeBracket && (place === 'commaOrEnd' || place === 'elementOrEnd')) this.#place = 'finished'
      else if (place === 'first' && byte === 0xef) {
        // A byte order mark, which is no part of the text.
        if (this.#to - this.#at < 3) return
        if (bytes[this.#at + 1] !== 0xbb || bytes[this.#at + 2] !== 0xbf) throw this.#unexpected(byte)
        this.#at += 2
      } else throw this.#unexpected(byte)
      this.#at++
    }
    this.#consume()
  }

  /** Goes on to the end of the document; false when it is not here yet. */
  #scanDocument(): boolean {
    const bytes = this.#bytes
    const to = this.#to
    let at = this.#at
    let depth = this.#depth
    let inString = this.#inString
    let escaped = this.#escaped
    while (at < to && depth > 0) {
      if (inString) {
        while (at < to) {
          const byte = bytes[at++]!
          if (escaped) escaped = false
          else if (byte === quote) {
            inString = false
            break
          } else if (byte === backslash) escaped = true
        }
        continue
      }
      const byte = bytes[at++]!
      if (byte === quote) inString = true
      else if (byte === openBrace || byte === openBracket) depth++
      else if (byte === closeBrace || byte === closeBracket) depth--
    }
    this.#at = at
    this.#depth = depth
    this.#inString = inString
    this.#escaped = escaped
    return depth === 0
  }

  #take(): Uint8Array {
    const text = this.#bytes.subarray(this.#from, this.#at)
    this.#documentLine = this.#line
    this.#documentColumn = this.#column
    this.#consume()
    return text
  }

  /** Counts what was scanned as consumed. */
  #consume(): void {
    const text = this.#bytes.subarray(this.#from, this.#at)
    let lineStart = 0
    for (let found = text.indexOf(newline); found >= 0; found = text.indexOf(newline, lineStart)) {
      lineStart = found + 1
      this.#line++
      this.#column = 1
    }
    this.#column += text.length - lineStart
    this.#from = this.#at
  }

  #checkComplete(): void {
    if (this.#depth > 0) throw this.#error('the text ends within the document that begins here')
    if (this.#to > this.#at) throw this.#unexpected(this.#bytes[this.#at]!)
    if (this.#place !== 'first' && this.#place !== 'document' && this.#place !== 'finished') {
      throw this.#error(`the text ends where ${expected[this.#place]} is expected`)
    }
  }

  #unexpected(byte: number): DatabaseError {
    const shown =
      byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16).padStart(2, '0')}`
    return this.#error(`found ${shown} where ${expected[this.#place]} is expected`)
  }

  #error(problem: string): DatabaseError {
    return new DatabaseError('FailedToParse', `JSON: ${problem}, line ${this.#line}, column ${this.#column}`)
  }
}
