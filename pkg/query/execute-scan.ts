/** Sources that read documents: the whole collection, and by `_id`. */
import { Detour } from '../base/detour.ts'
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import type { Value } from '../bson/value.ts'
import { atRow, ended, type Progress, paused, type RowSource, type Work } from './execute-source.ts'
import { compileFilter } from './filter/compile.ts'
import { DocumentTests, type ParsedFilter } from './filter/long-test.ts'
import type { Predicate } from './filter/operator.ts'
import { type Filter, isMatchAll } from './filter/tree.ts'
import type { Entry } from './index-key.ts'
import type { CollectionScanNode, IdLookupNode } from './plan-node.ts'
import type { BytesRef, QuerySource, RecordScan } from './plan-source.ts'
import type { Outsiders } from './sort/outsiders.ts'

/** A scan that got so far will likely be long: from here on the dearer, faster predicate pays. */
const hotAfterDocuments = 4096

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
