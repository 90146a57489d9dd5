/** How the entries of a full page come to two pages, and those of two pages to one. */
import { assert } from '../base/assert.ts'
import { headerSize, type Page, scratchPage } from './page.ts'

const noBytes = new Uint8Array(0)

/**
 * Before which entry a full page is split, at least 1. At its end when that is where the new entry goes, so that
 * ascending keys fill their pages; else in the middle by bytes.
 */
export function splitPoint(page: Page, index: number): number {
  const { count } = page
  assert(count >= 2, 'two entries fit into a page')
  if (index === count) return page.level === 0 ? count : count - 1
  const half = page.liveCellBytes() >>> 1
  let sum = 0
  let at = 0
  while (at < count && sum < half) sum += page.cellLength(at++)
  return Math.min(Math.max(at, 1), count - 1)
}

/** Writes entries [from, to) of `source` to `target`, an empty page or one whose content may go. */
export function fill(target: Page, source: Page, from: number, to: number): void {
  const leftmost = target.leftmost
  let prefixLength = 0
  let first: Uint8Array = noBytes
  if (from < to) {
    first = source.headCopy(from, false)
    prefixLength = source.commonWith(to - 1, first, first.length)
  }
  target.format(source.level, target.id, target.root, first, 0, prefixLength)
  target.leftmost = leftmost
  for (let i = from; i < to; i++) target.append(source, i)
}

/**
 * A page of memory with the entries of both, or undefined when they leave less than a tenth of it free.
 * `separator`: for branches, the stored key in the parent between them; `long`: it is a long one.
 */
export function mergedPage(
  left: Page,
  right: Page,
  separator: Uint8Array | undefined,
  long: boolean,
): Page | undefined {
  const middle = separator ?? noBytes
  const first = left.count > 0 ? left.headCopy(0, false) : middle
  const last = right.count > 0 ? right.headCopy(right.count - 1, false) : middle
  const prefixMax = Math.min(first.length, last.length, left.keyHeadMax)
  let prefixLength = 0
  while (prefixLength < prefixMax && first[prefixLength] === last[prefixLength]) prefixLength++
  const size =
    headerSize +
    prefixLength +
    3 +
    (left.count + right.count + 1) * 8 +
    left.liveCellBytes() +
    left.count * (left.prefixLength - prefixLength) +
    right.liveCellBytes() +
    right.count * (right.prefixLength - prefixLength) +
    (separator === undefined ? 0 : separator.length + 4)
  if (size > left.size - left.size / 10) return undefined
  const page = scratchPage(left.size, 1)
  page.tails = left.tails
  page.format(left.level, left.id, left.root, first, 0, prefixLength)
  page.leftmost = left.leftmost
  for (let i = 0; i < left.count; i++) page.append(left, i)
  if (separator !== undefined) {
    const fits = page.insert(page.count, separator, separator.length, right.leftmost, noBytes, 0, 0, long)
    assert(fits, 'a merged page has room for the separator')
  }
  for (let i = 0; i < right.count; i++) page.append(right, i)
  return page
}

/** The shortest key that is greater than `low` and not greater than `high`. */
export function shortestBetween(low: Uint8Array, high: Uint8Array): Uint8Array {
  let i = 0
  while (i < low.length && low[i] === high[i]) i++
  return high.slice(0, i + 1)
}
