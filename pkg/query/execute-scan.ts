/** Sources that read documents: the whole collection, by `_id`, and by an index. */
import { Detour } from '../base/detour.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Value } from '../bson/value.ts'
import { atRow, ended, noWork, type Progress, paused, type RowSource, sumUp, type Work } from './execute-source.ts'
import { compileFilter } from './filter/compile.ts'
import { DocumentTests, type ParsedFilter } from './filter/long-test.ts'
import type { Predicate } from './filter/operator.ts'
import { conjunction, type Filter, isMatchAll } from './filter/tree.ts'
import type { Entry } from './index-key.ts'
import { KeyFilter } from './key-filter.ts'
import { KeyWalk } from './key-walk.ts'
import type { CollectionScanNode, FetchNode, IdLookupNode, OrNode } from './plan.ts'
import type { BytesRef, QuerySource, RecordScan } from './plan-source.ts'
import type { Outsiders } from './sort/outsiders.ts'

/** A scan that got so far will likely be long: from here on the dearer, faster predicate pays. */
const hotAfterDocuments = 4096

/** Records that are found together at most. */
const foreseenMax = 16
/** For a moment. */
const nextRecords = new Float64Array(foreseenMax)

const noBytes = new Uint8Array(0)

/**
 * A test that throws a `Detour` is made again after it, of the record as it is read then: at the moment that the rows are of, so that it is
 * the same.
 */
export class CollectionRows implements RowSource, BytesRef {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #scan: RecordScan
  /** The record that the scan rests on, when its test has to be made again, or has been. */
  #again: RecordId | undefined
  #isTested = true
  readonly #filter: Filter
  #predicate: Predicate | undefined
  #untilHot = hotAfterDocuments
  readonly #tests: DocumentTests
  #outsiders: Outsiders | undefined
  readonly #work: Work
  bytes: Uint8Array = noBytes
  start = 0
  end = 0

  /** `asked`: the filter of the request, of which the node's may be a part. */
  constructor(
    source: QuerySource,
    at: Timestamp,
    node: CollectionScanNode,
    asked: ParsedFilter | undefined,
    work: Work,
  ) {
    this.#tests = new DocumentTests(asked)
    this.#source = source
    this.#at = at
    this.#scan = source.scan(at, node.direction)
    this.#filter = node.filter
    this.#predicate = isMatchAll(node.filter) ? undefined : compileFilter(node.filter)
    this.#work = work
  }

  /** The scan computes it when asked. */
  get recordId(): RecordId {
    return this.#again ?? this.#scan.recordId
  }

  advance(budget: number): Progress {
    if (this.#again !== undefined) {
      if (!this.#isTested && this.#testAgain(this.#again)) return atRow
      this.#again = undefined
    }
    try {
      return this.#advance(budget)
    } catch (error) {
      if (error instanceof Detour) {
        this.#again = this.#scan.recordId
        this.#isTested = false
      }
      throw error
    }
  }

  /** Whether the record is a row. */
  #testAgain(recordId: RecordId): boolean {
    const isThere = this.#source.read(recordId, this.#at, this)
    const passes = isThere && this.#tests.passes(this.#predicate!, this.bytes, this.start, this.end)
    this.#isTested = true
    if (!passes) return false
    this.#work.matched++
    return this.#outsiders?.includes(this.bytes, this.start) !== true
  }

  #advance(budget: number): Progress {
    if (this.#untilHot === 0) return this.#scanOn(budget)
    const before = this.#work.docsExamined
    const slice = Math.min(budget, this.#untilHot)
    const progress = this.#scanOn(slice)
    this.#untilHot -= this.#work.docsExamined - before
    if (progress === ended) return ended
    // The scan still rests on a document here: the sample.
    if (this.#untilHot === 0 && this.#predicate !== undefined) this.#predicate = compileFilter(this.#filter, this.#scan)
    return progress === paused && budget > slice ? this.#scanOn(budget - slice) : progress
  }

  leaveOut(outsiders: Outsiders): void {
    this.#outsiders = outsiders
  }

  #scanOn(budget: number): Progress {
    const scan = this.#scan
    const work = this.#work
    const predicate = this.#predicate
    const tests = this.#tests
    const outsiders = this.#outsiders
    for (let count = 0; count < budget; count++) {
      if (!scan.next()) return ended
      work.docsExamined++
      const { bytes, start } = scan
      if (predicate === undefined || tests.passes(predicate, bytes, start, scan.end)) {
        work.matched++
        if (outsiders?.includes(bytes, start) === true) continue
        this.bytes = bytes
        this.start = start
        this.end = scan.end
        return atRow
      }
    }
    return paused
  }

  save(): void {
    this.#scan.save()
  }

  close(): void {
    this.#scan.close()
  }
}

export class IdRows implements RowSource, BytesRef {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #node: IdLookupNode
  readonly #predicate: Predicate | undefined
  readonly #work: Work
  readonly #tests: DocumentTests
  #next = 0
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  recordId = 0 as RecordId

  get entry(): Entry {
    return { index: this.#source.indexes[0]!, key: undefined }
  }

  constructor(source: QuerySource, at: Timestamp, node: IdLookupNode, asked: ParsedFilter | undefined, work: Work) {
    this.#source = source
    this.#at = at
    this.#node = node
    this.#tests = new DocumentTests(asked)
    // Equality with the `_id` holds for whatever the look-up finds.
    this.#predicate = node.whole ? undefined : compileFilter(node.filter)
    this.#work = work
  }

  advance(budget: number): Progress {
    const { ids } = this.#node
    for (let left = budget; left > 0; left--) {
      const id = ids[this.#next]
      if (id === undefined) return ended
      // A look-up whose test throws a `Detour` is made again.
      const isRow = this.#lookUp(id)
      this.#next++
      if (!isRow) continue
      this.#work.matched++
      return atRow
    }
    return paused
  }

  /** Whether there is a row. */
  #lookUp(id: Value): boolean {
    const recordId = this.#source.findById(id.type, id.bytes, id.start, this.#at)
    if (recordId === undefined) return false
    this.recordId = recordId
    const isThere = this.#source.read(recordId, this.#at, this)
    const passes = isThere && this.#passes()
    this.#work.keysExamined++
    if (isThere) this.#work.docsExamined++
    return passes
  }

  #passes(): boolean {
    return this.#predicate === undefined || this.#tests.passes(this.#predicate, this.bytes, this.start, this.end)
  }

  /** Nothing is held between look-ups. */
  save(): void {
    return
  }

  close(): void {
    this.#next = this.#node.ids.length
  }
}

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
    try {
      return this.#test(predicate)
    } catch (error) {
      if (error instanceof Detour) this.#untested = predicate
      throw error
    }
  }

  #test(predicate: Predicate): boolean {
    return this.#tests.passes(predicate, this.bytes, this.start, this.end)
  }

  /** Whether the record whose test threw a `Detour` is a row. */
  #testAgain(predicate: Predicate): boolean {
    const isRow = this.#source.read(this.recordId, this.#at, this) && this.#test(predicate)
    this.#untested = undefined
    if (!isRow) return false
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
