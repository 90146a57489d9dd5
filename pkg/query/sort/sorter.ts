/**
 * Sorting rows by their keys, in slices: rows are added one at a time, then come out one at a time, and no call takes
 * longer than sorting one run.
 *
 *   all rows        runs of 4096 entries, each sorted when it is full, merged while they are read
 *   the first k     a heap of the k least, when k is small
 *
 * A row is what its owner finds it by again (`tag`, a record id) and, when it cannot be found again, its document.
 * Rows of equal keys come out in the order they were added.
 */
import { assert } from '../../base/assert.ts'
import { DatabaseError } from '../../base/errors.ts'
import { LeastRows } from './least.ts'
import { type Run, RunBuilder, RunMerge } from './runs.ts'

/** MongoDB's limit for one blocking stage. */
export const sortMemoryDefaultBytes = 100 * 1024 * 1024

/** Up to so many rows a heap is kept; its rows are sorted in one go at the end. */
const heapRowsMax = 4096

const noDocument = new Uint8Array(0)

export interface SorterOptions {
  /** Only so many rows will be read; undefined: all. */
  readonly limit?: number | undefined
  readonly memoryLimitBytes?: number
}

export class Sorter {
  readonly #memoryLimitBytes: number
  readonly #least: LeastRows | undefined
  readonly #runs: Run[] = []
  #builder: RunBuilder | undefined
  #merge: RunMerge | undefined
  #runBytes = 0
  /** Of the current row, after `next`. */
  tag = 0
  document: Uint8Array = noDocument
  documentStart = 0
  documentEnd = 0

  constructor(options: SorterOptions = {}) {
    this.#memoryLimitBytes = options.memoryLimitBytes ?? sortMemoryDefaultBytes
    if (options.limit !== undefined && options.limit <= heapRowsMax) this.#least = new LeastRows(options.limit)
  }

  get usedBytes(): number {
    return this.#least?.usedBytes ?? this.#runBytes + (this.#builder?.usedBytes ?? 0)
  }

  /** Adds a row; key and document are copied. Throws QueryExceededMemoryLimitNoDiskUseAllowed (292). */
  add(
    key: Uint8Array,
    keyLength: number,
    tag: number,
    document: Uint8Array = noDocument,
    start = 0,
    end = document.length,
  ): void {
    assert(this.#merge === undefined, 'a sorter takes no rows once it is being read')
    if (this.#least !== undefined) this.#least.add(key, keyLength, tag, document, start, end)
    else {
      this.#builder ??= new RunBuilder()
      this.#builder.add(key, keyLength, tag, document, start, end)
      if (this.#builder.full) this.#closeRun()
    }
    if (this.usedBytes > this.#memoryLimitBytes) this.#exceeded()
  }

  /** To the next row in order. */
  next(): boolean {
    this.#merge ??= this.#startReading()
    if (!this.#merge.next()) return false
    const { run, position } = this.#merge
    this.tag = run.tags[position]!
    this.document = run.bytes
    this.documentStart = run.documentStarts[position]!
    this.documentEnd = run.documentEnds[position]!
    return true
  }

  #startReading(): RunMerge {
    if (this.#least !== undefined) {
      this.#builder = new RunBuilder()
      this.#least.moveTo(this.#builder)
    }
    if (this.#builder !== undefined) this.#closeRun()
    return new RunMerge(this.#runs)
  }

  #closeRun(): void {
    const run = this.#builder!.sort()
    this.#runBytes += run.usedBytes
    this.#runs.push(run)
    this.#builder = undefined
  }

  /** Where runs will go to disk. */
  #exceeded(): never {
    throw new DatabaseError(
      'QueryExceededMemoryLimitNoDiskUseAllowed',
      `Sort exceeded memory limit of ${this.#memoryLimitBytes} bytes, but did not opt in to external sorting.`,
    )
  }
}
