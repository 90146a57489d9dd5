/** The blocking sort: keys and record ids are kept, and the documents read again when their turn comes. */
import { assert } from '../base/assert.ts'
import { Detour } from '../base/detour.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { KeyWriter } from '../bson/key.ts'
import { readInt32 } from '../bson/value.ts'
import { atRow, ended, type Progress, paused, type RowSource, type Work } from './execute-source.ts'
import type { Entry } from './index-key.ts'
import type { BytesRef, QuerySource } from './plan-source.ts'
import { compileSort, type SortKeyOf } from './sort/key.ts'
import { compileLongSort } from './sort/long-key.ts'
import { Outsiders } from './sort/outsiders.ts'
import type { Sort } from './sort/parse.ts'
import { Sorter, type SorterOptions } from './sort/sorter.ts'

export class SortedRows implements RowSource, BytesRef {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #input: RowSource
  readonly #work: Work
  readonly #keyOf: SortKeyOf
  readonly #key = new KeyWriter()
  readonly #sorter: Sorter
  readonly #outsiders: Outsiders | undefined
  /** The input leaves the outsiders out itself. */
  readonly #isScreened: boolean
  #filled = false
  /** A row whose key is being made elsewhere. */
  #waiting: { readonly bytes: Uint8Array; readonly recordId: RecordId } | undefined
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  recordId = 0 as RecordId

  /** `mayWait`: whoever advances it begins again after a `Detour`. */
  constructor(
    source: QuerySource,
    at: Timestamp,
    input: RowSource,
    sort: Sort,
    options: SorterOptions,
    work: Work,
    mayWait: boolean,
  ) {
    this.#source = source
    this.#at = at
    this.#input = input
    this.#work = work
    this.#keyOf = mayWait ? compileLongSort(sort) : compileSort(sort)
    this.#sorter = new Sorter(options)
    this.#outsiders = this.#sorter.keepsFirst ? Outsiders.of(sort) : undefined
    if (this.#outsiders !== undefined) input.leaveOut?.(this.#outsiders)
    this.#isScreened = this.#outsiders === undefined || input.leaveOut !== undefined
  }

  /** Of which index the rows came, without the keys. */
  get entry(): Entry | undefined {
    const index = this.#input.entry?.index
    return index && { index, key: undefined }
  }

  advance(budget: number): Progress {
    if (!this.#filled && !this.#fill(budget)) return paused
    if (!this.#sorter.next()) return ended
    this.recordId = this.#sorter.tag as RecordId
    assert(this.#source.read(this.recordId, this.#at, this), 'a sorted record is still there at its snapshot')
    return atRow
  }

  /** Whether all input has been taken in. */
  #fill(budget: number): boolean {
    const input = this.#input
    const outsiders = this.#outsiders
    const work = this.#work
    const stop = work.docsExamined + work.keysExamined + budget
    const waiting = this.#waiting
    if (waiting !== undefined) {
      this.#add(waiting.bytes, 0, waiting.recordId)
      this.#waiting = undefined
    }
    for (;;) {
      const left = stop - work.docsExamined - work.keysExamined
      if (left <= 0) return false
      const progress = input.advance(left)
      if (progress === ended) break
      if (progress === paused) return false
      if (!this.#isScreened && outsiders!.includes(input.bytes, input.start)) continue
      this.#add(input.bytes, input.start, input.recordId)
    }
    input.close()
    this.#filled = true
    return true
  }

  /** A row whose key takes long waits here: the input's is gone when others have run. */
  #add(bytes: Uint8Array, start: number, recordId: RecordId): void {
    const key = this.#key.reset()
    try {
      this.#keyOf(bytes, start, key)
    } catch (error) {
      if (error instanceof Detour)
        this.#waiting ??= { bytes: bytes.slice(start, start + readInt32(bytes, start)), recordId }
      throw error
    }
    if (this.#outsiders === undefined) this.#sorter.add(key.bytes, key.length, recordId)
    else this.#sorter.addInsider(this.#outsiders, key.bytes, key.length, recordId)
  }

  save(): void {
    if (!this.#filled) this.#input.save()
  }

  close(): void {
    this.#sorter.close()
    this.#input.close()
  }
}
