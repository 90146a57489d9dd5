/**
 * Sorting rows by their keys, in slices: rows are added one at a time, then come out one at a time, and no call takes
 * longer than sorting one run.
 *
 *   all rows        runs of 4096 entries, each sorted when it is full, merged while they are read
 *   the first k     a heap of the k least, when k is small
 *   beyond memory   the runs in memory are merged to one on disk, a few rows with each row that is added
 *
 * A row is what its owner finds it by again (`tag`, a record id) and, when it cannot be found again, its document.
 * Rows of equal keys come out in the order they were added.
 */
import { assert } from '../../base/assert.ts'
import { DatabaseError } from '../../base/errors.ts'
import type { File } from '../../io/disk.ts'
import { LeastRows } from './least.ts'
import { Continued, RunMerge, type RunReader, SingleRun, sharedLength } from './merge.ts'
import type { Outsiders } from './outsiders.ts'
import { type Run, RunBuilder } from './runs.ts'
import { SpilledRun } from './spilled-run.ts'

/** MongoDB's limit for one blocking stage. */
export const sortMemoryDefaultBytes = 100 * 1024 * 1024

/** Up to so many rows a heap is kept; its rows are sorted in one go at the end. */
const heapRowsMax = 4096

/** Of the memory limit: where spilling begins, since its rows stay in memory until the last of them is written. */
const spillingShare = 0.75
/** Rows written for each one added; more when they are added faster than that makes room. */
const rowsPerAdd = 8
const rowsPerAddInHaste = 64

const noDocument = new Uint8Array(0)

export interface SorterOptions {
  /** Only so many rows will be read; undefined: all. */
  readonly limit?: number | undefined
  readonly memoryLimitBytes?: number
  /** Makes an empty file that is gone when it is closed; undefined: nothing may go to disk. */
  readonly temporaryFile?: (() => File) | undefined
}

/** Runs on their way to disk. */
interface Spilling {
  readonly merge: RunMerge
  readonly target: SpilledRun
  /** What they occupy until all is written. */
  readonly usedBytes: number
}

export class Sorter {
  readonly #memoryLimitBytes: number
  readonly #temporaryFile: (() => File) | undefined
  #least: LeastRows | undefined
  #runs: Run[] = []
  #builder: RunBuilder | undefined
  #merge: RunMerge | undefined
  #runBytes = 0
  readonly #spilled: SpilledRun[] = []
  #spilling: Spilling | undefined
  #closed = false
  /** Of the current row, after `next`. */
  tag = 0
  document: Uint8Array = noDocument
  documentStart = 0
  documentEnd = 0

  constructor(options: SorterOptions = {}) {
    this.#memoryLimitBytes = options.memoryLimitBytes ?? sortMemoryDefaultBytes
    this.#temporaryFile = options.temporaryFile
    if (options.limit !== undefined && options.limit <= heapRowsMax) this.#least = new LeastRows(options.limit)
  }

  /** Whether it keeps no more than the first rows, so far. */
  get keepsFirst(): boolean {
    return this.#least !== undefined
  }

  get usedBytes(): number {
    const spilling = this.#spilling?.usedBytes ?? 0
    return this.#least?.usedBytes ?? this.#runBytes + (this.#builder?.usedBytes ?? 0) + spilling
  }

  /** On disk. */
  get spilledBytes(): number {
    return this.#spilled.reduce((sum, run) => sum + run.sizeBytes, 0)
  }

