/**
 * One segment of the log: a file of fixed size, filled with zeros before it is used, named by its first index in
 * sixteen decimal digits.
 *
 *   offset size
 *        0    8  magic "LAURALOG"
 *        8    4  format version: 1
 *       12    4  salt of the frames' checksums, random
 *       16    8  first index
 *       24    8  term of the entry before the first (0: there was none)
 *       32    4  CRC of the frame of the entry before the first (0: there was none)
 *       36    8  size of the file
 *       44   16  zeros
 *       60    4  CRC-32C of bytes 0 to 59
 *       64  448  zeros: the header has a sector of its own
 *      512    .  frames, one after the other; then zeros to the end
 *
 * INVARIANTS
 *  (1) A file has a segment's name only if its header and its zeros were synced before it was given the name.
 *  (2) A segment is named only after every frame in the segment before it is durable.
 *  (3) Behind the last frame there are zeros only, and that is durable before the next frame is written.
 */
import { assert } from '../base/assert.ts'
import { crc32c } from '../base/crc32c.ts'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Disk, File } from '../io/disk.ts'
import {
  emptyFrame,
  frameHeaderLength,
  frameKind,
  readFrameHeader,
  readUint32,
  readUint64,
  writeUint32,
  writeUint64,
} from './log-frame.ts'

export const segmentHeaderLength = 512
const headerUsedLength = 64
const formatVersion = 1
const magic = new TextEncoder().encode('LAURALOG')
const namePattern = /^(\d{16})\.log$/
/** How much of a segment is in memory when it is read. */
export const windowBytesDefault = 1024 * 1024
/** Distance between the positions that are remembered for finding an index. */
const waypointDistanceBytes = 64 * 1024

export interface SegmentHeader {
  readonly salt: number
  readonly firstIndex: LogIndex
  readonly previousTerm: Term
  readonly previousCrc: number
  readonly sizeBytes: number
}

export function segmentPath(folder: string, firstIndex: LogIndex): string {
  return `${folder}/${String(firstIndex).padStart(16, '0')}.log`
}

/** The first indexes of the segments in `folder`, ascending. */
export function segmentsIn(disk: Disk, folder: string): LogIndex[] {
  const found: LogIndex[] = []
  for (const name of disk.list(folder)) {
    const match = namePattern.exec(name)
    if (match !== null) found.push(Number(match[1]) as LogIndex)
  }
  return found
}

export class Segment {
  readonly header: SegmentHeader
  readonly folder: string
  /** How much of it is in memory when it is read, and so how large an entry may be to be read at once. */
  readonly windowBytes: number
  readonly #disk: Disk
  #file: File | undefined
  #path: string
  #isPublished: boolean
  readonly #waypoints: { index: LogIndex; position: number }[] = []
  #firstTimestamp: Timestamp | undefined

  private constructor(
    disk: Disk,
    folder: string,
    header: SegmentHeader,
    path: string,
    file: File | undefined,
    windowBytes: number,
  ) {
    this.windowBytes = windowBytes
    this.#disk = disk
    this.folder = folder
    this.header = header
    this.#path = path
    this.#isPublished = path === segmentPath(folder, header.firstIndex)
    this.#file = file
  }

  /** Turns a file of synced zeros into a segment; it has its name after `publish`. */
  static prepared(disk: Disk, folder: string, header: SegmentHeader, file: File, windowBytes: number): Segment {
    return new Segment(disk, folder, header, file.path, file, windowBytes)
  }

  /** Opens a segment and checks its header; throws DataCorruptionDetected or UnsupportedFormat. */
  static open(disk: Disk, folder: string, firstIndex: LogIndex, windowBytes: number): Segment {
    const path = segmentPath(folder, firstIndex)
    const file = disk.open(path, { create: false })
    try {
      const header = readHeader(file)
      if (header.firstIndex !== firstIndex) {
        throw corruption(path, 16, `its header says that it begins with entry ${header.firstIndex}`)
      }
      return new Segment(disk, folder, header, path, file, windowBytes)
    } catch (error) {
      file.close()
      throw error
    }
  }

  get firstIndex(): LogIndex {
    return this.header.firstIndex
  }

  get sizeBytes(): number {
    return this.header.sizeBytes
  }

  get path(): string {
    return this.#path
  }

  get isPublished(): boolean {
    return this.#isPublished
  }

