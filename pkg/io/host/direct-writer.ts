/**
 * Writes that are durable when they return, by one call of the system: past its page cache (O_DIRECT), with the flush of the disk's own cache in
 * the same call (O_DSYNC).
 *
 * Such a write takes whole blocks from memory that is aligned. So the last block written is kept, and what is new is put into it:
 *
 *   file      | block | block | block |                   4096 bytes each
 *   known                     |oooo...|                   as it is on disk
 *   a write                       nnnnnnnn                new bytes
 *   goes out                  |oooonnnn|nnnn0000|         nothing that counts follows the new bytes
 *
 * What follows is not read: that would cost more than the read itself, since the page cache would have the pages then, and each write would have to take its own out of it.
 * Where the system, the file system or the end of the file does not allow it, nothing is written and `write` says so.
 */
import fs from 'node:fs'
import { durableBlockBytes as blockBytes } from '../disk.ts'

/** What is longer is as quick by way of the page cache. */
const longestBytes = blockBytes
/** Memory comes aligned to this at least. */
const stepBytes = 8

/** For all files: nobody waits between filling it and its write. */
const memory = new Uint8Array(new ArrayBuffer(longestBytes + 3 * blockBytes))
/** Where in it what is written begins, by the alignment that the last file asked for. */
let memoryStart = 0
/** Whose last block is in it. */
let owner: DirectWriter | undefined

/**
 * File systems of which it is known that such a write is durable: ext2 to ext4, and XFS (statfs(2)). Others take the flags as well, but a network's, or one
 * that a process serves, may do no more about them than write.
 */
const trustedTypes: ReadonlySet<number> = new Set([0xef53, 0x58465342])

/** What is missing where there is no such write. */
const { O_RDWR, O_DSYNC, O_DIRECT } = fs.constants as Readonly<Record<string, number | undefined>>

export class DirectWriter {
  readonly #descriptor: number
  /** Position of the block that is known, while `owner` is this. */
  #known = -1
  /** The file is read at this alignment, but not written. */
  #refused = false

  /** For the file that `source` has open under the name `absolute`; undefined: it cannot be written so. */
  static open(absolute: string, source: number): DirectWriter | undefined {
    if (O_DIRECT === undefined || O_DSYNC === undefined || process.platform !== 'linux') return undefined
    let descriptor: number
    try {
      if (!trustedTypes.has(fs.statfsSync(absolute).type)) return undefined
      descriptor = fs.openSync(absolute, O_RDWR! | O_DSYNC | O_DIRECT)
    } catch {
      // As any file system may refuse it; the way without it tells what is wrong with the file, if anything is.
      return undefined
    }
    if (isSameFile(descriptor, source) && findAlignment(descriptor)) return new DirectWriter(descriptor)
    fs.closeSync(descriptor)
    return undefined
  }

  private constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /**
   * Writes `length` bytes, with what is before them in their first block and zeros to the end of their last one, durably. `source` reads the file. False:
   * nothing can be said of what is on disk, and the bytes have to be written another way. Throws the system's errors.
   */
  write(source: number, bytes: Uint8Array, offset: number, length: number, position: number): boolean {
    if (this.#refused || length > longestBytes) return false
    const start = position - (position % blockBytes)
    const end = Math.ceil((position + length) / blockBytes) * blockBytes
    const isKnown = owner === this && this.#known === start
    owner = undefined
    if (!isKnown && !readBlock(source, memoryStart, start)) return false
    const last = memoryStart + end - blockBytes - start
    if (end - start > blockBytes) {
      if (fs.fstatSync(source).size < end) return false
      memory.fill(0, last, last + blockBytes)
    }
    const at = memoryStart + position - start
    for (let i = 0; i < length; i++) memory[at + i] = bytes[offset + i]!
    try {
      if (fs.writeSync(this.#descriptor, memory, memoryStart, end - start, start) !== end - start) return false
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
      this.#refused = true
      return false
    }
    if (last !== memoryStart) memory.copyWithin(memoryStart, last, last + blockBytes)
    this.#known = end - blockBytes
    owner = this
    return true
  }

  /** The file was changed another way. */
  forget(): void {
    if (owner === this) owner = undefined
  }

  close(): void {
    this.forget()
    fs.closeSync(this.#descriptor)
  }
}

/** Reads a whole block of the file to `at`; false: the file ends before. */
function readBlock(source: number, at: number, position: number): boolean {
  return fs.readSync(source, memory, at, blockBytes, position) === blockBytes
}

/** Whether the name has not been given to another file. */
function isSameFile(one: number, other: number): boolean {
  const a = fs.fstatSync(one, { bigint: true })
  const b = fs.fstatSync(other, { bigint: true })
  return a.dev === b.dev && a.ino === b.ino
}

/** Looks for a place in the memory that the file can be read to, and so written from: nothing tells the address. */
function findAlignment(descriptor: number): boolean {
  owner = undefined
  for (let tried = 0; tried < blockBytes; tried += stepBytes) {
    const start = (memoryStart + tried) % blockBytes
    try {
      if (fs.readSync(descriptor, memory, start, blockBytes, 0) !== blockBytes) return false
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EINVAL') continue
      return false
    }
    memoryStart = start
    return true
  }
  return false
}
