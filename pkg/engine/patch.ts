/** How documents differ from what they replace, for the log and for the indexes that have to change. */
/** How a document differs from the version before it: bytes kept at its head and tail, or `undefined` when it is not worth it. */
export interface Patch {
  readonly head: number
  readonly tail: number
}

export const nothingKept: Patch = { head: 0, tail: 0 }

/** Of long documents so many bytes are compared at once. */
const stretch = 16 * 1024

/**
 * The bytes that `document` shares with the version before it, at its head and tail. The first four bytes, the length, count as shared:
 * whoever applies the patch writes them anew. `kept`: how many are known to be shared.
 */
export function patchOf(
  old: Uint8Array,
  oldStart: number,
  oldLength: number,
  document: Uint8Array,
  kept: Patch,
): Patch | undefined {
  const length = document.length
  const shorter = Math.min(length, oldLength)
  let head = Math.max(4, kept.head)
  while (head + stretch <= shorter && sameStretch(old, oldStart + head, document, head)) head += stretch
  while (head < shorter && old[oldStart + head] === document[head]) head++
  const tailMax = shorter - head
  const shift = oldStart + oldLength - length
  let at = length - 1 - Math.min(kept.tail, tailMax)
  const stop = length - tailMax
  while (at - stretch >= stop && sameStretch(old, shift + at - stretch + 1, document, at - stretch + 1)) at -= stretch
  while (at >= stop && old[shift + at] === document[at]) at--
  const tail = length - 1 - at
  return length - head - tail + 12 < length ? { head, tail } : undefined
}

function sameStretch(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number): boolean {
  return Buffer.compare(a.subarray(aStart, aStart + stretch), b.subarray(bStart, bStart + stretch)) === 0
}
