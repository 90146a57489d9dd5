/**
 * What a serializable transaction has read: single keys and ranges of keys of each map. Whether a write of somebody else would have
 * changed it is asked of every write committed since its snapshot: also of a key that was not there, in a range that was read.
 */
import { compareBytes } from '../bson/bytes.ts'
import { lockKey } from './lock-table.ts'

/** Of one map; beyond so many, all of it counts as read. */
const partsMax = 20_000

/** `undefined`: no bound. Both ends were read. */
export class ReadRange {
  lower: Uint8Array | undefined
  lowerLength = 0
  upper: Uint8Array | undefined
  upperLength = 0

  setLower(key: Uint8Array | undefined, length: number): void {
    this.lower = copied(this.lower, key, length)
    this.lowerLength = length
  }

  setUpper(key: Uint8Array | undefined, length: number): void {
    this.upper = copied(this.upper, key, length)
    this.upperLength = length
  }

  includes(key: Uint8Array, length: number): boolean {
    const { lower, upper } = this
    if (lower !== undefined && compareBytes(key, 0, length, lower, 0, this.lowerLength) < 0) return false
    return upper === undefined || compareBytes(key, 0, length, upper, 0, this.upperLength) <= 0
  }
}

interface MapReads {
  readonly points: Set<string>
  readonly ranges: ReadRange[]
  whole: boolean
}

export class ReadSet {
  /** By the map they are in: anything that stands for it. */
  readonly #maps = new Map<object, MapReads>()

  point(map: object, key: Uint8Array, length: number): void {
    const reads = this.#readsOf(map)
    if (!reads.whole) reads.points.add(lockKey(key, length))
    escalate(reads)
  }

  /** A range that its reader widens as it goes. */
  range(map: object): ReadRange {
    const reads = this.#readsOf(map)
    const range = new ReadRange()
    if (!reads.whole) reads.ranges.push(range)
    escalate(reads)
    return range
  }

  includes(map: object, key: Uint8Array): boolean {
    const reads = this.#maps.get(map)
    if (reads === undefined) return false
    if (reads.whole || reads.points.has(lockKey(key, key.length))) return true
    return reads.ranges.some((range) => range.includes(key, key.length))
  }

  #readsOf(map: object): MapReads {
    let reads = this.#maps.get(map)
    if (reads === undefined) {
      reads = { points: new Set(), ranges: [], whole: false }
      this.#maps.set(map, reads)
    }
    return reads
  }
}

function escalate(reads: MapReads): void {
  if (reads.points.size + reads.ranges.length <= partsMax) return
  reads.whole = true
  reads.points.clear()
  reads.ranges.length = 0
}

function copied(into: Uint8Array | undefined, key: Uint8Array | undefined, length: number): Uint8Array | undefined {
  if (key === undefined) return undefined
  const target = into === undefined || into.length < length ? new Uint8Array(length + 16) : into
  for (let i = 0; i < length; i++) target[i] = key[i]!
  return target
}
