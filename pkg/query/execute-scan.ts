/** Sources that read documents: the whole collection, by `_id`, and by an index. */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { KeyCheck } from './execute-keys.ts'
import { atRow, ended, type Progress, paused, type RowSource, type Work } from './execute-source.ts'
import { compileFilter } from './filter/compile.ts'
import type { Predicate } from './filter/operator.ts'
import { type Filter, isMatchAll } from './filter/tree.ts'
import type { CollectionScanNode, FetchNode, IdLookupNode, OrNode } from './plan.ts'
import type { BytesRef, KeyScan, QuerySource, RecordScan } from './plan-source.ts'
import type { Outsiders } from './sort/outsiders.ts'

/** A scan that got so far will likely be long: from here on the dearer, faster predicate pays. */
const hotAfterDocuments = 4096

const noBytes = new Uint8Array(0)

export class CollectionRows implements RowSource {
  readonly #scan: RecordScan
  readonly #filter: Filter
  #predicate: Predicate | undefined
  #untilHot = hotAfterDocuments
  #outsiders: Outsiders | undefined
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

  leaveOut(outsiders: Outsiders): void {
    this.#outsiders = outsiders
  }

  #scanOn(budget: number): Progress {
    const scan = this.#scan
    const predicate = this.#predicate
    const outsiders = this.#outsiders
    let examined = 0
    while (examined < budget) {
      if (!scan.next()) {
        this.#work.docsExamined += examined
        return ended
      }
      examined++
      const { bytes, start } = scan
      if (predicate === undefined || predicate(bytes, start)) {
        this.#work.matched++
        if (outsiders?.includes(bytes, start) === true) continue
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
      if (this.#predicate === undefined || this.#predicate(this.bytes, this.start)) {
        work.matched++
        return atRow
      }
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
  /** A document with several keys is a row once. */
  readonly #seen: Set<RecordId> | undefined
  readonly #check: KeyCheck | undefined
  #scan: KeyScan | undefined
  #nextRange = 0
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  recordId = 0 as RecordId

  /** `seen`: records that are rows already. */
  constructor(source: QuerySource, at: Timestamp, node: FetchNode, work: Work, seen?: Set<RecordId>) {
    this.#source = source
    this.#at = at
    this.#node = node
    this.#predicate = isMatchAll(node.filter) ? undefined : compileFilter(node.filter)
    this.#work = work
    const { bounds, direction } = node.input
    this.#seen = seen ?? (bounds.repeats ? new Set() : undefined)
    this.#check = bounds.checked.length === 0 ? undefined : new KeyCheck(bounds, direction)
  }

  advance(budget: number): Progress {
    const work = this.#work
    const check = this.#check
    for (let left = budget; left > 0; left--) {
      const scan = this.#scan ?? this.#openRange()
      if (scan === undefined) return ended
      if (!scan.next()) {
        scan.close()
        this.#scan = undefined
        continue
      }
      work.keysExamined++
      if (check !== undefined && !check.accepts(scan)) continue
      const { recordId } = scan
      const seen = this.#seen
      if (seen?.has(recordId)) continue
      if (this.#node.keysOnly) {
        seen?.add(recordId)
        this.recordId = recordId
        work.matched++
        return atRow
      }
      if (!this.#source.read(recordId, this.#at, this)) continue
      work.docsExamined++
      this.recordId = recordId
      if (this.#predicate !== undefined && !this.#predicate(this.bytes, this.start)) continue
      seen?.add(recordId)
      work.matched++
      return atRow
    }
    return paused
  }

  #openRange(): KeyScan | undefined {
    const { index, bounds, direction } = this.#node.input
    const { ranges } = bounds
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
    this.#nextRange = this.#node.input.bounds.ranges.length
  }
}

/** The branches of an `or`, one after the other; each document once. */
export class OrRows implements RowSource {
  readonly #inputs: readonly IndexRows[]
  #current = 0

  constructor(source: QuerySource, at: Timestamp, node: OrNode, work: Work) {
    const seen = new Set<RecordId>()
    this.#inputs = node.inputs.map((input) => new IndexRows(source, at, input, work, seen))
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

  advance(budget: number): Progress {
    while (this.#current < this.#inputs.length) {
      const progress = this.#input.advance(budget)
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
