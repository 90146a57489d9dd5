/**
 * Opening a log: finds where it ends, and hands every entry from a given one on to its reader.
 *
 * The log ends at the first place where the frame of the next entry should be and is not. What lies behind it decides:
 *
 *   only zeros                                      a clean end
 *   the frame of that very entry, further on        only a mark was damaged: go on there
 *   a frame that knows that entry to be durable     damage: refuse
 *   anything else, in the last segment              a write that the crash cut short: overwrite it with zeros
 *   anything else, in an earlier segment            damage: refuse
 *
 * The zeros are synced before anything is appended, so nothing of a torn write can come back. A crash during that
 * leaves less of the torn write than before, and the next open comes to the same end.
 *
 * Cutting entries off that *were* durable (`cutAfter`) must not look like damage when a crash interrupts it. So the
 * cut is first written to a file of its own, and an open that finds this file completes the cut.
 *
 *   `cut`:  8 bytes magic "LAURACUT", 8 bytes the last index to keep, 4 bytes CRC-32C of these sixteen
 */
import { crc32c } from '../base/crc32c.ts'
import type { LogIndex, Term } from '../base/ids.ts'
import type { Disk } from '../io/disk.ts'
import { frameKind, readUint32, readUint64, writeUint32, writeUint64 } from './log-frame.ts'
import { examineRemains, FrameReader, type LogEntry } from './log-reader.ts'
import { corruption, Segment, segmentHeaderLength, segmentPath, segmentsIn } from './log-segment.ts'

export interface RecoveredLog {
  /** In order; the last one takes the next entry. */
  readonly segments: Segment[]
  /** Where the next frame goes. */
  readonly position: number
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
  /** CRC of the last entry's frame. */
  readonly lastCrc: number
  /** The greatest index that a mark calls durable. */
  readonly markedIndex: LogIndex
}

/** Returns undefined when `folder` holds no log. Throws DataCorruptionDetected or UnsupportedFormat. */
export function recoverLog(
  disk: Disk,
  folder: string,
  from: LogIndex,
  onEntry: (entry: LogEntry) => void,
  windowBytes: number,
): RecoveredLog | undefined {
  const cut = readCut(disk, folder)
  if (cut !== undefined) {
    // A process that was killed may have given the file its name and no more: without it, what follows looks like damage.
    disk.syncDirectory(folder)
    removeSegmentsAfter(disk, folder, cut)
  }
  const firstIndexes = segmentsIn(disk, folder)
  const start = firstIndexes.findLastIndex((firstIndex) => firstIndex <= from)
  if (firstIndexes.length === 0) return undefined
  if (start < 0) {
    throw corruption(
      segmentPath(folder, from),
      0,
      `the log begins with entry ${firstIndexes[0]}, entry ${from} is missing`,
    )
  }
  const scan = new Scan(from, cut, onEntry)
  const segments: Segment[] = []
  try {
    for (const firstIndex of firstIndexes) segments.push(Segment.open(disk, folder, firstIndex, windowBytes))
    for (let at = start; at < segments.length; at++) scan.readSegment(segments[at]!, segments[at + 1])
    for (const segment of segments.slice(0, -1)) segment.release()
    const last = segments.at(-1)!
    if (scan.lastIndex + 1 < from) {
      throw corruption(
        last.path,
        scan.position,
        `the log ends with entry ${scan.lastIndex}, but entry ${from - 1} was durable`,
      )
    }
    // Frames that a killed process wrote but did not sync can be read, and must not be lost after they were seen; the
    // same goes for names. If that process saw a sync fail, the system may take what it holds in memory for written, so
    // it is written again.
    last.writeAgain(last.startFor((scan.knownDurable + 1) as LogIndex).position, scan.position)
    last.file.sync()
    disk.syncDirectory(folder)
    if (cut !== undefined) removeCut(disk, folder)
  } catch (error) {
    for (const segment of segments) segment.release()
    throw error
  }
  const { position, lastIndex, lastTerm, lastCrc, markedIndex } = scan
  return { segments, position, lastIndex, lastTerm, lastCrc, markedIndex }
}

class Scan {
  position = 0
  lastIndex = 0 as LogIndex
  lastTerm = 0 as Term
  lastCrc = 0
  markedIndex = 0 as LogIndex
  /** The greatest index that a frame calls durable. */
  knownDurable = 0 as LogIndex
  readonly #from: LogIndex
  readonly #cut: LogIndex | undefined
  readonly #onEntry: (entry: LogEntry) => void
  #isFirst = true

  constructor(from: LogIndex, cut: LogIndex | undefined, onEntry: (entry: LogEntry) => void) {
    this.#from = from
    this.#cut = cut
    this.#onEntry = onEntry
  }

