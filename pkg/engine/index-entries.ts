/**
 * Index entries on their way into an index: keys and values side by side in memory, sorted in short runs, given out merged.
 * An entry of 30 bytes costs about 50; `isFull` says when to load what is there before more is added.
 */
import type { RecordId } from '../base/ids.ts'
import { compareBytes } from '../bson/key.ts'
import type { Index } from '../index/index.ts'
import { recordIdLength, writeRecordId } from '../index/record-id.ts'

/** Sorting so many takes some milliseconds. */
const runEntries = 4096
const fullBytes = 48 * 1024 * 1024

export class IndexEntries {
  bytes = new Uint8Array(64 * 1024)
  #length = 0
  count = 0
  /** Of entry i: where its key begins, where its value begins (and the key ends), where that ends. */
  starts = new Float64Array(1024)
  middles = new Float64Array(1024)
  ends = new Float64Array(1024)
  #order = new Uint32Array(1024)
  #sortedCount = 0
  /** Runs of `#order`, as a heap by their first entry not yet taken. */
  #runs: { at: number; readonly end: number }[] = []

  get isFull(): boolean {
    return this.#length >= fullBytes
  }

  /** Adds the entries of one record. */
  add(index: Index, recordId: RecordId): void {
    const { keys } = index
    for (let i = 0; i < keys.count; i++) {
      const keyLength = keys.ends[i]! - keys.starts[i]!
      this.#reserve(keyLength + 2 * recordIdLength + keys.partCount + 1)
      const { bytes } = this
      let at = this.#length
      this.starts[this.count] = at
      const from = keys.writer.bytes
      for (let j = keys.starts[i]!; j < keys.ends[i]!; j++) bytes[at++] = from[j]!
      if (index.layout === 'shared') at = writeRecordId(bytes, at, recordId)
      this.middles[this.count] = at
      const value = bytes.subarray(at)
      at += index.writeValue(keys, i, recordId, value)
      this.ends[this.count] = at
      this.#length = at
      this.#order[this.count] = this.count
      this.count++
      if (this.count - this.#sortedCount === runEntries) this.#sortRun()
    }
  }

  /** No more entries are added: `next` gives them out in order. */
  finish(): void {
    if (this.count > this.#sortedCount) this.#sortRun()
    for (let i = (this.#runs.length >>> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  /** The next entry in the order of keys; -1: all have been given out. */
  next(): number {
    const run = this.#runs[0]
    if (run === undefined) return -1
    const entry = this.#order[run.at++]!
    if (run.at === run.end) {
      const last = this.#runs.pop()!
      if (this.#runs.length > 0) this.#runs[0] = last
    }
    if (this.#runs.length > 1) this.#sink(0)
    return entry
  }

  compare(a: number, b: number): number {
    const { bytes, starts, middles } = this
    return compareBytes(bytes, starts[a]!, middles[a]!, bytes, starts[b]!, middles[b]!)
  }

  #sortRun(): void {
    this.#order.subarray(this.#sortedCount, this.count).sort((a, b) => this.compare(a, b))
    this.#runs.push({ at: this.#sortedCount, end: this.count })
    this.#sortedCount = this.count
  }

  #sink(at: number): void {
    const runs = this.#runs
    for (;;) {
      let least = 2 * at + 1
      if (least >= runs.length) return
      if (least + 1 < runs.length && this.#before(runs[least + 1]!, runs[least]!)) least++
      if (!this.#before(runs[least]!, runs[at]!)) return
      const moved = runs[at]!
      runs[at] = runs[least]!
      runs[least] = moved
      at = least
    }
  }

  #before(a: { readonly at: number }, b: { readonly at: number }): boolean {
    return this.compare(this.#order[a.at]!, this.#order[b.at]!) < 0
  }

  #reserve(more: number): void {
    if (this.count === this.starts.length) {
      this.starts = grown(this.starts)
      this.middles = grown(this.middles)
      this.ends = grown(this.ends)
      const order = new Uint32Array(this.#order.length * 2)
      order.set(this.#order)
      this.#order = order
    }
    if (this.#length + more <= this.bytes.length) return
    const bytes = new Uint8Array(Math.max(this.bytes.length * 2, this.#length + more))
    bytes.set(this.bytes.subarray(0, this.#length))
    this.bytes = bytes
  }
}

function grown(array: Float64Array): Float64Array<ArrayBuffer> {
  const bigger = new Float64Array(array.length * 2)
  bigger.set(array)
  return bigger
}
