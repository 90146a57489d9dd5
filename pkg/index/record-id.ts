/** Record ids as bytes: 6, big endian, so that they sort in insertion order (2^48 records a collection). */
import type { RecordId } from '../base/ids.ts'

export const recordIdLength = 6

/** Writes the id at `at`; returns the position after it. */
export function writeRecordId(target: Uint8Array, at: number, recordId: RecordId): number {
  const high = Math.floor(recordId / 0x100000000)
  const low = recordId >>> 0
  target[at] = high >>> 8
  target[at + 1] = high
  target[at + 2] = low >>> 24
  target[at + 3] = low >>> 16
  target[at + 4] = low >>> 8
  target[at + 5] = low
  return at + recordIdLength
}

export function readRecordId(bytes: Uint8Array, at: number): RecordId {
  const high = (bytes[at]! << 8) | bytes[at + 1]!
  const low = ((bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!) >>> 0
  return (high * 0x100000000 + low) as RecordId
}
