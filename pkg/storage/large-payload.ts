/**
 * The payload of one log entry, written to a file while it is made, because it is too large to be kept in memory until it is
 * appended. The file is laid out as the segment that the entry will have for itself, so that appending it writes no more than two
 * headers and gives the file its name:
 *
 *   offset   0  512   room for the segment's header: zeros
 *          512   40   room for the frame's header: zeros
 *          552    .   the payload, then zeros: up to a multiple of 8, and as much as a mark takes
 *
 *   growing ──finish──> finished, on disk ──Log.appendLarge──> the log's
 *      └──────────discard──────────┴──────────> removed
 *
 * Until it is appended it is none of the log: its name is that of a spare, which every open of the log removes.
 */
import { assert } from '../base/assert.ts'
import { crc32c } from '../base/crc32c.ts'
import { DatabaseError } from '../base/errors.ts'
import { DiskError, type File } from '../io/disk.ts'
import { frameHeaderLength, frameLength } from './log-frame.ts'
import type { PayloadSource } from './log-reader.ts'
import { segmentHeaderLength } from './log-segment.ts'

const payloadStart = segmentHeaderLength + frameHeaderLength
/** The length of a payload is 32 bits in a frame, which has a header and an end besides. */
export const payloadBytesMax = 2 ** 32 - 4096
const headBytes = 64
const noBytes = new Uint8Array(0)

export class LargePayload implements PayloadSource {
  readonly file: File
  readonly #drop: (file: File, inUse: Promise<void> | undefined) => void
  #state: 'growing' | 'finished' | 'appended' | 'discarded' = 'growing'
  #syncing: Promise<void> | undefined
  length = 0
  /** Checksum of the payload and, once finished, of what fills it up to the end of its frame. */
  crc = 0
  /** The first bytes of the payload. */
  head: Uint8Array = noBytes

  /** `file`: new and empty. `drop` closes and removes it, once it is not in use any more. */
  constructor(file: File, drop: (file: File, inUse: Promise<void> | undefined) => void) {
    this.file = file
    this.#drop = drop
  }

  get state(): 'growing' | 'finished' | 'appended' | 'discarded' {
    return this.#state
  }

  /** Size that the segment has. */
  get segmentBytes(): number {
    return segmentHeaderLength + frameLength(this.length) + frameLength(0)
  }

  /** Adds bytes[0, length). Throws OutOfDiskSpace, and then the payload is as long as before. */
  append(bytes: Uint8Array, length: number): void {
    assert(this.#state === 'growing', 'a payload grows until it is finished')
    assert(this.length + length <= payloadBytesMax, 'the length of a payload fits into its frame')
    if (this.length === 0) {
      // What is written in the end must have its place on disk.
      this.#write(new Uint8Array(payloadStart), payloadStart, 0)
      this.head = bytes.slice(0, Math.min(length, headBytes))
    }
    this.#write(bytes, length, payloadStart + this.length)
    this.crc = crc32c(bytes, 0, length, this.crc)
    this.length += length
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    return this.file.read(target, offset, Math.min(length, this.length - position), payloadStart + position)
  }

  /** Has everything on disk when it returns; nothing can be added any more. Throws OutOfDiskSpace, or the disk's error. */
  finish(): void {
    if (this.#state === 'finished') return
    this.#complete()
    this.file.sync()
    this.#state = 'finished'
  }

  /** As `finish`, without holding up anybody meanwhile. */
  async finishAsync(): Promise<void> {
    if (this.#state === 'finished') return
    if (this.#syncing === undefined) this.#complete()
    this.#syncing ??= this.file.syncAsync()
    await this.#syncing
    // It may have been given up.
    if (this.#state === 'growing') this.#state = 'finished'
  }

  /** It belongs to the log from now on. */
  appended(): void {
    assert(this.#state === 'finished', 'a payload is on disk before it is appended')
    this.#state = 'appended'
  }

  /** Removes it, unless it has been appended. Safe to call twice. */
  discard(): void {
    if (this.#state === 'appended' || this.#state === 'discarded') return
    this.#state = 'discarded'
    this.#drop(this.file, this.#syncing)
  }

  #complete(): void {
    assert(this.#state === 'growing', 'a payload is finished once')
    const end = payloadStart + this.length
    const rest = new Uint8Array(this.segmentBytes - end)
    this.#write(rest, rest.length, end)
    this.crc = crc32c(rest, 0, rest.length - frameLength(0), this.crc)
  }

  #write(bytes: Uint8Array, length: number, position: number): void {
    try {
      this.file.write(bytes, 0, length, position)
    } catch (error) {
      if (!(error instanceof DiskError) || error.code !== 'ENOSPC') throw error
      throw new DatabaseError('OutOfDiskSpace', 'there is no space left on the disk for the log')
    }
  }
}
