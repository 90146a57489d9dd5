/**
 * One frame of the log, as it lies in a segment. Little endian; it begins and ends on a multiple of 8 bytes.
 *
 *   offset size
 *        0    4  CRC-32C of all that follows, padding included
 *        4    2  header check: low 16 bits of the CRC-32C of bytes 6 to 39
 *        6    1  kind: 1 entry, 2 mark
 *        7    1  zero
 *        8    4  length of the payload
 *       12    6  index (of a mark: the index of the last entry before it)
 *       18    6  term
 *       24    8  timestamp (52 bits)
 *       32    8  known durable: every entry up to this index was on disk when the frame was written
 *       40    .  payload, then zeros up to a multiple of 8
 *
 * Both checksums start from the segment's salt xor the frame's position in the file, so that bytes that were a frame
 * in another place (a copy of the log that somebody stores as a document) are none here. The header check makes the
 * length believable before that many bytes are read, and looking for frames in a damaged region linear.
 */
import { crc32c, crc32cAfter } from '../base/crc32c.ts'
import type { LogIndex, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'

export const frameHeaderLength = 40
export const frameAlignment = 8
export const frameKind = { entry: 1, mark: 2 } as const

/** The fields of the frame that was read last; one object serves a whole scan. */
export interface Frame {
  kind: number
  index: LogIndex
  term: Term
  timestamp: Timestamp
  durable: LogIndex
  crc: number
  payloadLength: number
}

export function emptyFrame(): Frame {
  return {
    kind: 0,
    index: 0 as LogIndex,
    term: 0 as Term,
    timestamp: 0 as Timestamp,
    durable: 0 as LogIndex,
    crc: 0,
    payloadLength: 0,
  }
}

/** Bytes that a frame with this payload takes. */
export function frameLength(payloadLength: number): number {
  return Math.ceil((frameHeaderLength + payloadLength) / frameAlignment) * frameAlignment
}

/** Completes the frame at `at`, whose payload is already at `at + 40`; sets and returns `frame.crc`. `position`: in the file. */
export function sealFrame(bytes: Uint8Array, at: number, frame: Frame, salt: number, position: number): number {
  const end = at + frameLength(frame.payloadLength)
  for (let pad = at + frameHeaderLength + frame.payloadLength; pad < end; pad++) bytes[pad] = 0
  const seed = writeHeader(bytes, at, frame, salt, position)
  frame.crc = crc32c(bytes, at + 4, end, seed)
  writeUint32(bytes, at, frame.crc)
  return frame.crc
}

/** As `sealFrame`, of a frame whose payload is elsewhere: `payloadCrc` is the checksum of it and of the zeros after it. */
export function sealFrameHeader(
  bytes: Uint8Array,
  at: number,
  frame: Frame,
  salt: number,
  position: number,
  payloadCrc: number,
): number {
  const seed = writeHeader(bytes, at, frame, salt, position)
  const headerCrc = crc32c(bytes, at + 4, at + frameHeaderLength, seed)
  frame.crc = crc32cAfter(headerCrc, payloadCrc, frameLength(frame.payloadLength) - frameHeaderLength)
  writeUint32(bytes, at, frame.crc)
  return frame.crc
}

/** Writes all but the checksum of the whole; returns what both checksums begin with. */
function writeHeader(bytes: Uint8Array, at: number, frame: Frame, salt: number, position: number): number {
  const seed = (salt ^ position) >>> 0
  bytes[at + 6] = frame.kind
  bytes[at + 7] = 0
  writeUint32(bytes, at + 8, frame.payloadLength)
  writeUint48(bytes, at + 12, frame.index)
  writeUint48(bytes, at + 18, frame.term)
  writeUint64(bytes, at + 24, frame.timestamp)
  writeUint64(bytes, at + 32, frame.durable)
  const check = crc32c(bytes, at + 6, at + frameHeaderLength, seed)
  bytes[at + 4] = check & 0xff
  bytes[at + 5] = (check >>> 8) & 0xff
  return seed
}

/**
 * Reads the header at `at` (40 bytes must be there). Returns the length of the whole frame, or 0 when this is no
 * header. The payload may still be damaged.
 */
export function readFrameHeader(bytes: Uint8Array, at: number, salt: number, position: number, into: Frame): number {
  const kind = bytes[at + 6]!
  if ((kind !== frameKind.entry && kind !== frameKind.mark) || bytes[at + 7] !== 0) return 0
  const check = crc32c(bytes, at + 6, at + frameHeaderLength, (salt ^ position) >>> 0)
  if ((check & 0xffff) !== (bytes[at + 4]! | (bytes[at + 5]! << 8))) return 0
  into.kind = kind
  into.payloadLength = readUint32(bytes, at + 8)
  into.index = readUint48(bytes, at + 12) as LogIndex
  into.term = readUint48(bytes, at + 18) as Term
  into.timestamp = readUint64(bytes, at + 24) as Timestamp
  into.durable = readUint64(bytes, at + 32) as LogIndex
  into.crc = readUint32(bytes, at)
  return frameLength(into.payloadLength)
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

export function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, value)
  writeUint32(bytes, at + 4, Math.floor(value / 2 ** 32))
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

export function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) + readUint32(bytes, at + 4) * 2 ** 32
}

function writeUint48(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, value)
  const high = Math.floor(value / 2 ** 32)
  bytes[at + 4] = high
  bytes[at + 5] = high >>> 8
}

function readUint48(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) + (bytes[at + 4]! | (bytes[at + 5]! << 8)) * 2 ** 32
}
