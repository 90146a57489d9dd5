/** The k least rows of those added: a heap with the greatest of them at the root. */
import { compareBytes } from '../../bson/key.ts'
import type { FirstPart } from './outsiders.ts'
import type { RunBuilder } from './runs.ts'

interface Row {
  readonly key: Uint8Array
  /** Order of arrival: of equal keys the later row is the greater. */
  readonly sequence: number
  readonly tag: number
  readonly document: Uint8Array
  readonly kind: number
  readonly number: number
}

/** What a row costs besides its bytes, roughly. */
const rowBytes = 160

const noFirstPart: FirstPart = { kind: 0, number: 0 }

export class LeastRows {
  readonly #limit: number
  readonly #heap: Row[] = []
  #sequence = 0
  usedBytes = 0

  /** `limit`: at least 1. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The greatest row, once there are as many as wanted: what is greater than this will not be kept. */
  get bound(): FirstPart | undefined {
    return this.#heap.length === this.#limit ? this.#heap[0] : undefined
  }

  /** `first`: of the row's sort, for `bound`. */
  add(
    key: Uint8Array,
    keyLength: number,
    tag: number,
    document: Uint8Array,
    start: number,
    end: number,
    first: FirstPart = noFirstPart,
  ): void {
    const heap = this.#heap
    const sequence = this.#sequence++
    const full = heap.length === this.#limit
    if (full) {
      const greatest = heap[0]!
      // Of equal keys the new row, the later one, is the greater.
      if (compareBytes(key, 0, keyLength, greatest.key, 0, greatest.key.length) >= 0) return
      this.usedBytes -= sizeOf(greatest)
    }
    const { kind, number } = first
    const row: Row = { key: key.slice(0, keyLength), sequence, tag, document: document.slice(start, end), kind, number }
    this.usedBytes += sizeOf(row)
    if (full) {
      heap[0] = row
      this.#sink()
    } else {
      heap.push(row)
      this.#rise()
    }
  }

  /** Hands the rows over, in order of arrival, so that equal keys stay in it. */
  moveTo(builder: RunBuilder): void {
    this.#heap.sort((a, b) => a.sequence - b.sequence)
    for (const { key, tag, document } of this.#heap) builder.add(key, key.length, tag, document, 0, document.length)
    this.#heap.length = 0
  }

  #rise(): void {
    const heap = this.#heap
    let i = heap.length - 1
    const moved = heap[i]!
    while (i > 0) {
      const parent = (i - 1) >>> 1
      if (!greater(moved, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = moved
  }

  #sink(): void {
    const heap = this.#heap
    const moved = heap[0]!
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && greater(heap[child + 1]!, heap[child]!)) child++
      if (!greater(heap[child]!, moved)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = moved
  }
}

function greater(a: Row, b: Row): boolean {
  const order = compareBytes(a.key, 0, a.key.length, b.key, 0, b.key.length)
  return order !== 0 ? order > 0 : a.sequence > b.sequence
}

function sizeOf(row: Row): number {
  return row.key.length + row.document.length + rowBytes
}
