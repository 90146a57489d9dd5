/**
 * What a serializable transaction has read: single keys and ranges of keys of each map. Whether a write of somebody else would have
 * changed it is asked of every write committed since its snapshot: also of a key that was not there, in a range that was read.
 */
import type { Timestamp } from '../base/timestamp.ts'
import { compareBytes } from '../bson/bytes.ts'
import { lockKey, lockKeyBytes } from './lock-key.ts'

/** Of one map; beyond so many, all of it counts as read. */
const partsMax = 20_000

/** `undefined`: no bound. Both ends were read. */
export class ReadRange {
  lower: Uint8Array | undefined
  lowerLength = 0
  upper: Uint8Array | undefined
  upperLength = 0
  /** The number of the first of the recent writes that it was read without. */
  readonly since: number

  constructor(since: number) {
    this.since = since
  }

  setLower(key: Uint8Array | undefined, length: number): void {
    this.lower = copied(this.lower, key, length)
    this.lowerLength = length
  }

  setUpper(key: Uint8Array | undefined, length: number): void {
    this.upper = copied(this.upper, key, length)
    this.upperLength = length
  }

  reached(): void {
    // Nobody is told how far it goes.
  }

  get lowerKey(): string | undefined {
    return this.lower && lockKey(this.lower, this.lowerLength)
  }

  get upperKey(): string | undefined {
    return this.upper && lockKey(this.upper, this.upperLength)
  }

  /** Nothing of it has been read. */
  forget(): void {
    this.#isForgotten = true
  }
  #isForgotten = false

  /** No more of it has been read. */
  narrow(lower: string | undefined, upper: string | undefined): void {
    this.setLower(lower === undefined ? undefined : lockKeyBytes(lower), lower?.length ?? 0)
    this.setUpper(upper === undefined ? undefined : lockKeyBytes(upper), upper?.length ?? 0)
  }

  includes(key: Uint8Array, length: number): boolean {
    const { lower, upper } = this
    if (this.#isForgotten) return false
    if (lower !== undefined && compareBytes(key, 0, length, lower, 0, this.lowerLength) < 0) return false
    return upper === undefined || compareBytes(key, 0, length, upper, 0, this.upperLength) <= 0
  }
}

interface MapReads {
  /** With the number of the first write that each was read without. */
  readonly points: Map<string, number>
  readonly ranges: ReadRange[]
  /** Since which write all of it counts as read. */
  whole: number | undefined
}

interface Moment {
  readonly at: Timestamp
  readonly since: number
}

export class ReadSet {
  /** By the map they are in: anything that stands for it. */
  readonly #maps = new Map<object, MapReads>()
  /** What was read at, in order: a cursor goes on at its own moment when later statements read at others. */
  readonly #moments: Moment[]

  /** `at`: the first moment that is read at; `since`: the number of the first of the recent writes that it does not show. */
  constructor(at: Timestamp, since: number) {
    this.#moments = [{ at, since }]
  }

  /** Statements from here on read at this moment. */
  moveTo(at: Timestamp, since: number): void {
    this.#moments.push({ at, since })
  }

  /** The number of the first of the recent writes that what is read at that moment does not show. */
  #sinceOf(at: Timestamp): number {
    const moments = this.#moments
    let i = moments.length - 1
    while (i > 0 && moments[i]!.at > at) i--
    return moments[i]!.since
  }

  point(map: object, key: Uint8Array, length: number, at: Timestamp): void {
    const reads = this.#readsOf(map)
    if (reads.whole === undefined) {
      const text = lockKey(key, length)
      if (!reads.points.has(text)) reads.points.set(text, this.#sinceOf(at))
    }
    escalate(reads)
  }

  /** A range that its reader, who reads at that moment, widens as it goes. */
  range(map: object, at: Timestamp): ReadRange {
    const reads = this.#readsOf(map)
    const range = new ReadRange(this.#sinceOf(at))
    if (reads.whole === undefined) reads.ranges.push(range)
    escalate(reads)
    return range
  }

  /** Whether what was read is not what it was before the write of that number. */
  includes(map: object, key: Uint8Array, number = Number.POSITIVE_INFINITY): boolean {
    const reads = this.#maps.get(map)
    if (reads === undefined) return false
    if (reads.whole !== undefined) return number >= reads.whole
    const since = reads.points.get(lockKey(key, key.length))
    if (since !== undefined && number >= since) return true
    return reads.ranges.some((range) => number >= range.since && range.includes(key, key.length))
  }

  #readsOf(map: object): MapReads {
    let reads = this.#maps.get(map)
    if (reads === undefined) {
      reads = { points: new Map(), ranges: [], whole: undefined }
      this.#maps.set(map, reads)
    }
    return reads
  }
}

function escalate(reads: MapReads): void {
  if (reads.points.size + reads.ranges.length <= partsMax) return
  let since = Number.POSITIVE_INFINITY
  for (const each of reads.points.values()) since = Math.min(since, each)
  for (const range of reads.ranges) since = Math.min(since, range.since)
  reads.whole = since
  reads.points.clear()
  reads.ranges.length = 0
}

function copied(into: Uint8Array | undefined, key: Uint8Array | undefined, length: number): Uint8Array | undefined {
  if (key === undefined) return undefined
  const target = into === undefined || into.length < length ? new Uint8Array(length + 16) : into
  for (let i = 0; i < length; i++) target[i] = key[i]!
  return target
}
