/**
 * Index entries of one change of a document that are too many for one turn: an array may have a hundred thousand. They are put off when the
 * record is written, and written some at a time, in the order in which they came.
 *
 * INVARIANTS
 *  (1) Nobody is to see the change before all of its entries are there: who puts them off sees to that (`EntryHost`).
 *  (2) No other change of the collection's indexes comes between them: whoever begins one has the rest written first.
 */
import { assert } from '../base/assert.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Index } from '../index/index.ts'
import { KeySet } from '../index/key-set.ts'
import type { Collection } from './collection.ts'

/** Who knows whether entries may be put off, and completes them. */
export interface EntryHost {
  /** Of one change of a document, so many entries are written in its turn. */
  readonly entriesMax: number
  /**
   * Whether a change of more, which has not begun, leaves them to `Collection.writePostponed`. Throws WriteConflict when that is possible only for a
   * change that comes by itself.
   */
  postpones(collection: Collection): boolean
}

interface Work {
  readonly index: Index
  readonly recordId: RecordId
  readonly at: Timestamp
  readonly keys: KeySet
  /** Of the keys; undefined: all. */
  readonly numbers: readonly number[] | undefined
  readonly isRemoval: boolean
}

/** What a replacement does to the entries of one index. */
export interface EntryDifference {
  readonly removed: readonly number[]
  readonly added: readonly number[]
}

/** The numbers of those among `index.oldKeys` that go, and of those among `index.keys` that come. */
export function entryChanges({ keys, oldKeys }: Index): EntryDifference {
  const removed: number[] = []
  const added: number[] = []
  keys.eachChange(
    oldKeys,
    (i) => removed.push(i),
    (i) => added.push(i),
  )
  return { removed, added }
}

export class PostponedEntries {
  readonly #works: Work[] = []
  /** In the first work. */
  #done = 0

  /** The entries that a new record gets: all of `index.keys`. */
  insert(index: Index, recordId: RecordId, at: Timestamp): void {
    this.#put(index, recordId, at, index.keys, undefined, false)
  }

  /** The entries that a removed record had: all of `index.oldKeys`. */
  remove(index: Index, recordId: RecordId, at: Timestamp): void {
    this.#put(index, recordId, at, index.oldKeys, undefined, true)
  }

  replace(index: Index, recordId: RecordId, at: Timestamp, { removed, added }: EntryDifference): void {
    if (removed.length > 0) this.#put(index, recordId, at, index.oldKeys, removed, true)
    if (added.length > 0) this.#put(index, recordId, at, index.keys, added, false)
  }

  #put(
    index: Index,
    recordId: RecordId,
    at: Timestamp,
    found: KeySet,
    numbers: readonly number[] | undefined,
    isRemoval: boolean,
  ): void {
    // Those of the index are used for other documents meanwhile, by transactions too.
    const keys = new KeySet()
    keys.copyEntries(found)
    index.map.incomplete = true
    this.#works.push({ index, recordId, at, keys, numbers, isRemoval })
  }

  /** Writes or removes up to `count`; returns how many. Fewer than that: it was all. */
  step(count: number): number {
    let left = count
    for (;;) {
      const work = this.#works[0]
      if (work === undefined) return count - left
      const total = work.numbers?.length ?? work.keys.count
      const end = Math.min(total, this.#done + left)
      left -= end - this.#done
      doWork(work, this.#done, end)
      this.#done = end
      if (end < total) return count
      this.#works.shift()
      this.#done = 0
      work.index.map.incomplete = this.#works.some(({ index }) => index === work.index)
    }
  }
}

function doWork({ index, recordId, at, keys, numbers, isRemoval }: Work, from: number, to: number): void {
  // The indexes of one that was dropped meanwhile have no tree any more.
  if (index.dropped) return
  for (let n = from; n < to; n++) {
    const i = numbers === undefined ? n : numbers[n]!
    if (isRemoval) assert(index.remove(keys, i, recordId, at), 'a removed entry was there')
    else index.add(keys, i, recordId, at)
  }
}
