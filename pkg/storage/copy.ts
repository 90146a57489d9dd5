/**
 * Copies `source[start, end)` to `target` at `at`; the ranges must not overlap when both are one array.
 * Short runs go byte by byte: making a view costs more than a few dozen bytes do.
 */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > 40) {
    target.set(source.subarray(start, end), at)
    return
  }
  for (let i = start; i < end; i++) target[at++] = source[i]!
}

/** memcmp of two ranges, the shorter first when one is the beginning of the other. */
export function compareRanges(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart)
  for (let i = 0; i < length; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!
    if (difference !== 0) return difference
  }
  return aEnd - aStart - (bEnd - bStart)
}