  readSegment(segment: Segment, next: Segment | undefined): void {
    this.#enter(segment)
    let reader = new FrameReader(segment, segmentHeaderLength)
    for (;;) {
      while (this.lastIndex !== this.#cut && reader.next()) this.#accept(segment, reader)
      this.position = reader.end
      const resumesAt = this.#endOf(segment, next)
      if (resumesAt === undefined) return
      reader = new FrameReader(segment, resumesAt)
    }
  }

  /** Checks that the segment continues the one before. */
  #enter(segment: Segment): void {
    const { firstIndex, previousTerm, previousCrc } = segment.header
    const continues =
      this.#isFirst ||
      (firstIndex === this.lastIndex + 1 && previousTerm === this.lastTerm && previousCrc === this.lastCrc)
    if (!continues) {
      throw corruption(
        segment.path,
        16,
        `the segment does not continue entry ${this.lastIndex}, with which the one before ends`,
      )
    }
    this.#isFirst = false
    this.lastIndex = (firstIndex - 1) as LogIndex
    this.lastTerm = previousTerm
    this.lastCrc = previousCrc
  }

  #accept(segment: Segment, reader: FrameReader): void {
    const { kind, index, term, durable, crc } = reader.frame
    const expected = this.lastIndex + (kind === frameKind.entry ? 1 : 0)
    if (index !== expected || term < this.lastTerm || durable > this.lastIndex) {
      throw corruption(
        segment.path,
        reader.position,
        `entry ${index} of term ${term} follows entry ${this.lastIndex} of term ${this.lastTerm}`,
      )
    }
    this.knownDurable = durable
    if (kind !== frameKind.entry) {
      this.markedIndex = durable
      return
    }
    segment.noteWaypoint(index, reader.position)
    this.lastIndex = index
    this.lastTerm = term
    this.lastCrc = crc
    if (index >= this.#from) this.#onEntry(reader.entry())
  }

  /** Decides what the end of the frames at `this.position` means; returns where to go on, if not here. */
  #endOf(segment: Segment, next: Segment | undefined): number | undefined {
    const { position } = this
    if (next !== undefined && this.lastIndex + 1 === next.firstIndex) return undefined
    const missing = (this.lastIndex + 1) as LogIndex
    const remains = examineRemains(segment, position, missing)
    if (this.lastIndex !== this.#cut) {
      if (remains.resumesAt !== undefined) return remains.resumesAt
      if (remains.witnessAt !== undefined) {
        const witness = `a later frame, at ${remains.witnessAt}, says that it was on disk`
        throw corruption(segment.path, position, `entry ${missing} cannot be read, and ${witness}`)
      }
      if (next !== undefined) {
        throw corruption(
          segment.path,
          position,
          `entry ${missing} is missing; the next segment begins with entry ${next.firstIndex}`,
        )
      }
      if (missing < this.#from) {
        throw corruption(
          segment.path,
          position,
          `entry ${missing} cannot be read, and entry ${this.#from - 1} was durable`,
        )
      }
    }
    if (remains.end > position) segment.clear(position, remains.end)
    return undefined
  }
}

/** Makes the intent durable to drop every entry after `index`; from here on, an open completes the cut. */
export function writeCut(disk: Disk, folder: string, index: LogIndex): void {
  const bytes = new Uint8Array(cutLength)
  bytes.set(cutMagic)
  writeUint64(bytes, 8, index)
  writeUint32(bytes, 16, crc32c(bytes, 0, 16))
  const file = disk.open(`${folder}/cut.new`, { create: true })
  try {
    file.truncate(0)
    file.write(bytes, 0, bytes.length, 0)
    file.sync()
  } finally {
    file.close()
  }
  disk.rename(`${folder}/cut.new`, `${folder}/cut`)
  disk.syncDirectory(folder)
}

const cutLength = 20
const cutMagic = new TextEncoder().encode('LAURACUT')

function readCut(disk: Disk, folder: string): LogIndex | undefined {
  const path = `${folder}/cut`
  if (!disk.exists(path)) return undefined
  const bytes = new Uint8Array(cutLength)
  const file = disk.open(path, { create: false })
  const count = file.read(bytes, 0, cutLength, 0)
  file.close()
  const holds = count === cutLength && cutMagic.every((byte, at) => bytes[at] === byte)
  if (!holds || readUint32(bytes, 16) !== crc32c(bytes, 0, 16)) throw corruption(path, 0, 'its checksum is wrong')
  return readUint64(bytes, 8) as LogIndex
}

function removeCut(disk: Disk, folder: string): void {
  disk.remove(`${folder}/cut`)
  disk.syncDirectory(folder)
}

/** The first segment stays, if empty. A crash may bring back any of them; the cut, which is still there then, removes them again. */
function removeSegmentsAfter(disk: Disk, folder: string, index: LogIndex): void {
  const firstIndexes = segmentsIn(disk, folder)
  while (firstIndexes.length > 1 && firstIndexes.at(-1)! > index) {
    disk.remove(segmentPath(folder, firstIndexes.pop()!))
  }
}
