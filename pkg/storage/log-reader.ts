import { assert } from '../base/assert.ts'
import { crc32c } from '../base/crc32c.ts'
import type { LogIndex, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { emptyFrame, type Frame, frameAlignment, frameHeaderLength, frameKind, readFrameHeader } from './log-frame.ts'
import type { Segment } from './log-segment.ts'

/** An entry as it is read; `bytes` is lent for the time of the call only. */
export interface LogEntry {
  readonly index: LogIndex
  readonly term: Term
  readonly timestamp: Timestamp
  /** The payload is bytes[start, end); of one that has a `source`, these are its first bytes. */
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  /** The whole payload, when it is too large to be in memory; lent as `bytes` is. */
  readonly source: PayloadSource | undefined
}

/** A payload on disk. */
export interface PayloadSource {
  readonly length: number
  /** Reads up to `length` bytes from `position` into `target` at `offset`; returns how many there were. */
  read(target: Uint8Array, offset: number, length: number, position: number): number
}

/** Reads all of a payload. */
export function wholePayload({ bytes, start, end, source }: LogEntry): Uint8Array {
  if (source === undefined) return bytes.slice(start, end)
  const whole = new Uint8Array(source.length)
  for (let at = 0; at < whole.length; ) {
    const count = source.read(whole, at, Math.min(wholeStepBytes, whole.length - at), at)
    assert(count > 0, 'a payload is as long as its frame says')
    at += count
  }
  return whole
}

const wholeStepBytes = 64 * 1024 * 1024
/** What an entry with a large payload shows of its frame. */
const largeHeadBytes = 128

/** A part of a segment in memory, which moves along with who reads. */
class SegmentWindow {
  bytes: Uint8Array
  readonly #segment: Segment
  /** bytes[#offset, ...) is the file's [#start, #end). */
  #offset = 0
  #start = 0
  #end = 0
  /** Whether the window is all there is. */
  readonly isFixed: boolean

  /** On the file; or on what is to be written at `position` from `source[start, end)`. */
  constructor(segment: Segment, position: number, source?: { bytes: Uint8Array; start: number; end: number }) {
    this.#segment = segment
    this.isFixed = source !== undefined
    this.bytes = source?.bytes ?? new Uint8Array(Math.min(segment.windowBytes, segment.sizeBytes))
    if (source === undefined) return
    this.#offset = source.start
    this.#start = position
    this.#end = position + source.end - source.start
  }

  /** Brings `length` bytes from `position` into memory; returns where they begin in `bytes`, or -1 when the file is shorter. */
  load(position: number, length: number): number {
    if (position >= this.#start && position + length <= this.#end) return this.#offset + position - this.#start
    if (this.isFixed) return -1
    const count = this.#segment.file.read(this.bytes, 0, this.bytes.length, position)
    this.#start = position
    this.#end = position + count
    return count < length ? -1 : 0
  }

  /** Whether the frame of `length` bytes at `position`, whose header is `frame`, is as it was written. Its bytes pass through the window. */
  holds(position: number, length: number, frame: Frame): boolean {
    const check = this.beginCheck(position, length)
    return this.checkOn(check, length) && check.crc === frame.crc
  }

  beginCheck(position: number, length: number): FrameCheck {
    return { length, end: position + length, at: position + 4, crc: (this.#segment.header.salt ^ position) >>> 0 }
  }

  /** Adds about `bytesMax` bytes more to the checksum; false when they are not there. */
  checkOn(check: FrameCheck, bytesMax: number): boolean {
    const until = Math.min(check.end, check.at + bytesMax)
    while (check.at < until) {
      const count = Math.min(check.end - check.at, this.isFixed ? check.length : this.bytes.length)
      const offset = this.load(check.at, count)
      if (offset < 0) return false
      check.crc = crc32c(this.bytes, offset, offset + count, check.crc)
      check.at += count
    }
    return true
  }
}

/** How far the check of a frame has come. */
interface FrameCheck {
  readonly length: number
  readonly end: number
  at: number
  crc: number
}

/** Reads a segment's frames one after the other. */
export class FrameReader {
  readonly frame: Frame = emptyFrame()
  /** Where the current frame begins; after `next` returned false, where there was none. */
  position: number
  /** Where the frame after the current one would begin. */
  end: number
  readonly #segment: Segment
  readonly #window: SegmentWindow
  /** Where the payload begins in the window. */
  #payloadStart = 0
  #isLarge = false
  /** Of the frame at `end`, which is being looked at. */
  #check: FrameCheck | undefined

  /** Reads from the file, from `position` on; or what is to be written at `position` from `source[start, end)`. */
  constructor(segment: Segment, position: number, source?: { bytes: Uint8Array; start: number; end: number }) {
    this.#segment = segment
    this.position = position
    this.end = position
    this.#window = new SegmentWindow(segment, position, source)
  }

  /** The current frame as an entry. */
  entry(): LogEntry {
    const { index, term, timestamp, payloadLength } = this.frame
    const { bytes } = this.#window
    const start = this.#payloadStart
    if (!this.#isLarge) return { index, term, timestamp, bytes, start, end: start + payloadLength, source: undefined }
    const end = start + largeHeadBytes - frameHeaderLength
    const source = new PayloadInSegment(this.#segment, this.position + frameHeaderLength, payloadLength)
    return { index, term, timestamp, bytes, start, end, source }
  }

  /** Goes to the next frame; false when there is no undamaged one at this place. */
  next(): boolean {
    return this.look(Number.POSITIVE_INFINITY) === 'frame'
  }

  /** As `next`, but no more than about `checkBytesMax` bytes of a large frame are checked at a time: 'unfinished', to be called again. */
  look(checkBytesMax: number): 'frame' | 'none' | 'unfinished' {
    const position = this.end
    this.position = position
    const window = this.#window
    const length = this.#check?.length ?? this.#headerAt(position)
    if (length === 0) return 'none'
    this.#isLarge = !window.isFixed && length > window.bytes.length
    if (!this.#isLarge && window.load(position, length) < 0) return 'none'
    const check = this.#check ?? window.beginCheck(position, length)
    this.#check = undefined
    if (!window.checkOn(check, checkBytesMax)) return 'none'
    if (check.at < check.end) {
      this.#check = check
      return 'unfinished'
    }
    if (check.crc !== this.frame.crc) return 'none'
    const at = window.load(position, this.#isLarge ? largeHeadBytes : length)
    if (at < 0) return 'none'
    this.#payloadStart = at + frameHeaderLength
    this.end = position + length
    return 'frame'
  }

  /** Reads the header of the frame at `position`; returns the frame's length, or 0 when it cannot be one. */
  #headerAt(position: number): number {
    const { sizeBytes, header } = this.#segment
    if (position + frameHeaderLength > sizeBytes) return 0
    const at = this.#window.load(position, frameHeaderLength)
    if (at < 0) return 0
    const length = readFrameHeader(this.#window.bytes, at, header.salt, position, this.frame)
    return position + length > sizeBytes ? 0 : length
  }
}

/** The payload that begins at `start` of a segment. */
export class PayloadInSegment implements PayloadSource {
  readonly length: number
  readonly #segment: Segment
  readonly #start: number

  constructor(segment: Segment, start: number, length: number) {
    this.#segment = segment
    this.#start = start
    this.length = length
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    return this.#segment.file.read(target, offset, Math.min(length, this.length - position), this.#start + position)
  }
}

export interface Remains {
  /** Where the last byte that is not zero ends; `position` itself when there is none. */
  readonly end: number
  /** Where the undamaged frame of the entry `index` begins, when it lies there: then only marks were damaged. */
  readonly resumesAt: number | undefined
  /** Where a frame lies that says that the entry `index` was durable. */
  readonly witnessAt: number | undefined
}

/**
 * Looks at what lies behind `position`, where the frame of the entry `index` should have been.
 * Frames of earlier entries do not count: no such frame can lie there, but a copy of one in a payload could.
 */
export function examineRemains(segment: Segment, position: number, index: LogIndex): Remains {
  const end = endOfBytes(segment, position)
  const { salt } = segment.header
  const frame = emptyFrame()
  const window = new SegmentWindow(segment, position)
  for (let at = position; at < end && at + frameHeaderLength <= segment.sizeBytes; ) {
    const offset = window.load(at, frameHeaderLength)
    if (offset < 0) break
    const size = readFrameHeader(window.bytes, offset, salt, at, frame)
    const holds = size !== 0 && at + size <= segment.sizeBytes && window.holds(at, size, frame)
    if (holds && frame.kind === frameKind.entry && frame.index === index) {
      return { end, resumesAt: at, witnessAt: undefined }
    }
    if (holds && frame.durable >= index) return { end, resumesAt: undefined, witnessAt: at }
    at += holds ? size : frameAlignment
  }
  return { end, resumesAt: undefined, witnessAt: undefined }
}

/** Where the last byte of the segment that is not zero ends; `position` when there is none behind that. */
function endOfBytes(segment: Segment, position: number): number {
  const window = new Uint8Array(Math.min(zeros.length, segment.sizeBytes))
  let end = position
  for (let at = position; at < segment.sizeBytes; at += window.length) {
    const count = segment.file.read(window, 0, Math.min(window.length, segment.sizeBytes - at), at)
    if (zeros.compare(window, 0, count, 0, count) === 0) continue
    let length = count
    while (window[length - 1] === 0) length--
    end = at + length
  }
  return end
}

const zeros = Buffer.alloc(1024 * 1024)
