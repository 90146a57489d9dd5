/**
 * The data file as bytes: extents are read with their checksum, allocated, and the file is extended ahead of need.
 * It is extended by writing zeros, so that a full disk shows there, before anything has changed, and not when a
 * page has to be written.
 */
import { crc32 } from 'node:zlib'
import { DatabaseError } from '../base/errors.ts'
import { DiskError, type File } from '../io/disk.ts'
import { blockSize, blocksFor, Extents } from './extents.ts'

const stepMin = 1 << 20
const stepMax = 4 << 20
const zeros = new Uint8Array(1 << 20)

export function checksumOf(bytes: Uint8Array, start: number, end: number): number {
  return crc32(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
}

export function outOfDiskSpace(path: string): DatabaseError {
  return new DatabaseError('OutOfDiskSpace', `no space left on the disk that holds ${path}`)
}

export function isOutOfDiskSpace(error: unknown): boolean {
  return error instanceof DatabaseError && error.codeName === 'OutOfDiskSpace'
}

export class DataFile {
  readonly file: File
  readonly extents = new Extents()
  /** The last extension, or write, found no space. */
  full = false

  constructor(file: File) {
    this.file = file
  }

  get path(): string {
    return this.file.path
  }

  corruption(what: string, block: number, details: Record<string, unknown> = {}): DatabaseError {
    const offset = block * blockSize
    return new DatabaseError(
      'DataCorruptionDetected',
      `data file ${this.path} is damaged at offset ${offset}: ${what}`,
      { file: this.path, offset, ...details },
    )
  }

  /**
   * Reads `length` bytes at `block` to `target` at `at`. `what`: a page by its number, or words for messages.
   * Throws DataCorruptionDetected unless all are there and right.
   */
  read(block: number, length: number, checksum: number, target: Uint8Array, at: number, what: string | number): void {
    let problem: string
    try {
      const count = this.file.read(target, at, length, block * blockSize)
      const found = checksumOf(target, at, at + count)
      if (count === length && found === checksum) return
      problem =
        count === length
          ? `has checksum ${found.toString(16)}, expected ${checksum.toString(16)}`
          : `should have ${length} bytes, ${count} are there`
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      problem = `cannot be read: ${error.message}`
    }
    if (typeof what === 'number') throw this.corruption(`page ${what} ${problem}`, block, { page: what })
    throw this.corruption(`${what} ${problem}`, block)
  }

  /** Takes an extent of `blocks` blocks, extending the file if need be. Throws OutOfDiskSpace. */
  allocate(blocks: number): number {
    let block = this.extents.allocate(blocks)
    while (block === 0) {
      this.extend(blocks)
      block = this.extents.allocate(blocks)
    }
    return block
  }

  /** Makes sure that `blocks` blocks are free. Throws OutOfDiskSpace. */
  reserve(blocks: number): void {
    while (this.extents.freeBlocks < blocks) this.extend(blocks - this.extents.freeBlocks)
  }

  /** Appends at least `blocks` free blocks; more when there is space. */
  extend(blocks: number): void {
    const size = this.extents.blocks * blockSize
    const least = blocksFor(blocks * blockSize) * blockSize
    let step = Math.max(least, Math.min(stepMax, Math.max(stepMin, Math.floor(size / 8 / blockSize) * blockSize)))
    for (;;) {
      try {
        for (let at = 0; at < step; at += zeros.length) {
          this.file.write(zeros, 0, Math.min(zeros.length, step - at), size + at)
        }
        this.extents.grow((size + step) / blockSize)
        this.full = false
        return
      } catch (error) {
        if (!(error instanceof DiskError) || error.code !== 'ENOSPC') throw error
        if (step === least) {
          this.full = true
          throw outOfDiskSpace(this.path)
        }
        step = Math.max(least, Math.floor(step / 4 / blockSize) * blockSize)
      }
    }
  }
}
