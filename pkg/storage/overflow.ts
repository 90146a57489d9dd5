/**
 * Overflow chains: a value too long for a leaf, or the tail of a long key, lies in pages of its own, linked by number.
 * The entry holds a reference to it: u32 total length (of the whole value or key), u32 first page.
 *
 *   offset  size  field (little endian)
 *   0       1     kind: 2
 *   1       3     0
 *   4       4     bytes in this page
 *   8       4     next page, 0 at the end
 *   12      12    0
 *   24      4     this page's own number
 *   28      4     the root of the tree it belongs to
 *   32      ...   the bytes
 */
import { DatabaseError } from '../base/errors.ts'
import { copyBytes } from './copy.ts'
import { headerSize, pageKind } from './page.ts'
import type { Pager } from './pager.ts'

/** More pages than the longest value has; a chain beyond that runs in a circle. */
const chainLengthMax = 1 << 20
const lengthWord = 1
const nextWord = 2
const idWord = 6
const rootWord = 7

/** Writes `bytes[start, end)` to a new chain of the tree `root`; its first page. */
export function writeChain(pager: Pager, root: number, bytes: Uint8Array, start: number, end: number): number {
  const room = pager.pageSize - headerSize
  let first = 0
  let previous = 0
  for (let at = start; at < end; ) {
    const length = Math.min(room, end - at)
    const frame = pager.allocate()
    const id = pager.pageOf[frame]!
    const words = pager.wordsOf(frame)
    const target = pager.bytesOf(frame)
    const base = pager.baseOf(frame)
    const word = base >>> 2
    words.fill(0, word, word + (headerSize >>> 2))
    words[word] = pageKind.overflow
    words[word + lengthWord] = length
    words[word + idWord] = id
    words[word + rootWord] = root
    copyBytes(bytes, at, at + length, target, base + headerSize)
    target.fill(0, base + headerSize + length, base + pager.pageSize)
    if (previous === 0) first = id
    else {
      // The frame of the page before is pinned until its link is set.
      const before = pager.frameOf[previous]!
      pager.wordsOf(before)[(pager.baseOf(before) >>> 2) + nextWord] = id
      pager.unpin(before)
    }
    pager.pin(frame)
    previous = id
    at += length
  }
  pager.unpin(pager.frameOf[previous]!)
  return first
}

/** Reads a chain of `length` bytes to `target` at `start`. */
export function readChain(pager: Pager, first: number, length: number, target: Uint8Array, start: number): void {
  let at = 0
  let id = first
  while (at < length) {
    const frame = pager.fetch(id)
    const words = pager.wordsOf(frame)
    const base = pager.baseOf(frame)
    const word = base >>> 2
    const part = words[word + lengthWord]!
    if ((words[word]! & 0xff) !== pageKind.overflow || part === 0 || at + part > length) throw brokenChain(id)
    copyBytes(pager.bytesOf(frame), base + headerSize, base + headerSize + part, target, start + at)
    at += part
    id = words[word + nextWord]!
  }
  if (id !== 0) throw brokenChain(first)
}

/** The pages of a chain. They are read before any is freed: a damaged chain is found while nothing has changed. */
export function chainPages(pager: Pager, first: number): number[] {
  const pages: number[] = []
  for (let id = first; id !== 0; id = nextInChain(pager, id)) {
    if (pages.length > chainLengthMax) throw brokenChain(first)
    pages.push(id)
  }
  return pages
}

/** The page that follows `id` in its chain, or 0. Throws DataCorruptionDetected when `id` is no overflow page. */
export function nextInChain(pager: Pager, id: number): number {
  const frame = pager.fetch(id)
  const word = pager.baseOf(frame) >>> 2
  const words = pager.wordsOf(frame)
  if ((words[word]! & 0xff) !== pageKind.overflow) throw brokenChain(id)
  return words[word + nextWord]!
}

function brokenChain(id: number): DatabaseError {
  return new DatabaseError('DataCorruptionDetected', `page ${id} is not the overflow page that it should be`, {
    page: id,
  })
}
