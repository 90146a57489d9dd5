/**
 * A run on disk: rows one after the other, each
 *
 *   | key length (u32) | document length (u32) | tag (f64) | key | document |
 *
 * written once from the beginning, then read once from the beginning, in blocks.
 */
import { assert } from '../../base/assert.ts'
import { readDouble, readUint32, writeDouble, writeInt32 } from '../../bson/little-endian.ts'
import type { File } from '../../io/disk.ts'
import type { RunReader } from './merge.ts'
import type { Run } from './runs.ts'

const headerBytes = 16
const blockBytes = 128 * 1024
const blockRowsMax = 2048

export class SpilledRun implements RunReader {
  readonly #file: File
  #buffer = new Uint8Array(blockBytes)
  /** Bytes in the buffer that are not in the file yet. */
  #filled = 0
  #writtenBytes = 0
  #readTo = 0
  readonly #block: Block = {
    count: 0,
    bytes: this.#buffer,
    keyStarts: new Uint32Array(blockRowsMax),
    keyEnds: new Uint32Array(blockRowsMax),
    documentStarts: new Uint32Array(blockRowsMax),
    documentEnds: new Uint32Array(blockRowsMax),
    tags: new Float64Array(blockRowsMax),
    usedBytes: blockBytes,
  }
  position = -1

  /** `file`: empty, and closed with this. */
  constructor(file: File) {
    this.#file = file
  }

  get run(): Run {
    return this.#block
  }

  get sizeBytes(): number {
    return this.#writtenBytes + this.#filled
  }

  /** Appends a row; rows come in order. */
  append(run: Run, position: number): void {
    const keyStart = run.keyStarts[position]!
    const keyEnd = run.keyEnds[position]!
    const documentStart = run.documentStarts[position]!
    const documentEnd = run.documentEnds[position]!
    const size = headerBytes + keyEnd - keyStart + documentEnd - documentStart
    if (this.#filled + size > this.#buffer.length) {
      this.#flush()
      if (size > this.#buffer.length) this.#buffer = new Uint8Array(size)
    }
    const buffer = this.#buffer
    const at = this.#filled
    writeInt32(buffer, at, keyEnd - keyStart)
    writeInt32(buffer, at + 4, documentEnd - documentStart)
    writeDouble(buffer, at + 8, run.tags[position]!)
    buffer.set(run.bytes.subarray(keyStart, keyEnd), at + headerBytes)
    buffer.set(run.bytes.subarray(documentStart, documentEnd), at + headerBytes + keyEnd - keyStart)
    this.#filled = at + size
  }

  /** No more rows come: from now on it is read. */
  endWriting(): void {
    this.#flush()
    this.#buffer = new Uint8Array(blockBytes)
  }

  #flush(): void {
    if (this.#filled === 0) return
    this.#file.write(this.#buffer, 0, this.#filled, this.#writtenBytes)
    this.#writtenBytes += this.#filled
    this.#filled = 0
  }

  next(): boolean {
    if (++this.position < this.#block.count) return true
    if (this.#readTo === this.#writtenBytes) return false
    this.#readBlock()
    this.position = 0
    return true
  }

  /** Reads as many whole rows as fit, one at least. */
  #readBlock(): void {
    let length = this.#read(this.#buffer.length)
    const first = headerBytes + readUint32(this.#buffer, 0) + readUint32(this.#buffer, 4)
    if (first > length) {
      if (first > this.#buffer.length) this.#buffer = new Uint8Array(first)
      length = this.#read(first)
    }
    const buffer = this.#buffer
    const block = this.#block
    block.bytes = buffer
    let at = 0
    let count = 0
    while (count < blockRowsMax && at + headerBytes <= length) {
      const keyStart = at + headerBytes
      const keyEnd = keyStart + readUint32(buffer, at)
      const documentEnd = keyEnd + readUint32(buffer, at + 4)
      if (documentEnd > length) break
      block.keyStarts[count] = keyStart
      block.keyEnds[count] = keyEnd
      block.documentStarts[count] = keyEnd
      block.documentEnds[count] = documentEnd
      block.tags[count] = readDouble(buffer, at + 8)
      count++
      at = documentEnd
    }
    assert(count > 0, 'a spilled run holds whole rows')
    block.count = count
    this.#readTo += at
  }

  #read(wanted: number): number {
    const length = Math.min(wanted, this.#writtenBytes - this.#readTo)
    const read = this.#file.read(this.#buffer, 0, length, this.#readTo)
    assert(read === length, 'a spilled run is as long as what was written')
    return length
  }

  close(): void {
    this.#file.close()
  }
}

/** A run that is filled again and again. */
type Block = { -readonly [Key in keyof Run]: Run[Key] }
