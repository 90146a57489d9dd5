/**
 * Bounds of the parts of a key behind a range: each entry's parts are looked up in their ranges, and an entry outside of them is
 * skipped together with all that follow it there, by one seek to where the next entry within can be.
 */
import { compareBytes, keyEnd } from '../bson/key.ts'
import { afterAll, firstReaching, type KeyRange, type KeyRanges, lastReaching } from './key-ranges.ts'
import { type IndexBounds, joined } from './plan-index.ts'
import type { KeyScan } from './plan-source.ts'

export class KeyCheck {
  readonly #from: number
  readonly #ranges: readonly KeyRanges[]
  readonly #forward: boolean

  constructor(bounds: IndexBounds, direction: 1 | -1) {
    this.#from = bounds.checkedFrom
    this.#ranges = bounds.checked
    this.#forward = direction === 1
  }

  /** Whether the entry is within; if not, the scan is told where to go on. */
  accepts(scan: KeyScan): boolean {
    const { key } = scan
    let start = 0
    for (let part = 0; part < this.#from; part++) start = keyEnd(key, start)
    for (const ranges of this.#ranges) {
      const end = keyEnd(key, start)
      const nearest = this.#forward
        ? this.#nextRange(ranges, key, start, end)
        : this.#previousRange(ranges, key, start, end)
      if (nearest === undefined) {
        this.#leave(scan, start)
        return false
      }
      const edge = this.#forward ? nearest.lower : nearest.upper
      if (edge !== undefined && compareBytes(key, start, end, edge, 0, edge.length) < 0 === this.#forward) {
        const target = joined(key.subarray(0, start), edge)
        scan.skipTo(target, target.length)
        return false
      }
      start = end
    }
    return true
  }

  /** The first range that the part is in or before. */
  #nextRange(ranges: KeyRanges, key: Uint8Array, start: number, end: number): KeyRange | undefined {
    return ranges.at(firstReaching(ranges, 0, key, start, end))
  }

  /** The last range that the part is in or after. */
  #previousRange(ranges: KeyRanges, key: Uint8Array, start: number, end: number): KeyRange | undefined {
    const place = lastReaching(ranges, ranges.length - 1, key, start, end)
    return place < 0 ? undefined : ranges.at(place)
  }

  /** To the next entry that differs in the parts before this one. */
  #leave(scan: KeyScan, start: number): void {
    const prefix = scan.key.slice(0, start)
    if (!this.#forward) scan.skipTo(prefix, start)
    else {
      const after = afterAll(prefix)
      if (after !== undefined) scan.skipTo(after, after.length)
    }
  }
}
