/**
 * What is known of an index's values without reading it: how many distinct ones there are, and how they lie.
 *
 * Keys at equal distances through the index are its histogram: of n keys, the i-th has i/n of the entries before it, so that the share
 * of the leading path's values in an interval is the share of the keys in it; later parts of the key are told by the
 * same keys, without their order. How many distinct values the first parts have follows from how many entries share those
 * of each sampled key: an entry that f entries are equal to stands for 1/f of a value.
 *
 * How many entries lie in one range of keys is not kept here: the index tells that itself, at any moment, from its tree.
 */
import { compareBytes, keyEnd } from '../bson/key.ts'
import { afterAll, firstReaching, type KeyRanges } from './key-ranges.ts'
import type { QueryIndex, QuerySource } from './plan-source.ts'

/** Keys of an index that are kept, and how long they may be: 13 KB an index at most, 3 KB as a rule. */
const sampleCount = 100
const keyLengthMax = 128

/** Fewer changes than this say nothing new. */
const changesMin = 500
const changedShare = 0.2

export class IndexStatistics {
  readonly entryCount: number
  /** Of the first part of the key, the first two, and so on: how many distinct values. */
  readonly distinct: readonly number[]
  /** Ascending. */
  readonly #keys: readonly Uint8Array[]

  constructor(entryCount: number, distinct: readonly number[], keys: readonly Uint8Array[]) {
    this.entryCount = entryCount
    this.distinct = distinct
    this.#keys = keys
  }

  get sizeBytes(): number {
    return this.#keys.reduce((sum, key) => sum + key.length + 64, 256)
  }

  /** The share of entries whose key has part `part` in one of the ranges, 0..1; at least what half a sampled key would be. */
  shareOf(part: number, ranges: KeyRanges): number {
    const keys = this.#keys
    if (keys.length === 0) return 1
    let within = 0
    for (const key of keys) {
      let start = 0
      for (let i = 0; i < part; i++) start = keyEnd(key, start)
      const end = keyEnd(key, start)
      if (isWithin(key, start, end, ranges)) within++
    }
    return Math.max(within, 0.5) / keys.length
  }
}

function isWithin(key: Uint8Array, start: number, end: number, ranges: KeyRanges): boolean {
  const range = ranges.at(firstReaching(ranges, 0, key, start, end))
  if (range === undefined) return false
  return range.lower === undefined || compareBytes(key, start, end, range.lower, 0, range.lower.length) >= 0
}

export class CollectionStatistics {
  readonly documentCount: number
  readonly #changeCount: number
  readonly #indexes: ReadonlyMap<QueryIndex, IndexStatistics>

  constructor(documentCount: number, changeCount: number, indexes: ReadonlyMap<QueryIndex, IndexStatistics>) {
    this.documentCount = documentCount
    this.#changeCount = changeCount
    this.#indexes = indexes
  }

  of(index: QueryIndex): IndexStatistics | undefined {
    return this.#indexes.get(index)
  }

  /** Whether so much has changed since that it should be looked at again. */
  isStale(source: QuerySource): boolean {
    if (source.indexes.some((index) => !this.#indexes.has(index))) return true
    const changes = source.changeCount - this.#changeCount
    return changes > changesMin + changedShare * this.documentCount
  }

  get sizeBytes(): number {
    let size = 256
    for (const statistics of this.#indexes.values()) size += statistics.sizeBytes
    return size
  }
}

/** Takes the statistics of a collection, a few keys at a time. */
export class Sampling {
  readonly #source: QuerySource
  readonly #indexes: readonly QueryIndex[]
  readonly #documentCount: number
  readonly #changeCount: number
  readonly #done = new Map<QueryIndex, IndexStatistics>()
  #keys: Uint8Array[] = []
  /** Of each number of first parts, the sum over the keys of 1/f. */
  #shares: number[] = []
  #nextKey = 0

  constructor(source: QuerySource) {
    this.#source = source
    this.#indexes = source.indexes
    this.#documentCount = source.documentCount
    this.#changeCount = source.changeCount
  }

  /** Looks at one key, which takes some microseconds, or some page reads; the statistics when that was the last. */
  step(): CollectionStatistics | undefined {
    const index = this.#indexes[this.#done.size]
    if (index === undefined || this.#source.dropped) {
      return new CollectionStatistics(this.#documentCount, this.#changeCount, this.#done)
    }
    if (this.#nextKey < sampleCount && this.#source.indexes.includes(index)) {
      const key = index.keyAt((this.#nextKey + 0.5) / sampleCount, keyLengthMax)
      this.#nextKey++
      if (key !== undefined) this.#add(index, key)
      return undefined
    }
    this.#finish(index)
    return undefined
  }

  #add(index: QueryIndex, key: Uint8Array): void {
    this.#keys.push(key)
    let end = 0
    for (let part = 0; end < key.length; part++) {
      end = keyEnd(key, end)
      const first = key.subarray(0, end)
      const equal = index.entryCount(first, afterAll(first))
      this.#shares[part] = (this.#shares[part] ?? 0) + 1 / Math.max(1, equal)
    }
  }

  #finish(index: QueryIndex): void {
    const gone = !this.#source.indexes.includes(index)
    const entryCount = gone ? 0 : index.entryCount()
    const count = Math.max(1, this.#keys.length)
    const distinct = this.#shares.map((share) => Math.max(1, Math.round((share / count) * entryCount)))
    this.#keys.sort((a, b) => compareBytes(a, 0, a.length, b, 0, b.length))
    this.#done.set(index, new IndexStatistics(entryCount, distinct, this.#keys))
    this.#keys = []
    this.#shares = []
    this.#nextKey = 0
  }
}
