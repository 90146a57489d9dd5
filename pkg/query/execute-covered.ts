/** Sources that give what index keys hold, and read a document only where a key has lost something of its value. */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { BsonWriter } from '../bson/writer.ts'
import { typeCode } from '../index/type-code.ts'
import { atRow, ended, type Progress, paused, type RowSource, type Work } from './execute-source.ts'
import { compileFilter } from './filter/compile.ts'
import { DocumentTests, type ParsedFilter } from './filter/long-test.ts'
import type { Predicate } from './filter/operator.ts'
import { isMatchAll } from './filter/tree.ts'
import type { Entry } from './index-key.ts'
import { KeyDocument } from './key-document.ts'
import { KeyFilter } from './key-filter.ts'
import { KeyWalk } from './key-walk.ts'
import type { DistinctScanNode, FetchNode, IndexScanNode } from './plan-node.ts'
import type { BytesRef, KeyScan, QuerySource } from './plan-source.ts'
import { compileProjection, type Project } from './projection/compile.ts'
import { keptPaths } from './projection/kept-paths.ts'
import type { Projection } from './projection/tree.ts'

const noBytes = new Uint8Array(0)

/** Documents as an inclusion shows them: of a key where it can be, else of the document. */
export class CoveredDocument implements BytesRef {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #work: Work
  readonly #document: KeyDocument
  readonly #project: Project
  readonly #writer = new BsonWriter(256)
  readonly #record: BytesRef = { bytes: noBytes, start: 0, end: 0 }
  readonly #tests: DocumentTests
  bytes: Uint8Array = noBytes
  readonly start = 0
  end = 0

  /** `asked`: the filter of the request, of which the predicates are parts. */
  constructor(
    source: QuerySource,
    at: Timestamp,
    node: IndexScanNode,
    projection: Projection,
    asked: ParsedFilter | undefined,
    work: Work,
  ) {
    this.#tests = new DocumentTests(asked)
    this.#source = source
    this.#at = at
    this.#work = work
    this.#document = KeyDocument.of(node.index, keptPaths(projection)!, true)
    this.#project = compileProjection(projection)
  }

  /**
   * Of the entry that the scan rests on, which is loaded again after a `Detour`. `predicate`: what the document must pass; undefined when that
   * is known.
   */
  load(scan: KeyScan, predicate: Predicate | undefined): boolean {
    const document = this.#document
    if (predicate === undefined && document.load(scan)) {
      this.bytes = document.bytes
      this.end = document.end
      return true
    }
    const record = this.#record
    if (!this.#source.read(scan.recordId, this.#at, record)) return false
    const { bytes, start, end } = record
    const passes = predicate === undefined || this.#tests.passes(predicate, bytes, start, end)
    this.#work.docsExamined++
    if (!passes) return false
    this.#project(bytes, start, end, this.#writer.reset())
    this.bytes = this.#writer.bytes
    this.end = this.#writer.length
    return true
  }
}

export class CoveredRows implements RowSource {
  readonly isProjected = true
  readonly #walk: KeyWalk
  readonly #work: Work
  readonly #keyFilter: KeyFilter | undefined
  readonly #whole: Predicate | undefined
  readonly #document: CoveredDocument
  readonly #met: Set<RecordId> | undefined
  /** What the document of the current entry is still to be tested with, after a `Detour`. */
  #untested: Predicate | undefined
  bytes: Uint8Array = noBytes
  readonly start = 0
  end = 0
  recordId = 0 as RecordId

  constructor(
    source: QuerySource,
    at: Timestamp,
    node: FetchNode,
    projection: Projection,
    asked: ParsedFilter | undefined,
    work: Work,
  ) {
    const { input } = node
    this.#walk = new KeyWalk(input, at, work)
    this.#work = work
    this.#keyFilter = KeyFilter.of(input.index, input.filter)
    this.#whole = isMatchAll(input.filter) ? undefined : compileFilter(input.filter)
    this.#document = new CoveredDocument(source, at, input, projection, asked, work)
    this.#met = input.bounds.repeats ? new Set() : undefined
  }

  get entry(): Entry {
    return this.#walk.entry
  }

  advance(budget: number): Progress {
    const work = this.#work
    const walk = this.#walk
    if (this.#untested !== undefined && this.#take(this.#untested)) return atRow
    for (let left = budget; left > 0; left--) {
      const progress = walk.step()
      if (progress === paused) continue
      if (progress === ended) return ended
      const { scan } = walk
      const verdict = this.#keyFilter === undefined ? 'passes' : this.#keyFilter.test(scan)
      if (verdict === 'fails') continue
      const { recordId } = scan
      if (this.#met !== undefined) {
        work.dupsTested++
        if (this.#met.has(recordId)) {
          work.dupsDropped++
          continue
        }
        this.#met.add(recordId)
      }
      if (this.#take(verdict === 'unknown' ? this.#whole : undefined)) return atRow
    }
    return paused
  }

  /** Whether the entry that the walk rests on is a row. */
  #take(predicate: Predicate | undefined): boolean {
    const document = this.#document
    const { scan } = this.#walk
    this.#untested = predicate
    const isRow = document.load(scan, predicate)
    this.#untested = undefined
    if (!isRow) return false
    this.recordId = scan.recordId
    this.bytes = document.bytes
    this.end = document.end
    this.#work.matched++
    return true
  }

  save(): void {
    this.#walk.save()
  }

  close(): void {
    this.#walk.close()
  }
}

/**
 * One row for each value of a part of the key, and of the parts before it: a document with that field alone. Where the key has lost the
 * value, the document it is of. A document without the field is no row, and says nothing of others with the same key.
 */
export class DistinctRows implements RowSource, BytesRef {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #walk: KeyWalk
  readonly #work: Work
  readonly #part: number
  readonly #isMultikey: boolean
  readonly #document: KeyDocument
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  recordId = 0 as RecordId

  constructor(source: QuerySource, at: Timestamp, node: DistinctScanNode, work: Work) {
    const { index } = node.input
    this.#source = source
    this.#at = at
    this.#walk = new KeyWalk(node.input, at, work)
    this.#work = work
    this.#part = node.part
    this.#isMultikey = index.multikeyPaths[node.part] !== 0
    this.#document = new KeyDocument(index, [node.part], false)
  }

  advance(budget: number): Progress {
    const walk = this.#walk
    for (let left = budget; left > 0; left--) {
      const progress = walk.step()
      if (progress === paused) continue
      if (progress === ended) return ended
      const { scan } = walk
      const code = scan.codeOf(this.#part)
      if (code === typeCode.missing) continue
      this.recordId = scan.recordId
      if (code !== typeCode.lost && this.#document.load(scan)) {
        this.bytes = this.#document.bytes
        this.start = 0
        this.end = this.#document.end
      } else {
        if (!this.#source.read(scan.recordId, this.#at, this)) continue
        this.#work.docsExamined++
      }
      // Of an array that a key stands for other documents with the same key may have other elements.
      if (code !== typeCode.lost || !this.#isMultikey) walk.skipValues(this.#part + 1)
      this.#work.matched++
      return atRow
    }
    return paused
  }

  save(): void {
    this.#walk.save()
  }

  close(): void {
    this.#walk.close()
  }
}
