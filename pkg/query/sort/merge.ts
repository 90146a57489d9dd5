/** Reading sorted runs, one or many as one. */
import { compareBytes } from '../../bson/key.ts'
import type { Run } from './runs.ts'

/** Rows in order. The current one is entry `position` of `run`, after `next` returned true and until it is called again. */
export interface RunReader {
  readonly run: Run
  readonly position: number
  next(): boolean
}

/** Reads one run. */
export class SingleRun implements RunReader {
  readonly run: Run
  position = -1

  constructor(run: Run) {
    this.run = run
  }

  next(): boolean {
    return ++this.position < this.run.count
  }
}

/** Reads what is on disk already, then the rest, all of which sorts behind it. */
export class Continued implements RunReader {
  #current: RunReader
  #rest: RunReader | undefined

  constructor(first: RunReader, rest: RunReader) {
    this.#current = first
    this.#rest = rest
  }

  get run(): Run {
    return this.#current.run
  }

  get position(): number {
    return this.#current.position
  }

  next(): boolean {
    if (this.#current.next()) return true
    if (this.#rest === undefined) return false
    this.#current = this.#rest
    this.#rest = undefined
    return this.#current.next()
  }
}

const noRun: Run = {
  count: 0,
  bytes: new Uint8Array(0),
  heads: new Float64Array(0),
  keyStarts: new Uint32Array(0),
  keyEnds: new Uint32Array(0),
  documentStarts: new Uint32Array(0),
  documentEnds: new Uint32Array(0),
  tags: new Float64Array(0),
  usedBytes: 0,
}

/** Reads several as one: a heap of them by their current row; of equal keys the earlier reader's comes first. */
export class RunMerge implements RunReader {
  readonly #readers: readonly RunReader[]
  /** Numbers of the readers that have a row, the one with the least at the root. */
  readonly #heap: number[] = []
  #started = false
  run: Run = noRun
  position = 0

  constructor(readers: readonly RunReader[]) {
    this.#readers = readers
  }

  next(): boolean {
    const heap = this.#heap
    if (this.#started) this.#advanceRoot()
    else this.#start()
    const root = heap[0]
    if (root === undefined) return false
    const reader = this.#readers[root]!
    this.run = reader.run
    this.position = reader.position
    return true
  }

  #start(): void {
    const heap = this.#heap
    this.#started = true
    this.#readers.forEach((reader, number) => {
      if (reader.next()) heap.push(number)
    })
    for (let i = (heap.length >>> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  #advanceRoot(): void {
    const heap = this.#heap
    const root = heap[0]
    if (root === undefined) return
    if (!this.#readers[root]!.next()) {
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
    const { run: x, position: i } = this.#readers[a]!
    const { run: y, position: j } = this.#readers[b]!
    const byHead = x.heads[i]! - y.heads[j]!
    if (byHead !== 0) return byHead < 0
    const order = compareBytes(x.bytes, x.keyStarts[i]!, x.keyEnds[i]!, y.bytes, y.keyStarts[j]!, y.keyEnds[j]!)
    return order !== 0 ? order < 0 : a < b
  }
}
