/**
 * The foreign documents of many local ones, by an index.
 *
 *   gather     local documents are copied, and the keys of those that have one plain value at the path
 *   find       the keys in their order: see `point-keys.ts`
 *   give       the local documents in the order in which they came, the foreign ones found sixteen at a time
 *
 * The first batch is one document, and each is eight times as large as that before, so that whoever reads a few joins a few.
 */
import type { Path } from '../query/path.ts'
import type { PointLookup } from '../query/point-lookup.ts'
import { copyBytes } from '../storage/copy.ts'
import { prefetchMax } from '../storage/prefetch.ts'
import { batchMax, notNoted, PointKeys } from './point-keys.ts'
import type { Rows } from './rows.ts'
import { type PipelineRun, type Stage, type Step, step } from './stage.ts'

const batchBytesMax = 2 * 1024 * 1024
/** Documents that there is room for at first. */
const firstRoom = 64

/** For a moment. */
const nextRecords = new Float64Array(prefetchMax)

export class PointBatch {
  readonly #input: Stage
  readonly #lookup: PointLookup
  readonly #keys: PointKeys
  /** Whether local documents that have a key are read, and the foreign ones, or only how many there are. */
  readonly #keepsLocals: boolean
  readonly #reads: boolean
  #size = 1
  #state: 'gather' | 'find' | 'give' = 'gather'
  #inputEnded = false
  #locals = new Uint8Array(1024)
  #localsLength = 0
  /** Local document i ends here in `#locals`; it begins where the one before ends. */
  #localEnds = new Int32Array(firstRoom)
  #count = 0
  #current = -1
  #position = 0
  /** How many of the documents that come next are foreseen. */
  #foreseen = 0
  bytes: Uint8Array = this.#locals
  start = 0
  end = 0

  constructor(
    input: Stage,
    lookup: PointLookup,
    path: Path,
    run: PipelineRun,
    { keepsLocals, reads }: { readonly keepsLocals: boolean; readonly reads: boolean },
  ) {
    this.#input = input
    this.#lookup = lookup
    this.#keys = new PointKeys(lookup, path, run, reads)
    this.#keepsLocals = keepsLocals
    this.#reads = reads
  }

  /** To the next local document, whose foreign ones `next` gives when `hasKey`; the others must be joined in another way. */
  step(): Step {
    for (;;) {
      if (this.#state === 'gather') {
        if (this.#gather() === step.pause) return step.pause
        this.#keys.sort()
        this.#state = 'find'
      }
      if (this.#state === 'find') {
        if (!this.#keys.find()) return step.pause
        this.#state = 'give'
      }
      if (++this.#current < this.#count) {
        this.#show(this.#current)
        return step.row
      }
      if (this.#inputEnded) return step.end
      this.#begin()
    }
  }

  /** Whether the current local document has one plain value at the path. */
  get hasKey(): boolean {
    return this.#keys.has(this.#current)
  }

  /** To the next foreign document of the current local one, which lies in the lookup when documents are read. */
  next(): boolean {
    const keys = this.#keys
    const count = keys.countOf(this.#current)
    if (count === notNoted) return this.#nextUnnoted()
    while (this.#position < count) {
      if (!this.#reads) {
        this.#position++
        return true
      }
      if (this.#foreseen === 0) this.#foresee()
      this.#foreseen--
      if (this.#lookup.read(keys.recordIdOf(this.#current, this.#position++))) return true
    }
    return false
  }

  /** Has the documents that will be given next found together. */
  #foresee(): void {
    const keys = this.#keys
    let count = 0
    let position = this.#position
    for (let i = this.#current; i < this.#count && count < prefetchMax; i++) {
      const found = keys.countOf(i)
      while (position < found && count < prefetchMax) nextRecords[count++] = keys.recordIdOf(i, position++)
      position = 0
    }
    this.#foreseen = count
    if (count > 1) this.#lookup.foresee(nextRecords, count)
  }

  #nextUnnoted(): boolean {
    const lookup = this.#lookup
    if (this.#position++ === 0) this.#keys.seek(this.#current)
    while (lookup.next()) if (!this.#reads || lookup.read(lookup.recordId)) return true
    return false
  }

  #begin(): void {
    this.#state = 'gather'
    this.#size = Math.min(batchMax, this.#size * 8)
    if (this.#size > this.#localEnds.length) this.#localEnds = new Int32Array(this.#size)
    this.#keys.reset(this.#size)
    this.#count = 0
    this.#localsLength = 0
    this.#current = -1
    this.#foreseen = 0
  }

  #show(i: number): void {
    this.bytes = this.#locals
    this.start = i === 0 ? 0 : this.#localEnds[i - 1]!
    this.end = this.#localEnds[i]!
    this.#position = 0
  }

  #gather(): Step {
    const input = this.#input
    while (this.#count < this.#size && this.#localsLength + this.#keys.length < batchBytesMax) {
      const answer = input.step()
      if (answer === step.pause) return answer
      if (answer === step.end) {
        this.#inputEnded = true
        break
      }
      this.#take(input.bytes, input.start, input.end)
    }
    return step.row
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    const hasKey = this.#keys.add(bytes, start)
    if (this.#keepsLocals || !hasKey) this.#copy(bytes, start, end)
    this.#localEnds[this.#count++] = this.#localsLength
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#localsLength + end - start
    if (needed > this.#locals.length) {
      const grown = new Uint8Array(Math.max(needed, this.#locals.length * 2))
      grown.set(this.#locals.subarray(0, this.#localsLength))
      this.#locals = grown
    }
    copyBytes(bytes, start, end, this.#locals, this.#localsLength)
    this.#localsLength = needed
  }
}

/** The foreign documents of the current local one, as what a pipeline begins with. */
export class PointRows implements Rows {
  readonly #batch: PointBatch
  readonly #lookup: PointLookup
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  constructor(batch: PointBatch, lookup: PointLookup) {
    this.#batch = batch
    this.#lookup = lookup
  }

  next(): boolean {
    if (!this.#batch.next()) return false
    const { bytes, start, end } = this.#lookup
    this.bytes = bytes
    this.start = start
    this.end = end
    return true
  }

  /** The lookup is saved with whatever else is read, and closed at the end of the join. */
  save(): void {
    return
  }

  close(): void {
    return
  }
}
