/** Walks an ordered index between two bounds, at one timestamp, in either direction. */

import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { compareBytes } from '../bson/key.ts'
import type { KeyCursor, KeyMap, Neighbours } from '../mvcc/key-map.ts'
import { versionSuffixLength } from '../mvcc/version-key.ts'
import { readRecordId, recordIdLength } from './record-id.ts'

const noBytes = new Uint8Array(0)

export class IndexCursor {
  readonly #walk: KeyCursor
  /** The record id is in the value instead of the key. */
  readonly #idInValue: boolean
  readonly #lower: Uint8Array | undefined
  readonly #upper: Uint8Array | undefined
  readonly #forward: boolean
  #started = false
  #done = false
  #skip: Uint8Array | undefined
  #skipLength = 0
  recordId = 0 as RecordId
  #key: Uint8Array = noBytes
  #keyEnd = 0
  /** `#key` is that of the current entry: most walks ask for the record alone. */
  #hasKey = false

  constructor(
    map: KeyMap,
    idInValue: boolean,
    at: Timestamp,
    lower: Uint8Array | undefined,
    upper: Uint8Array | undefined,
    direction: 1 | -1,
  ) {
    this.#walk = map.cursor(at)
    this.#idInValue = idInValue
    this.#lower = lower
    this.#upper = upper
    this.#forward = direction === 1
  }

  next(): boolean {
    if (this.#done) return false
    const found = this.#forward ? this.#stepForward() : this.#stepBackward()
    if (!found) {
      this.close()
      return false
    }
    return true
  }

  /**
   * The next move goes to the first entry whose key is not below `key`, or, against the index, to the last one below it. It must lie
   * ahead of the current entry.
   */
  skipTo(key: Uint8Array, keyLength: number): void {
    this.#skip = key
    this.#skipLength = keyLength
  }

  /** The encoded value of the current entry is `key[0..keyEnd)`; valid until the next move. */
  get key(): Uint8Array {
    if (!this.#hasKey) this.#readKey()
    return this.#key
  }

  get keyEnd(): number {
    if (!this.#hasKey) this.#readKey()
    return this.#keyEnd
  }

  /** What the current entry's key has lost of the value of part `part`: see `type-code.ts`. */
  codeOf(part: number): number {
    const { bytes, start, end } = this.#walk.value
    const at = start + (this.#idInValue ? recordIdLength : 1) + part
    return at < end ? bytes[at]! : 0
  }

  /**
   * Puts the records of the entries that likely come next into `recordIds`, `countMax` at most; returns how many. `bound`: where the entries that
   * matter end, excluded ahead and included behind. Some may not be visible, or not be there when their turn comes.
   */
  foresee(recordIds: Float64Array, countMax: number, bound: Uint8Array | undefined): number {
    const { neighbours } = this.#walk
    if (neighbours === undefined || this.#done || this.#skip !== undefined) return 0
    const forward = this.#forward
    const direction = forward ? 1 : -1
    let count = Math.min(countMax, neighbours.countBeside(forward))
    if (bound !== undefined) count = countWithin(neighbours, count, direction, bound)
    for (let i = 0; i < count; i++) {
      const distance = (i + 1) * direction
      const at = this.#idInValue
        ? neighbours.valueBeside(distance)
        : neighbours.keyEndBeside(distance, recordIdLength + versionSuffixLength)
      if (at < 0) return i
      recordIds[i] = readRecordId(neighbours.pageBytes, at)
    }
    return count
  }

  save(): void {
    if (this.#done || !this.#started) return
    if (!this.#hasKey) this.#readKey()
    this.#walk.save()
  }

  close(): void {
    this.#done = true
    this.#walk.close()
  }

  #stepForward(): boolean {
    const walk = this.#walk
    let found: boolean
    if (this.#skip !== undefined) {
      found = walk.seek(this.#skip, this.#skipLength)
      this.#skip = undefined
      this.#started = true
    } else if (this.#started) found = walk.next()
    else {
      this.#started = true
      found = this.#lower === undefined ? walk.first() : walk.seek(this.#lower, this.#lower.length)
    }
    if (!found) return false
    this.#load()
    const upper = this.#upper
    return upper === undefined || this.#compare(upper) < 0
  }

  #stepBackward(): boolean {
    const walk = this.#walk
    let found: boolean
    if (this.#skip !== undefined) {
      found = walk.seekBefore(this.#skip, this.#skipLength)
      this.#skip = undefined
      this.#started = true
    } else if (this.#started) found = walk.previous()
    else {
      this.#started = true
      found = this.#upper === undefined ? walk.last() : walk.seekBefore(this.#upper, this.#upper.length)
    }
    if (!found) return false
    this.#load()
    const lower = this.#lower
    return lower === undefined || this.#compare(lower) >= 0
  }

  /** Order of the current key against a bound, none of which is longer than the key that it begins with. */
  #compare(bound: Uint8Array): number {
    const { neighbours } = this.#walk
    return neighbours === undefined
      ? compareBytes(this.key, 0, this.keyEnd, bound, 0, bound.length)
      : neighbours.compareBeside(0, bound, bound.length)
  }

  #load(): void {
    const walk = this.#walk
    this.#hasKey = false
    if (this.#idInValue) {
      this.recordId = readRecordId(walk.value.bytes, walk.value.start)
      return
    }
    const at = walk.neighbours?.keyEndBeside(0, recordIdLength + versionSuffixLength) ?? -1
    if (at >= 0) this.recordId = readRecordId(walk.neighbours!.pageBytes, at)
    else {
      this.#readKey()
      this.recordId = readRecordId(this.#key, this.#keyEnd)
    }
  }

  #readKey(): void {
    const walk = this.#walk
    walk.readKey()
    this.#key = walk.keyBytes
    this.#keyEnd = this.#idInValue ? walk.keyLength : walk.keyLength - recordIdLength
    this.#hasKey = true
  }
}

/** How many of the next `count` entries lie before the bound. */
function countWithin(neighbours: Neighbours, count: number, direction: 1 | -1, bound: Uint8Array): number {
  const isWithin = (distance: number): boolean =>
    neighbours.compareBeside(distance * direction, bound, bound.length) < 0 === (direction === 1)
  if (count === 0 || isWithin(count)) return count
  let within = 0
  for (let beyond = count; beyond - within > 1; ) {
    const middle = (within + beyond) >>> 1
    if (isWithin(middle)) within = middle
    else beyond = middle
  }
  return within
}
