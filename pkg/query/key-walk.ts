/**
 * A walk over the entries of an index that lie within the bounds of a plan.
 *
 * One range is walked as it is. Of several, or of bounds on parts of the key behind a range, every entry met is compared with
 * them, and from one outside the walk goes on where the next one within can be, by a seek. The entries looked at, those
 * outside as well, and the seeks are counted as MongoDB counts them.
 */
import type { Timestamp } from '../base/timestamp.ts'
import { compareBytes, keyEnd } from '../bson/key.ts'
import { KeyCheck } from './execute-keys.ts'
import { atRow, ended, type Progress, paused, type Work } from './execute-source.ts'
import type { Entry } from './index-key.ts'
import { afterAll, firstReaching, type KeyRanges, lastReaching } from './key-ranges.ts'
import type { IndexScanNode } from './plan-node.ts'
import type { KeyScan } from './plan-source.ts'

export class KeyWalk {
  readonly #node: IndexScanNode
  readonly #at: Timestamp
  readonly #work: Work
  readonly #ranges: KeyRanges
  readonly isForward: boolean
  readonly #check: KeyCheck | undefined
  /** There is but one range, and the scan knows its ends. */
  readonly #isPlain: boolean
  /** The range that the walk is in or before. */
  #range: number
  #scan: KeyScan | undefined
  #isOver = false

  constructor(node: IndexScanNode, at: Timestamp, work: Work) {
    const { bounds, direction } = node
    this.#node = node
    this.#at = at
    this.#work = work
    this.#ranges = bounds.ranges
    this.isForward = direction === 1
    this.#check = bounds.checked.length === 0 ? undefined : new KeyCheck(bounds, direction)
    this.#isPlain = bounds.ranges.length === 1 && this.#check === undefined
    this.#range = this.isForward ? 0 : bounds.ranges.length - 1
    if (bounds.ranges.length === 0) this.#isOver = true
  }

  /** The entry that `step` came to; only after it said so. */
  get scan(): KeyScan {
    return this.#scan!
  }

  /** Where the walk rests. */
  get entry(): Entry {
    return { index: this.#node.index, key: this.#scan?.key.subarray(0, this.#scan.keyEnd) }
  }

  /** Looks at one entry more; `paused`: it lay outside. */
  step(): Progress {
    if (this.#isOver) return ended
    const scan = this.#scan ?? this.#open()
    if (!scan.next()) {
      this.close()
      return ended
    }
    this.#work.keysExamined++
    if (this.#isPlain) return atRow
    return this.isForward ? this.#settleForward(scan) : this.#settleBackward(scan)
  }

  /** The next step goes to the first entry not below `key`; against the index, to the last below it. */
  skipTo(key: Uint8Array, keyLength: number): void {
    this.#work.seeks++
    this.scan.skipTo(key, keyLength)
  }

  /** Past all entries with the same values as the current one in the first `count` parts of the key. */
  skipValues(count: number): void {
    const { key } = this.scan
    let end = 0
    for (let part = 0; part < count; part++) end = keyEnd(key, end)
    const prefix = key.slice(0, end)
    const target = this.isForward ? afterAll(prefix) : prefix
    if (target !== undefined) this.skipTo(target, target.length)
  }

  #open(): KeyScan {
    const ranges = this.#ranges
    const first = ranges.at(0)!
    const last = ranges.at(ranges.length - 1)!
    const { index, direction } = this.#node
    // What lies beyond the bounds ends the walk when it is met.
    const lower = this.isForward || this.#isPlain ? first.lower : undefined
    const upper = !this.isForward || this.#isPlain ? last.upper : undefined
    this.#work.seeks++
    this.#scan = index.scan(this.#at, lower, upper, direction)
    return this.#scan
  }

  #settleForward(scan: KeyScan): Progress {
    const { key, keyEnd } = scan
    const ranges = this.#ranges
    this.#range = firstReaching(ranges, this.#range, key, 0, keyEnd)
    const range = ranges.at(this.#range)
    if (range === undefined) {
      this.close()
      return ended
    }
    const { lower } = range
    if (lower !== undefined && compareBytes(key, 0, keyEnd, lower, 0, lower.length) < 0) {
      this.skipTo(lower, lower.length)
      return paused
    }
    return this.#checked(scan)
  }

  #settleBackward(scan: KeyScan): Progress {
    const { key, keyEnd } = scan
    const ranges = this.#ranges
    this.#range = lastReaching(ranges, this.#range, key, 0, keyEnd)
    const range = this.#range < 0 ? undefined : ranges.at(this.#range)
    if (range === undefined) {
      this.close()
      return ended
    }
    const { upper } = range
    if (upper !== undefined && compareBytes(key, 0, keyEnd, upper, 0, upper.length) >= 0) {
      this.skipTo(upper, upper.length)
      return paused
    }
    return this.#checked(scan)
  }

  #checked(scan: KeyScan): Progress {
    if (this.#check === undefined || this.#check.accepts(scan)) return atRow
    this.#work.seeks++
    return paused
  }

  /** Puts the records of the entries that likely come next into `recordIds`, `countMax` at most; returns how many. */
  foresee(recordIds: Float64Array, countMax: number): number {
    const scan = this.#scan
    const range = this.#range < 0 ? undefined : this.#ranges.at(this.#range)
    // Of entries that are checked one by one it is not known which pass.
    if (scan?.foresee === undefined || range === undefined || this.#check !== undefined) return 0
    return scan.foresee(recordIds, countMax, this.isForward ? range.upper : range.lower)
  }

  save(): void {
    this.#scan?.save()
  }

  close(): void {
    this.#isOver = true
    this.#scan?.close()
    this.#scan = undefined
  }
}
