/** Comparing stretches of bytes as memcmp does, the shorter first when one begins with the other. */

/** <0, 0 or >0. The ends are exclusive. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart
  const bLength = bEnd - bStart
  const shared = Math.min(aLength, bLength)
  for (let index = 0; index < shared; index++) {
    const difference = a[aStart + index]! - b[bStart + index]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

/** True when `length` bytes are the same in both. */
export function sameBytes(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let index = 0; index < length; index++) {
    if (a[aStart + index] !== b[bStart + index]) return false
  }
  return true
}
