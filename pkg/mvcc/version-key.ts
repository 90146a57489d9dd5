/**
 * The key of one version in a versioned map's tree.
 *
 *   | user key (self-delimiting, 1.. bytes) | 2^52 - 1 - timestamp, big endian, 7 bytes |
 *
 * so that the versions of a key lie side by side, newest first, and no user key may be a prefix of another.
 */
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMax } from '../base/timestamp.ts'

export const versionSuffixLength = 7

/** The halves of the inverted form of the timestamp written last: a write unit writes the same one many times. */
let writtenTimestamp = timestampMax
let writtenHigh = 0
let writtenLow = 0

/** Writes the inverted timestamp at `at`; returns the position after it. */
export function writeVersion(target: Uint8Array, at: number, timestamp: Timestamp): number {
  if (timestamp !== writtenTimestamp) {
    const inverted = timestampMax - timestamp
    writtenTimestamp = timestamp
    writtenHigh = Math.floor(inverted / 0x100000000)
    writtenLow = inverted | 0
  }
  const high = writtenHigh
  const low = writtenLow
  target[at] = high >>> 16
  target[at + 1] = high >>> 8
  target[at + 2] = high
  target[at + 3] = low >>> 24
  target[at + 4] = low >>> 16
  target[at + 5] = low >>> 8
  target[at + 6] = low
  return at + versionSuffixLength
}

/** Reads the timestamp whose inverted form begins at `at`. */
export function readVersion(bytes: Uint8Array, at: number): Timestamp {
  const high = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
  const low = ((bytes[at + 3]! << 24) | (bytes[at + 4]! << 16) | (bytes[at + 5]! << 8) | bytes[at + 6]!) >>> 0
  return (timestampMax - (high * 0x100000000 + low)) as Timestamp
}
