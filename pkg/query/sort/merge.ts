/** Reading sorted runs, one or many as one. */
import { compareBytes } from '../../bson/key.ts'
import { type Run, releaseRun } from './runs.ts'

/** Rows in order. The current one is entry `position` of `run`, after `next` returned true and until it is called again. */
export interface RunReader {
  readonly run: Run
  readonly position: number
  next(): boolean
}

/** Reads one run, and gives its memory back behind the last row. */
export class SingleRun implements RunReader {
  readonly run: Run
  position = -1

  constructor(run: Run) {
    this.run = run
  }

  next(): boolean {
    if (++this.position < this.run.count) return true
    releaseRun(this.run)
    return false
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

/** How many bytes the keys of sorted runs all begin with: those that the least and the greatest key of each do. */
export function sharedLength(runs: readonly Run[]): number {
  const [first] = runs
  if (first === undefined || first.count === 0) return 0
  const { bytes } = first
  const start = first.keyStarts[0]!
  let shared = first.keyEnds[0]! - start
  for (const run of runs) {
    for (const i of [0, run.count - 1]) {
      const from = run.keyStarts[i]!
      const most = Math.min(shared, run.keyEnds[i]! - from)
      let same = 0
      while (same < most && run.bytes[from + same] === bytes[start + same]) same++
      shared = same
    }
  }
  return shared
}

const noRun: Run = {
  count: 0,
  bytes: new Uint8Array(0),
  keyStarts: new Uint32Array(0),
  keyEnds: new Uint32Array(0),
  documentStarts: new Uint32Array(0),
  documentEnds: new Uint32Array(0),
  tags: new Float64Array(0),
  usedBytes: 0,
}

/** Bytes of a key that make a number, so that most comparisons are of two numbers. */
const headLength = 6

/**
 * Reads several as one: a heap of them by their current row; of equal keys the earlier reader's comes first.
 */
export class RunMerge implements RunReader {
  readonly #readers: readonly RunReader[]
  /** Bytes that all keys begin with, and by reader the number that the next bytes of its current key make. */
  readonly #shared: number
  readonly #heads: Float64Array
  /** Numbers of the readers that have a row, the one with the least at the root. */
  readonly #heap: number[] = []
  #started = false
  run: Run = noRun
  position = 0

  /** `shared`: how many bytes all keys of the readers begin with, as far as it is known. */
  constructor(readers: readonly RunReader[], shared = 0) {
    this.#readers = readers
    this.#shared = shared
    this.#heads = new Float64Array(readers.length)
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
      if (!reader.next()) return
      this.#heads[number] = this.#headOf(reader)
      heap.push(number)
    })
    for (let i = (heap.length >>> 1) - 1; i >= 0; i--) this.#sink(i)
  }

  #advanceRoot(): void {
    const heap = this.#heap
    const root = heap[0]
    if (root === undefined) return
    const reader = this.#readers[root]!
    if (reader.next()) this.#heads[root] = this.#headOf(reader)
    else {
      const last = heap.pop()!
      if (heap.length === 0) return
      heap[0] = last
    }
    this.#sink(0)
  }

  #headOf({ run, position }: RunReader): number {
    const { bytes } = run
    const start = run.keyStarts[position]! + this.#shared
    const end = run.keyEnds[position]!
    let head = 0
    for (let at = start; at < start + headLength; at++) head = head * 256 + (at < end ? bytes[at]! : 0)
    return head
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
    const byHead = this.#heads[a]! - this.#heads[b]!
    if (byHead !== 0) return byHead < 0
    const { run: x, position: i } = this.#readers[a]!
    const { run: y, position: j } = this.#readers[b]!
    const order = compareBytes(x.bytes, x.keyStarts[i]!, x.keyEnds[i]!, y.bytes, y.keyStarts[j]!, y.keyEnds[j]!)
    return order !== 0 ? order < 0 : a < b
  }
}
