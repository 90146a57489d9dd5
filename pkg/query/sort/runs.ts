/** Sorted runs of rows and their merge. */
import { compareBytes } from '../../bson/key.ts'

export const runRowsMax = 4096

/** Rows in order, as columns: entry i's key and document lie in `bytes`. */
export interface Run {
  readonly count: number
  readonly bytes: Uint8Array
  /** The first six bytes of each key as a number, so that most comparisons are of two numbers. */
  readonly heads: Float64Array
  readonly keyStarts: Uint32Array
  readonly keyEnds: Uint32Array
  readonly documentStarts: Uint32Array
  readonly documentEnds: Uint32Array
  readonly tags: Float64Array
  readonly usedBytes: number
}

/** The columns: eight bytes for head and tag, four for each offset. */
const entryBytes = 32
const headLength = 6
/** A run is closed early when its rows are large, so that a run's bytes stay addressable and its sort short. */
const runBytesMax = 16 * 1024 * 1024

export class RunBuilder {
  #bytes = new Uint8Array(64 * 1024)
  #length = 0
  #count = 0
  readonly #heads = new Float64Array(runRowsMax)
  readonly #keyStarts = new Uint32Array(runRowsMax)
  readonly #keyEnds = new Uint32Array(runRowsMax)
  readonly #documentEnds = new Uint32Array(runRowsMax)
  readonly #tags = new Float64Array(runRowsMax)

  get full(): boolean {
    return this.#count === runRowsMax || this.#length >= runBytesMax
  }

  get usedBytes(): number {
    return this.#length + this.#count * entryBytes
  }

  add(key: Uint8Array, keyLength: number, tag: number, document: Uint8Array, start: number, end: number): void {
    const entry = this.#count++
    this.#ensure(keyLength + end - start)
    const bytes = this.#bytes
    const keyStart = this.#length
    const keyEnd = keyStart + keyLength
    for (let i = 0; i < keyLength; i++) bytes[keyStart + i] = key[i]!
    if (end > start) bytes.set(document.subarray(start, end), keyEnd)
    this.#length = keyEnd + end - start
    this.#heads[entry] = headOf(bytes, keyStart, keyEnd)
    this.#keyStarts[entry] = keyStart
    this.#keyEnds[entry] = keyEnd
    this.#documentEnds[entry] = this.#length
    this.#tags[entry] = tag
  }

  /** The rows in order; the builder must not be used again. */
  sort(): Run {
    const { heads, keyStarts, keyEnds } = { heads: this.#heads, keyStarts: this.#keyStarts, keyEnds: this.#keyEnds }
    const bytes = this.#bytes.slice(0, this.#length)
    const order = new Uint16Array(this.#count)
    for (let i = 0; i < order.length; i++) order[i] = i
    order.sort(
      (a, b) =>
        heads[a]! - heads[b]! ||
        compareBytes(bytes, keyStarts[a]!, keyEnds[a]!, bytes, keyStarts[b]!, keyEnds[b]!) ||
        a - b,
    )
    return {
      count: order.length,
      bytes,
      heads: Float64Array.from(order, (entry) => heads[entry]!),
      keyStarts: Uint32Array.from(order, (entry) => keyStarts[entry]!),
      keyEnds: Uint32Array.from(order, (entry) => keyEnds[entry]!),
      documentStarts: Uint32Array.from(order, (entry) => keyEnds[entry]!),
      documentEnds: Uint32Array.from(order, (entry) => this.#documentEnds[entry]!),
      tags: Float64Array.from(order, (entry) => this.#tags[entry]!),
      usedBytes: bytes.length + order.length * entryBytes,
    }
  }

  #ensure(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

function headOf(bytes: Uint8Array, start: number, end: number): number {
  let head = 0
  for (let i = 0; i < headLength; i++) head = head * 256 + (start + i < end ? bytes[start + i]! : 0)
  return head
}

/** Reads runs as one: a heap of the runs by their current entry; of equal keys the earlier run's comes first. */
export class RunMerge {
  readonly #runs: readonly Run[]
  readonly #positions: Uint32Array
  /** Run numbers, the least current entry at the root. */
  readonly #heap: number[] = []
  #started = false
  run: Run
  position = 0

  constructor(runs: readonly Run[]) {
    this.#runs = runs.filter((run) => run.count > 0)
    this.#positions = new Uint32Array(this.#runs.length)
    this.run = this.#runs[0]!
    this.#runs.forEach((_, number) => {
      this.#heap.push(number)
    })
    for (let i = (this.#heap.length >>> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  next(): boolean {
    const heap = this.#heap
    if (this.#started && heap.length > 0) this.#advanceRoot()
    this.#started = true
    const root = heap[0]
    if (root === undefined) return false
    this.run = this.#runs[root]!
    this.position = this.#positions[root]!
    return true
  }

  #advanceRoot(): void {
    const heap = this.#heap
    const root = heap[0]!
    const position = ++this.#positions[root]!
    if (position === this.#runs[root]!.count) {
      const last = heap.pop()!
      if (heap.length === 0) return
      heap[0] = last
    }
    this.#sink(0)
  }

  #sink(i: number): void {
    const heap = this.#heap
    const moved = heap[i]!
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++
      if (!this.#before(heap[child]!, moved)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = moved
  }

  #before(a: number, b: number): boolean {
    const x = this.#runs[a]!
    const y = this.#runs[b]!
    const i = this.#positions[a]!
    const j = this.#positions[b]!
    const byHead = x.heads[i]! - y.heads[j]!
    if (byHead !== 0) return byHead < 0
    const order = compareBytes(x.bytes, x.keyStarts[i]!, x.keyEnds[i]!, y.bytes, y.keyStarts[j]!, y.keyEnds[j]!)
    return order !== 0 ? order < 0 : a < b
  }
}
