import type { LogIndex, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import {
  emptyFrame,
  type Frame,
  frameAlignment,
  frameHeaderLength,
  frameHolds,
  frameKind,
  readFrameHeader,
} from './log-frame.ts'
import type { Segment } from './log-segment.ts'

/** An entry as it is read; `bytes` is lent for the time of the call only. */
export interface LogEntry {
  readonly index: LogIndex
  readonly term: Term
  readonly timestamp: Timestamp
  /** The payload is bytes[start, end). */
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

const windowLength = 1024 * 1024

/** Reads a segment's frames one after the other, through a window that grows for a frame larger than it. */
export class FrameReader {
  readonly frame: Frame = emptyFrame()
  /** Holds the payload of the current frame, from `payloadStart`; valid until the next call. */
  bytes: Uint8Array
  payloadStart = 0
  /** Where the current frame begins; after `next` returned false, where there was none. */
  position: number
  /** Where the frame after the current one would begin. */
  end: number
  readonly #segment: Segment
  /** The window: bytes[#offset, ...) is the file's [#windowStart, #windowEnd). */
  #offset = 0
  #windowStart = 0
  #windowEnd = 0
  /** Whether the window is all there is. */
  readonly #isFixed: boolean

  /** Reads from the file, from `position` on; or what is to be written at `position` from `source[start, end)`. */
  constructor(segment: Segment, position: number, source?: { bytes: Uint8Array; start: number; end: number }) {
    this.#segment = segment
    this.position = position
    this.end = position
    this.#isFixed = source !== undefined
    this.bytes = source?.bytes ?? new Uint8Array(Math.min(windowLength, segment.sizeBytes))
    if (source !== undefined) {
      this.#offset = source.start
      this.#windowStart = position
      this.#windowEnd = position + source.end - source.start
    }
  }

  /** The current frame as an entry. */
  entry(): LogEntry {
    const { index, term, timestamp, payloadLength } = this.frame
    const { bytes, payloadStart: start } = this
    return { index, term, timestamp, bytes, start, end: start + payloadLength }
  }

  /** Goes to the next frame; false when there is no undamaged one at this place. */
  next(): boolean {
    this.position = this.end
    const { salt } = this.#segment.header
    if (this.position + frameHeaderLength > this.#segment.sizeBytes) return false
    let at = this.#load(frameHeaderLength)
    if (at < 0) return false
    const length = readFrameHeader(this.bytes, at, salt, this.position, this.frame)
    if (length === 0 || this.position + length > this.#segment.sizeBytes) return false
    at = this.#load(length)
    if (at < 0 || !frameHolds(this.bytes, at, length, salt, this.position)) return false
    this.payloadStart = at + frameHeaderLength
    this.end = this.position + length
    return true
  }

  /** Brings `length` bytes from `position` into the window; returns where they begin in `bytes`, or -1 when the file is shorter. */
  #load(length: number): number {
    const start = this.position
    if (start >= this.#windowStart && start + length <= this.#windowEnd) return this.#offset + start - this.#windowStart
    if (this.#isFixed) return -1
    if (length > this.bytes.length) this.bytes = new Uint8Array(Math.max(length, 2 * this.bytes.length))
    const count = this.#segment.file.read(this.bytes, 0, this.bytes.length, start)
    this.#windowStart = start
    this.#windowEnd = start + count
    return count < length ? -1 : 0
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
  const bytes = readRest(segment, position)
  let length = bytes.length
  while (length > 0 && bytes[length - 1] === 0) length--
  const end = position + length
  const { salt } = segment.header
  const frame = emptyFrame()
  for (let at = 0; at < length && at + frameHeaderLength <= bytes.length; ) {
    const size = readFrameHeader(bytes, at, salt, position + at, frame)
    const holds = size !== 0 && at + size <= bytes.length && frameHolds(bytes, at, size, salt, position + at)
    if (holds && frame.kind === frameKind.entry && frame.index === index) {
      return { end, resumesAt: position + at, witnessAt: undefined }
    }
    if (holds && frame.durable >= index) return { end, resumesAt: undefined, witnessAt: position + at }
    at += holds ? size : frameAlignment
  }
  return { end, resumesAt: undefined, witnessAt: undefined }
}

/** The segment from `position` to its end; nothing when there are only zeros. */
function readRest(segment: Segment, position: number): Uint8Array {
  const window = new Uint8Array(Math.min(zeros.length, segment.sizeBytes))
  for (let at = position; at < segment.sizeBytes; at += window.length) {
    const count = segment.file.read(window, 0, Math.min(window.length, segment.sizeBytes - at), at)
    if (zeros.compare(window, 0, count, 0, count) === 0) continue
    const bytes = new Uint8Array(segment.sizeBytes - position)
    segment.file.read(bytes, 0, bytes.length, position)
    return bytes
  }
  return new Uint8Array(0)
}

const zeros = Buffer.alloc(windowLength)
