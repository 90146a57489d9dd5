/**
 * Index entries on their way into an index: keys and values side by side in memory, in short runs that are sorted when they are full,
 * given out merged. An entry of 30 bytes costs about 50; `isFull` says when to load what is there before more is added.
 *
 * Each run has memory of its own, so that no step takes longer the more there is.
 */
import type { RecordId } from '../base/ids.ts'
import { compareBytes } from '../bson/key.ts'
import type { Index } from '../index/index.ts'
import { recordIdLength, writeRecordId } from '../index/record-id.ts'

/** Sorting so many takes some milliseconds. */
const runEntries = 2048
const runBytes = 256 * 1024
const fullBytes = 48 * 1024 * 1024

class Run {
  bytes = new Uint8Array(64 * 1024)
  length = 0
  count = 0
  /** Of entry i: where its key begins, where its value begins (and the key ends), where that ends. */
  readonly starts = new Uint32Array(runEntries)
  readonly middles = new Uint32Array(runEntries)
  readonly ends = new Uint32Array(runEntries)
  readonly order = new Uint16Array(runEntries)
  /** The first in `order` that has not been taken. */
  at = 0

  get isFull(): boolean {
    return this.count === runEntries || this.length >= runBytes
  }

  add(index: Index, i: number, recordId: RecordId): void {
    const { keys } = index
    const keyLength = keys.ends[i]! - keys.starts[i]!
    this.#reserve(keyLength + 2 * recordIdLength + keys.partCount + 1)
    const { bytes, count } = this
    let at = this.length
    this.starts[count] = at
    const from = keys.writer.bytes
    for (let j = keys.starts[i]!; j < keys.ends[i]!; j++) bytes[at++] = from[j]!
    if (index.layout === 'shared') at = writeRecordId(bytes, at, recordId)
    this.middles[count] = at
    at += index.writeValue(keys, i, recordId, bytes.subarray(at))
    this.ends[count] = at
    this.length = at
    this.order[count] = count
    this.count++
  }

  sort(): void {
    const { bytes, starts, middles } = this
    this.order
      .subarray(0, this.count)
      .sort((a, b) => compareBytes(bytes, starts[a]!, middles[a]!, bytes, starts[b]!, middles[b]!))
  }

  /** Whether its next entry comes before that of another. */
  isBefore(other: Run): boolean {
    const a = this.order[this.at]!
    const b = other.order[other.at]!
    return (
      compareBytes(this.bytes, this.starts[a]!, this.middles[a]!, other.bytes, other.starts[b]!, other.middles[b]!) < 0
    )
  }

  #reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const bytes = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more))
    bytes.set(this.bytes.subarray(0, this.length))
    this.bytes = bytes
  }
}

export class IndexEntries {
  #sizeBytes = 0
  #filling: Run | undefined
  /** Sorted; while entries are given out a heap by their next ones. */
  #runs: Run[] = []
  /** The current entry, after `next`: its key lies in `bytes` from `start` to `middle`, its value from there to `end`. */
  bytes = new Uint8Array(0)
  start = 0
  middle = 0
  end = 0

  get isFull(): boolean {
    return this.#sizeBytes >= fullBytes
  }

  /** Adds the entries of one record, or those from key `from` to key `to`. */
  add(index: Index, recordId: RecordId, from = 0, to = index.keys.count): void {
    for (let i = from; i < to; i++) {
      this.#filling ??= new Run()
      const run = this.#filling
      const before = run.length
      run.add(index, i, recordId)
      this.#sizeBytes += run.length - before
      if (run.isFull) this.#endRun(run)
    }
  }

  /** No more entries are added: `next` gives them out in order. */
  finish(): void {
    if (this.#filling !== undefined) this.#endRun(this.#filling)
    for (let i = (this.#runs.length >>> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  /** To the next entry in the order of keys; false: all have been given out. */
  next(): boolean {
    const run = this.#runs[0]
    if (run === undefined) return false
    const entry = run.order[run.at++]!
    this.bytes = run.bytes
    this.start = run.starts[entry]!
    this.middle = run.middles[entry]!
    this.end = run.ends[entry]!
    if (run.at === run.count) {
      const last = this.#runs.pop()!
      if (this.#runs.length > 0) this.#runs[0] = last
    }
    if (this.#runs.length > 1) this.#sink(0)
    return true
  }

  #endRun(run: Run): void {
    run.sort()
    this.#runs.push(run)
    this.#filling = undefined
  }

  #sink(at: number): void {
    const runs = this.#runs
    for (;;) {
      let least = 2 * at + 1
      if (least >= runs.length) return
      if (least + 1 < runs.length && runs[least + 1]!.isBefore(runs[least]!)) least++
      if (!runs[least]!.isBefore(runs[at]!)) return
      const moved = runs[at]!
      runs[at] = runs[least]!
      runs[least] = moved
      at = least
    }
  }
}
