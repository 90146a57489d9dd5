/**
 * Builds BSON documents in one buffer that grows. Reusable: `reset()`, build, `finish()`.
 */
import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import { counterOf, secondsOf, type Timestamp } from '../base/timestamp.ts'
import { writeDouble, writeInt32, writeInt64 } from './little-endian.ts'
import type { Value } from './type.ts'
import { bsonType } from './type.ts'
import { writeUtf8 } from './utf8.ts'

const shortCopy = 64
const longestCachedIndex = 1000
const indexNames: readonly string[] = Array.from({ length: longestCachedIndex }, (_, index) => String(index))

/** The name of an array's element: '0', '1' ... */
export function indexName(index: number): string {
  return index < longestCachedIndex ? indexNames[index]! : String(index)
}

const noBytes = new Uint8Array(0)

export class BsonWriter {
  /** Made when something is written: many a stage or plan has a writer that it never needs. */
  bytes: Uint8Array = noBytes
  readonly #firstSize: number
  /** Bytes written so far; they may be read from `bytes` directly once every document has ended. */
  length = 0
  /** Where each document that is open begins. */
  readonly #open: number[] = []

  constructor(sizeBytes = 1024) {
    this.#firstSize = sizeBytes
  }

  reset(): this {
    this.length = 0
    // Setting the length of an array lets go of its memory, be it empty.
    if (this.#open.length > 0) this.#open.length = 0
    return this
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2, this.#firstSize))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  /** Without a name: the root (or the next of several documents laid end to end). */
  beginDocument(name?: string): void {
    if (name !== undefined) this.head(bsonType.document, name)
    this.#begin()
  }

  /** Elements are named by `indexName`. */
  beginArray(name: string): void {
    this.head(bsonType.array, name)
    this.#begin()
  }

  #begin(): void {
    this.ensure(5)
    this.#open.push(this.length)
    this.length += 4
  }

  /** Ends the document or array that was begun last. */
  end(): void {
    const start = this.#open.pop()
    assert(start !== undefined, 'BsonWriter.end without a begin')
    this.ensure(1)
    this.bytes[this.length++] = 0
    writeInt32(this.bytes, start, this.length - start)
  }

  /** Writes an element's type and name; the caller appends the value's bytes (`append`, or to `bytes` after `ensure`). */
  head(type: number, name: string): void {
    const room = name.length * 3 + 2
    if (this.length + room > this.bytes.length) this.ensure(room)
    const { bytes } = this
    bytes[this.length] = type
    const nameStart = this.length + 1
    const count = name.length
    let index = 0
    for (; index < count; index++) {
      const unit = name.charCodeAt(index)
      if (unit === 0 || unit >= 0x80) break
      bytes[nameStart + index] = unit
    }
    const nameEnd = index === count ? nameStart + count : this.#foreignName(nameStart, name)
    bytes[nameEnd] = 0
    this.length = nameEnd + 1
  }

  /** A name that is not plain ASCII. */
  #foreignName(nameStart: number, name: string): number {
    if (name.includes('\0')) throw new DatabaseError('BadValue', 'a field name must not contain a null byte')
    return writeUtf8(this.bytes, nameStart, name)
  }

  int32(name: string, n: number): void {
    this.head(bsonType.int32, name)
    this.ensure(4)
    writeInt32(this.bytes, this.length, n)
    this.length += 4
  }

  /** `n`: an integer within int64. */
  int64(name: string, n: bigint | number): void {
    this.head(bsonType.int64, name)
    this.#eight(n)
  }

  /** `ms`: whole milliseconds since 1970. */
  date(name: string, ms: number | bigint): void {
    this.head(bsonType.date, name)
    this.#eight(ms)
  }

  #eight(n: bigint | number): void {
    this.ensure(8)
    writeInt64(this.bytes, this.length, n)
    this.length += 8
  }

  double(name: string, n: number): void {
    this.head(bsonType.double, name)
    this.ensure(8)
    writeDouble(this.bytes, this.length, n)
    this.length += 8
  }

  string(name: string, text: string): void {
    this.head(bsonType.string, name)
    this.appendString(text)
  }

  boolean(name: string, b: boolean): void {
    this.head(bsonType.boolean, name)
    this.ensure(1)
    this.bytes[this.length++] = b ? 1 : 0
  }

  null(name: string): void {
    this.head(bsonType.null, name)
  }

  /** `id`: 12 bytes from `start`. */
  objectId(name: string, id: Uint8Array, start = 0): void {
    this.head(bsonType.objectId, name)
    this.append(id, start, start + 12)
  }

  timestamp(name: string, timestamp: Timestamp): void {
    this.head(bsonType.timestamp, name)
    this.ensure(8)
    writeInt32(this.bytes, this.length, counterOf(timestamp))
    writeInt32(this.bytes, this.length + 4, secondsOf(timestamp))
    this.length += 8
  }

  binary(name: string, content: Uint8Array, subtype = 0): void {
    this.head(bsonType.binary, name)
    this.ensure(5)
    writeInt32(this.bytes, this.length, content.length)
    this.bytes[this.length + 4] = subtype
    this.length += 5
    this.append(content, 0, content.length)
  }

  /** A whole document. */
  document(name: string, bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.head(bsonType.document, name)
    this.append(bytes, start, end)
  }

  /** A whole array. */
  array(name: string, bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.head(bsonType.array, name)
    this.append(bytes, start, end)
  }

  value(name: string, value: Value): void {
    this.head(value.type, name)
    this.append(value.bytes, value.start, value.end)
  }

  /** One element from its parts; `nameEnd` excludes the NUL. */
  element(
    type: number,
    nameBytes: Uint8Array,
    nameStart: number,
    nameEnd: number,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    this.ensure(nameEnd - nameStart + 2 + valueEnd - valueStart)
    this.bytes[this.length++] = type
    this.append(nameBytes, nameStart, nameEnd)
    this.bytes[this.length++] = 0
    this.append(valueBytes, valueStart, valueEnd)
  }

  /** Whole elements, copied as they are. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    this.append(bytes, start, end)
  }

  /** Bytes of a value whose head has been written. */
  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start
    if (this.length + count > this.bytes.length) this.ensure(count)
    const { bytes, length } = this
    if (count <= shortCopy) for (let index = 0; index < count; index++) bytes[length + index] = source[start + index]!
    else bytes.set(source.subarray(start, end), length)
    this.length = length + count
  }

  /** The value of a string (or code, symbol) whose head has been written. */
  appendString(text: string): void {
    this.ensure(text.length * 3 + 5)
    const end = writeUtf8(this.bytes, this.length + 4, text)
    this.bytes[end] = 0
    writeInt32(this.bytes, this.length, end - this.length - 3)
    this.length = end + 1
  }

  /** An exact copy of what was built; the writer may be reset and used again. */
  finish(): Uint8Array {
    assert(this.#open.length === 0, 'BsonWriter.finish with a document still open')
    return this.bytes.slice(0, this.length)
  }
}