  /** When the first entry was appended; it must be on disk. undefined: what is there is no entry. */
  get firstTimestamp(): Timestamp | undefined {
    if (this.#firstTimestamp !== undefined) return this.#firstTimestamp
    const bytes = new Uint8Array(frameHeaderLength)
    const count = this.file.read(bytes, 0, frameHeaderLength, segmentHeaderLength)
    const frame = emptyFrame()
    if (count < frameHeaderLength || readFrameHeader(bytes, 0, this.header.salt, segmentHeaderLength, frame) === 0)
      return undefined
    if (frame.kind === frameKind.entry) this.#firstTimestamp = frame.timestamp
    return this.#firstTimestamp
  }

  /** The open file; opened again when `release` closed it. */
  get file(): File {
    this.#file ??= this.#disk.open(this.#path, { create: false })
    return this.#file
  }

  /** Writes the header and gives the file its name, durably. */
  publish(): void {
    assert(!this.isPublished, 'a segment is published once')
    this.file.write(headerBytes(this.header), 0, segmentHeaderLength, 0)
    this.file.sync()
    const path = segmentPath(this.folder, this.firstIndex)
    this.#disk.rename(this.#path, path)
    this.#disk.syncDirectory(this.folder)
    this.#path = path
    this.#isPublished = true
    // Opened again when it is needed, so that errors name the file as it is called now.
    this.release()
  }

  /** Removes the file, durably. */
  remove(): void {
    this.release()
    this.#disk.remove(this.#path)
    this.#disk.syncDirectory(this.folder)
  }

  /** Closes the file until it is needed again. */
  release(): void {
    this.#file?.close()
    this.#file = undefined
  }

  /** Writes [start, end) once more as it is; the caller syncs. */
  writeAgain(start: number, end: number): void {
    const bytes = new Uint8Array(Math.min(end - start, 1024 * 1024))
    for (let at = start; at < end; at += bytes.length) {
      const count = this.file.read(bytes, 0, Math.min(bytes.length, end - at), at)
      this.file.write(bytes, 0, count, at)
    }
  }

  /** Writes zeros over [start, end); the caller syncs. */
  clear(start: number, end: number): void {
    const zeros = new Uint8Array(Math.min(end - start, 1024 * 1024))
    for (let at = start; at < end; at += zeros.length) this.file.write(zeros, 0, Math.min(zeros.length, end - at), at)
  }

  /** Remembers where the entry `index` lies, now and then. */
  noteWaypoint(index: LogIndex, position: number): void {
    const last = this.#waypoints.at(-1)
    if (last !== undefined && position - last.position < waypointDistanceBytes) return
    this.#waypoints.push({ index, position })
  }

  forgetWaypointsAfter(index: LogIndex): void {
    while ((this.#waypoints.at(-1)?.index ?? 0) > index) this.#waypoints.pop()
  }

  /** A position at or before the entry `index` at which a frame of an entry begins. */
  startFor(index: LogIndex): { index: LogIndex; position: number } {
    let found = { index: this.firstIndex, position: segmentHeaderLength }
    for (let low = 0, high = this.#waypoints.length - 1; low <= high; ) {
      const middle = (low + high) >>> 1
      const waypoint = this.#waypoints[middle]!
      if (waypoint.index <= index) {
        found = waypoint
        low = middle + 1
      } else high = middle - 1
    }
    return found
  }
}

/** What a user is told when the log on disk cannot be what was written. */
export function corruption(path: string, offset: number, what: string): DatabaseError {
  return new DatabaseError('DataCorruptionDetected', `the log is damaged: ${path}, offset ${offset}: ${what}`, {
    file: path,
    offset,
  })
}

function headerBytes(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(segmentHeaderLength)
  bytes.set(magic)
  writeUint32(bytes, 8, formatVersion)
  writeUint32(bytes, 12, header.salt)
  writeUint64(bytes, 16, header.firstIndex)
  writeUint64(bytes, 24, header.previousTerm)
  writeUint32(bytes, 32, header.previousCrc)
  writeUint64(bytes, 36, header.sizeBytes)
  writeUint32(bytes, 60, crc32c(bytes, 0, 60))
  return bytes
}

function readHeader(file: File): SegmentHeader {
  const bytes = new Uint8Array(segmentHeaderLength)
  if (file.read(bytes, 0, bytes.length, 0) < bytes.length) throw corruption(file.path, 0, 'the header is cut short')
  if (magic.some((byte, at) => bytes[at] !== byte)) throw corruption(file.path, 0, 'this is no log segment')
  const sumHolds = readUint32(bytes, 60) === crc32c(bytes, 0, 60)
  const version = readUint32(bytes, 8)
  // A later format may keep its checksum elsewhere, so the version is looked at first; one flipped bit in it is damage.
  if (version !== formatVersion && (sumHolds || !repairedBy(bytes, formatVersion))) {
    throw new DatabaseError(
      'UnsupportedFormat',
      `${file.path} has log format ${version}; this version of LauraDB reads format ${formatVersion}`,
    )
  }
  if (!sumHolds) throw corruption(file.path, 60, 'the checksum of the header is wrong')
  for (let at = headerUsedLength; at < segmentHeaderLength; at++) {
    if (bytes[at] !== 0) throw corruption(file.path, at, 'there is something between the header and the first frame')
  }
  const sizeBytes = readUint64(bytes, 36)
  const found = file.size()
  if (found !== sizeBytes) throw corruption(file.path, found, `the file should be ${sizeBytes} bytes long`)
  return {
    salt: readUint32(bytes, 12),
    firstIndex: readUint64(bytes, 16) as LogIndex,
    previousTerm: readUint64(bytes, 24) as Term,
    previousCrc: readUint32(bytes, 32),
    sizeBytes,
  }
}

/** Whether the header's checksum would hold if it named this version. */
function repairedBy(bytes: Uint8Array, version: number): boolean {
  const repaired = bytes.slice(0, headerUsedLength)
  writeUint32(repaired, 8, version)
  return readUint32(repaired, 60) === crc32c(repaired, 0, 60)
}
