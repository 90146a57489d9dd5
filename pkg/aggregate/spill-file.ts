/**
 * Documents on disk for a while: written one after the other, then read back in that order.
 *
 * A document is stored as it is; its first four bytes are its length.
 */
import { assert } from '../base/assert.ts'
import { readInt32 } from '../bson/value.ts'
import type { File } from '../io/disk.ts'

const bufferBytes = 128 * 1024

export class SpillFile {
  readonly #file: File
  #buffer = new Uint8Array(bufferBytes)
  /** Bytes in the buffer: written but not yet in the file, or read but not yet given. */
  #filled = 0
  #fileBytes = 0
  #reading = false
  #readTo = 0
  /** Documents written. */
  count = 0
  bytes: Uint8Array = this.#buffer
  start = 0
  end = 0

  /** `file`: empty, and closed with this. */
  constructor(file: File) {
    this.#file = file
  }

  get sizeBytes(): number {
    return this.#fileBytes + (this.#reading ? 0 : this.#filled)
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    assert(!this.#reading, 'a spill file that is read takes no more documents')
    this.count++
    const length = end - start
    if (this.#filled + length > this.#buffer.length) this.#flush()
    if (length > this.#buffer.length) {
      this.#file.write(bytes, start, length, this.#fileBytes)
      this.#fileBytes += length
      return
    }
    this.#buffer.set(bytes.subarray(start, end), this.#filled)
    this.#filled += length
  }

  #flush(): void {
    if (this.#filled === 0) return
    this.#file.write(this.#buffer, 0, this.#filled, this.#fileBytes)
    this.#fileBytes += this.#filled
    this.#filled = 0
  }

  /** To the next document, which lies in `bytes[start, end)` until the next call. */
  next(): boolean {
    if (!this.#reading) {
      this.#flush()
      this.#reading = true
      this.start = 0
      this.end = 0
    }
    if (!this.#has(4)) return false
    const length = readInt32(this.#buffer, this.end)
    assert(this.#has(length), 'a spilled document is whole')
    this.bytes = this.#buffer
    this.start = this.end
    this.end = this.start + length
    return true
  }

  /** Makes sure that so many bytes lie in the buffer after the current document. */
  #has(count: number): boolean {
    if (this.#filled - this.end >= count) return true
    const left = this.#filled - this.end
    const room = Math.max(this.#buffer.length, count)
    const buffer = room === this.#buffer.length ? this.#buffer : new Uint8Array(room)
    buffer.set(this.#buffer.subarray(this.end, this.#filled))
    const wanted = Math.min(buffer.length - left, this.#fileBytes - this.#readTo)
    if (wanted > 0) this.#file.read(buffer, left, wanted, this.#readTo)
    this.#readTo += wanted
    this.#buffer = buffer
    this.#filled = left + wanted
    this.start = 0
    this.end = 0
    return this.#filled >= count
  }

  close(): void {
    this.#file.close()
  }
}
