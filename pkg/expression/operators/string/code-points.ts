/** Code points of UTF-8, counted by the bytes that begin one. */

export function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

export function codePointCount(bytes: Uint8Array, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at++) if (!isContinuation(bytes[at]!)) count++
  return count
}

/** Where the code point `count` after the one at `start` begins; `end` when there are not so many. */
export function skipCodePoints(bytes: Uint8Array, start: number, end: number, count: number): number {
  let at = start
  for (let left = count; left > 0 && at < end; left--) {
    at++
    while (at < end && isContinuation(bytes[at]!)) at++
  }
  return at
}
