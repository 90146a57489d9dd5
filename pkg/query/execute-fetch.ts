/** Sources that read the documents that an index names, or several. */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { atRow, ended, noWork, type Progress, paused, type RowSource, sumUp, type Work } from './execute-source.ts'
import { compileFilter } from './filter/compile.ts'
import { DocumentTests, type ParsedFilter } from './filter/long-test.ts'
import type { Predicate } from './filter/operator.ts'
import { conjunction, isMatchAll } from './filter/tree.ts'
import type { Entry } from './index-key.ts'
import { KeyFilter } from './key-filter.ts'
import { KeyWalk } from './key-walk.ts'
import type { FetchNode, OrNode } from './plan-node.ts'
import type { BytesRef, QuerySource } from './plan-source.ts'

/** Records that are found together at most. */
const foreseenMax = 16
/** For a moment. */
const nextRecords = new Float64Array(foreseenMax)

const noBytes = new Uint8Array(0)

export class IndexRows implements RowSource, BytesRef {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #keysOnly: boolean
  readonly #walk: KeyWalk
  readonly #keyFilter: KeyFilter | undefined
  readonly #predicate: Predicate | undefined
  /** What a document whose key does not say enough is tested with. */
  readonly #whole: Predicate | undefined
  readonly #work: Work
  /** Of an index with several keys for a document: those met. */
  readonly #met: Set<RecordId> | undefined
  /** Rows that others have given, or this one. */
  readonly #given: Set<RecordId> | undefined
  readonly #tests: DocumentTests
  /** What the current record is still to be tested with, after a `Detour`. */
  #untested: Predicate | undefined
  /** Reads until the next ones are looked up together, and how many those will be. */
  #untilForeseeing = 0
  #foreseen = 1
  /** Rows that will be asked for and whose records have not been looked up together yet, as far as that is known. */
  #expected: number
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  recordId = 0 as RecordId

  /** `expected`: rows that will be asked for, where that is known. `given`: records that are rows already; new ones are added. */
  constructor(
    source: QuerySource,
    at: Timestamp,
    node: FetchNode,
    asked: ParsedFilter | undefined,
    work: Work,
    expected: number | undefined,
    given?: Set<RecordId>,
  ) {
    this.#tests = new DocumentTests(asked)
    this.#source = source
    this.#at = at
    this.#keysOnly = node.keysOnly
    this.#work = work
    this.#walk = new KeyWalk(node.input, at, work)
    const { index, bounds, filter } = node.input
    this.#keyFilter = KeyFilter.of(index, filter)
    this.#predicate = isMatchAll(node.filter) ? undefined : compileFilter(node.filter)
    this.#whole = this.#keyFilter && compileFilter(conjunction([filter, node.filter]))
    this.#met = bounds.repeats ? new Set() : undefined
    this.#expected = expected ?? 0
    this.#given = given
  }

  get entry(): Entry {
    return this.#walk.entry
  }

  advance(budget: number): Progress {
    const work = this.#work
    const walk = this.#walk
    if (this.#untested !== undefined && this.#testAgain(this.#untested)) return atRow
    for (let left = budget; left > 0; left--) {
      const progress = walk.step()
      if (progress === paused) continue
      if (progress === ended) return ended
      const verdict = this.#keyFilter === undefined ? 'passes' : this.#keyFilter.test(walk.scan)
      if (verdict === 'fails') continue
      const { recordId } = walk.scan
      if (this.#met !== undefined && !this.#isFirst(this.#met, recordId)) continue
      const given = this.#given
      if (given?.has(recordId)) continue
      this.recordId = recordId
      if (!this.#keysOnly || verdict === 'unknown') {
        if (--this.#untilForeseeing <= 0) this.#foresee(recordId)
        if (!this.#source.read(recordId, this.#at, this)) continue
        work.docsExamined++
        const predicate = verdict === 'unknown' ? this.#whole : this.#predicate
        if (predicate !== undefined && !this.#passes(predicate)) continue
      }
      given?.add(recordId)
      work.matched++
      return atRow
    }
    return paused
  }

  #passes(predicate: Predicate): boolean {
    this.#untested = predicate
    const passes = this.#tests.passes(predicate, this.bytes, this.start, this.end)
    this.#untested = undefined
    return passes
  }

  /** Whether the record whose test threw a `Detour` is a row. */
  #testAgain(predicate: Predicate): boolean {
    this.#untested = undefined
    if (!this.#source.read(this.recordId, this.#at, this) || !this.#passes(predicate)) return false
    this.#given?.add(this.recordId)
    this.#work.matched++
    return true
  }

  /**
   * Has the records that come next found together: as many as will be asked for, then none for the first, then more and more, so that who
   * wants few finds few.
   */
  #foresee(recordId: RecordId): void {
    const source = this.#source
    let wanted = this.#foreseen
    if (this.#expected > 0) {
      wanted = Math.min(foreseenMax, this.#expected)
      this.#expected -= wanted
    } else this.#foreseen = Math.min(foreseenMax, wanted * 4)
    this.#untilForeseeing = wanted
    if (wanted === 1 || this.#keyFilter !== undefined || source.foresee === undefined) return
    const count = this.#walk.foresee(nextRecords, wanted - 1)
    if (count === 0) return
    nextRecords.copyWithin(1, 0, count)
    nextRecords[0] = recordId
    source.foresee(nextRecords, count + 1, this.#at)
  }

  #isFirst(met: Set<RecordId>, recordId: RecordId): boolean {
    this.#work.dupsTested++
    const before = met.size
    if (met.add(recordId).size > before) return true
    this.#work.dupsDropped++
    return false
  }

  save(): void {
    this.#walk.save()
  }

  close(): void {
    this.#walk.close()
  }
}

/** The branches of an `or`, one after the other; each document once. */
export class OrRows implements RowSource {
  readonly #inputs: readonly IndexRows[]
  readonly #work: Work
  #current = 0

  constructor(source: QuerySource, at: Timestamp, node: OrNode, asked: ParsedFilter | undefined, work: Work) {
    const given = new Set<RecordId>()
    this.#work = work
    this.#inputs = node.inputs.map((input) => {
      const own = noWork()
      work.inputs.push(own)
      return new IndexRows(source, at, input, asked, own, undefined, given)
    })
  }

  get #input(): IndexRows {
    return this.#inputs[Math.min(this.#current, this.#inputs.length - 1)]!
  }

  get bytes(): Uint8Array {
    return this.#input.bytes
  }

  get start(): number {
    return this.#input.start
  }

  get end(): number {
    return this.#input.end
  }

  get recordId(): RecordId {
    return this.#input.recordId
  }

  get entry(): Entry {
    return this.#input.entry
  }

  advance(budget: number): Progress {
    while (this.#current < this.#inputs.length) {
      const progress = this.#input.advance(budget)
      sumUp(this.#work)
      if (progress !== ended) return progress
      this.#input.close()
      this.#current++
    }
    return ended
  }

  save(): void {
    this.#input.save()
  }

  close(): void {
    for (const input of this.#inputs) input.close()
    this.#current = this.#inputs.length
  }
}
