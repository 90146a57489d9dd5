/** Sources that read documents: the whole collection, by `_id`, and by an index. */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { atRow, ended, type Progress, paused, type RowSource, type Work } from './execute-source.ts'
import { compileFilter } from './filter/compile.ts'
import type { Predicate } from './filter/operator.ts'
import { type Filter, isMatchAll } from './filter/tree.ts'
import type { CollectionScanNode, FetchNode, IdLookupNode } from './plan.ts'
import { isPoint } from './plan-bounds.ts'
import type { BytesRef, KeyScan, QuerySource, RecordScan } from './plan-source.ts'

/** A scan that got so far will likely be long: from here on the dearer, faster predicate pays. */
const hotAfterDocuments = 4096

const noBytes = new Uint8Array(0)

export class CollectionRows implements RowSource {
  readonly #scan: RecordScan
  readonly #filter: Filter
  #predicate: Predicate | undefined
  #untilHot = hotAfterDocuments
  readonly #work: Work
  bytes: Uint8Array = noBytes
  start = 0
  end = 0

  constructor(source: QuerySource, at: Timestamp, node: CollectionScanNode, work: Work) {
    this.#scan = source.scan(at, node.direction)
    this.#filter = node.filter
    this.#predicate = isMatchAll(node.filter) ? undefined : compileFilter(node.filter)
    this.#work = work
  }

  /** The scan computes it when asked. */
  get recordId(): RecordId {
    return this.#scan.recordId
  }

  advance(budget: number): Progress {
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

  #scanOn(budget: number): Progress {
    const scan = this.#scan
    const predicate = this.#predicate
    let examined = 0
    while (examined < budget) {
      if (!scan.next()) {
        this.#work.docsExamined += examined
        return ended
      }
      examined++
      const { bytes, start } = scan
      if (predicate === undefined || predicate(bytes, start)) {
        this.#work.docsExamined += examined
        this.bytes = bytes
        this.start = start
        this.end = scan.end
        return atRow
      }
    }
    this.#work.docsExamined += examined
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
  #next = 0
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  recordId = 0 as RecordId

  constructor(source: QuerySource, at: Timestamp, node: IdLookupNode, work: Work) {
    this.#source = source
    this.#at = at
    this.#node = node
    // Equality with the `_id` holds for whatever the look-up finds.
    this.#predicate = node.whole ? undefined : compileFilter(node.filter)
    this.#work = work
  }

  advance(budget: number): Progress {
    const { ids } = this.#node
    const work = this.#work
    for (let left = budget; left > 0; left--) {
      const id = ids[this.#next]
      if (id === undefined) return ended
      this.#next++
      const recordId = this.#source.findById(id.type, id.bytes, id.start, this.#at)
      if (recordId === undefined) continue
      work.keysExamined++
      if (!this.#source.read(recordId, this.#at, this)) continue
      work.docsExamined++
      this.recordId = recordId
      if (this.#predicate === undefined || this.#predicate(this.bytes, this.start)) return atRow
    }
    return paused
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
  readonly #node: FetchNode
  readonly #predicate: Predicate | undefined
  readonly #work: Work
  /** A document with an array has several keys; it is a row once. */
  readonly #seen: Set<RecordId> | undefined
  #scan: KeyScan | undefined
  #nextRange = 0
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  recordId = 0 as RecordId

  constructor(source: QuerySource, at: Timestamp, node: FetchNode, work: Work) {
    this.#source = source
    this.#at = at
    this.#node = node
    this.#predicate = isMatchAll(node.filter) ? undefined : compileFilter(node.filter)
    this.#work = work
    const { index, intervals } = node.input
    const once = intervals.length === 0 || (intervals.length === 1 && isPoint(intervals[0]!))
    this.#seen = index.multikey && !once ? new Set() : undefined
  }

  advance(budget: number): Progress {
    const work = this.#work
    for (let left = budget; left > 0; left--) {
      const scan = this.#scan ?? this.#openRange()
      if (scan === undefined) return ended
      if (!scan.next()) {
        scan.close()
        this.#scan = undefined
        continue
      }
      work.keysExamined++
      const { recordId } = scan
      if (this.#seen !== undefined) {
        if (this.#seen.has(recordId)) continue
        this.#seen.add(recordId)
      }
      if (!this.#source.read(recordId, this.#at, this)) continue
      work.docsExamined++
      this.recordId = recordId
      if (this.#predicate === undefined || this.#predicate(this.bytes, this.start)) return atRow
    }
    return paused
  }

  #openRange(): KeyScan | undefined {
    const { index, ranges, direction } = this.#node.input
    if (this.#nextRange === ranges.length) return undefined
    const position = direction === 1 ? this.#nextRange : ranges.length - 1 - this.#nextRange
    this.#nextRange++
    const { lower, upper } = ranges[position]!
    this.#scan = index.scan(this.#at, lower, upper, direction)
    return this.#scan
  }

  save(): void {
    this.#scan?.save()
  }

  close(): void {
    this.#scan?.close()
    this.#scan = undefined
    this.#nextRange = this.#node.input.ranges.length
  }
}