  /**
   * Adds a row; key and document are copied. Throws QueryExceededMemoryLimitNoDiskUseAllowed (292), or what writing the temporary
   * file throws.
   */
  add(
    key: Uint8Array,
    keyLength: number,
    tag: number,
    document: Uint8Array = noDocument,
    start = 0,
    end = document.length,
  ): void {
    assert(this.#merge === undefined, 'a sorter takes no rows once it is being read')
    if (this.#least !== undefined) {
      this.#least.add(key, keyLength, tag, document, start, end)
      if (this.#least.usedBytes > this.#memoryLimitBytes) this.#giveUpHeap()
      return
    }
    this.#builder ??= new RunBuilder()
    this.#builder.add(key, keyLength, tag, document, start, end)
    if (this.#builder.full) this.#closeRun()
    if (this.#spilling !== undefined) this.#spillSome(this.#spilling)
    else if (this.usedBytes > this.#memoryLimitBytes * (this.#temporaryFile === undefined ? 1 : spillingShare)) {
      this.#startSpilling()
    }
  }

  /**
   * As `add`, when rows that `outsiders` includes have been left out before: it learns which those are. To be asked for every row of a
   * sorter, or for none.
   */
  addInsider(
    outsiders: Outsiders,
    key: Uint8Array,
    keyLength: number,
    tag: number,
    document: Uint8Array = noDocument,
    start = 0,
    end = document.length,
  ): void {
    const least = this.#least
    if (least === undefined) {
      this.add(key, keyLength, tag, document, start, end)
      return
    }
    least.add(key, keyLength, tag, document, start, end, outsiders)
    const { bound } = least
    if (bound !== undefined) outsiders.bound(bound)
    if (least.usedBytes > this.#memoryLimitBytes) this.#giveUpHeap()
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

  /** Lets go of what is on disk. May be called more than once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const run of this.#spilled) run.close()
  }

  #startReading(): RunMerge {
    if (this.#least !== undefined) {
      this.#builder = new RunBuilder()
      this.#least.moveTo(this.#builder)
    }
    if (this.#builder?.isEmpty === false) this.#closeRun()
    this.#builder = undefined
    if (this.#spilled.length === 0) {
      return new RunMerge(
        this.#runs.map((run) => new SingleRun(run)),
        sharedLength(this.#runs),
      )
    }
    const readers: RunReader[] = [...this.#spilled]
    if (this.#spilling !== undefined) {
      // What of it is not on disk yet need not go there.
      const { merge, target } = this.#spilling
      target.endWriting()
      readers[readers.length - 1] = new Continued(target, merge)
    }
    return new RunMerge([...readers, ...this.#runs.map((run) => new SingleRun(run))])
  }

  #closeRun(): void {
    const run = this.#builder!.sort()
    this.#runBytes += run.usedBytes
    this.#runs.push(run)
  }

  /** So few rows are so large that they go the way of many. */
  #giveUpHeap(): void {
    if (this.#temporaryFile === undefined) this.#exceeded()
    this.#builder = new RunBuilder()
    this.#least!.moveTo(this.#builder)
    this.#least = undefined
    this.#closeRun()
    this.#startSpilling()
  }

  #startSpilling(): void {
    if (this.#temporaryFile === undefined) this.#exceeded()
    if (this.#builder?.isEmpty === false) this.#closeRun()
    const merge = new RunMerge(
      this.#runs.map((run) => new SingleRun(run)),
      sharedLength(this.#runs),
    )
    const target = new SpilledRun(this.#temporaryFile())
    this.#spilling = { merge, target, usedBytes: this.#runBytes }
    this.#spilled.push(target)
    this.#runs = []
    this.#runBytes = 0
  }

  #spillSome({ merge, target, usedBytes }: Spilling): void {
    const inHaste = this.usedBytes - usedBytes > (this.#memoryLimitBytes * (1 - spillingShare)) / 2
    for (let left = inHaste ? rowsPerAddInHaste : rowsPerAdd; left > 0; left--) {
      if (!merge.next()) {
        target.endWriting()
        this.#spilling = undefined
        return
      }
      target.append(merge.run, merge.position)
    }
  }

  #exceeded(): never {
    throw new DatabaseError(
      'QueryExceededMemoryLimitNoDiskUseAllowed',
      `Sort exceeded memory limit of ${this.#memoryLimitBytes} bytes, but did not opt in to external sorting.`,
    )
  }
}
