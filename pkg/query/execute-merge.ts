/**
 * Scans that each give the sort's order, merged. The keys decide whose turn it is; a document is read only when its turn has
 * come, so that a limit spares the others.
 */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { compareBytes, KeyWriter, keyEnd } from '../bson/key.ts'
import { CoveredDocument } from './execute-covered.ts'
import { atRow, ended, noWork, type Progress, paused, type RowSource, sumUp, type Work } from './execute-source.ts'
import { compileFilter } from './filter/compile.ts'
import { DocumentTests, type ParsedFilter } from './filter/long-test.ts'
import type { Predicate } from './filter/operator.ts'
import { conjunction, isMatchAll } from './filter/tree.ts'
import type { Entry } from './index-key.ts'
import { KeyFilter } from './key-filter.ts'
import { KeyWalk } from './key-walk.ts'
import type { FetchNode, MergeNode } from './plan-node.ts'
import type { BytesRef, QuerySource } from './plan-source.ts'
import type { Sort } from './sort/parse.ts'

const noBytes = new Uint8Array(0)

/** Where a part of the sort's key is in an index's, and whether there its bytes are complemented. */
interface SortPart {
  readonly part: number
  readonly complemented: boolean
}

/** One scan, resting on the entry whose turn is to come. */
class Input {
  readonly walk: KeyWalk
  readonly work: Work
  readonly sortKey = new KeyWriter()
  readonly position: number
  readonly document: CoveredDocument | undefined
  readonly #keyFilter: KeyFilter | undefined
  readonly #predicate: Predicate | undefined
  readonly #whole: Predicate | undefined
  readonly #sortParts: readonly SortPart[]
  /** The key of the entry did not say whether it passes. */
  #isUnknown = false

  constructor(
    source: QuerySource,
    at: Timestamp,
    node: FetchNode,
    sort: Sort,
    position: number,
    asked: ParsedFilter | undefined,
    work: Work,
  ) {
    const { index, filter, bounds } = node.input
    this.walk = new KeyWalk(node.input, at, work)
    this.work = work
    this.position = position
    this.#keyFilter = KeyFilter.of(index, filter)
    this.#predicate = isMatchAll(node.filter) ? undefined : compileFilter(node.filter)
    this.#whole = this.#keyFilter && compileFilter(conjunction([filter, node.filter]))
    this.document = node.projection && new CoveredDocument(source, at, node.input, node.projection, asked, work)
    this.#sortParts = sort.parts.map(({ path, descending }) => {
      const part = bounds.parts.findIndex((candidate) => candidate.path === path.text)
      return { part, complemented: bounds.parts[part]!.descending !== descending }
    })
  }

  /** What the document of the entry must pass; undefined when that is known. */
  get predicate(): Predicate | undefined {
    return this.#isUnknown ? this.#whole : this.#predicate
  }

  /** To the next entry that may be a row. */
  step(): Progress {
    const progress = this.walk.step()
    if (progress !== atRow) return progress
    const verdict = this.#keyFilter === undefined ? 'passes' : this.#keyFilter.test(this.walk.scan)
    if (verdict === 'fails') return paused
    this.#isUnknown = verdict === 'unknown'
    const { key } = this.walk.scan
    const into = this.sortKey.reset()
    for (const { part, complemented } of this.#sortParts) {
      let start = 0
      for (let i = 0; i < part; i++) start = keyEnd(key, start)
      const from = into.length
      into.append(key, start, keyEnd(key, start))
      if (complemented) into.complementFrom(from)
    }
    return atRow
  }
}

export class MergedRows implements RowSource, BytesRef {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #work: Work
  /** Those not yet at their first entry, the next to look at last. */
  readonly #waiting: Input[]
  /** The others, as a binary heap: the one whose turn it is first. */
  readonly #heap: Input[] = []
  readonly #given: Set<RecordId> | undefined
  readonly #tests: DocumentTests
  readonly isProjected: boolean
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  recordId = 0 as RecordId

  /** The input that gave the row rests on it until it is its turn to go on. */
  get entry(): Entry | undefined {
    return this.#waiting.at(-1)?.walk.entry
  }

  /** `asked`: the filter of the request, of which the inputs' are parts. */
  constructor(source: QuerySource, at: Timestamp, node: MergeNode, asked: ParsedFilter | undefined, work: Work) {
    this.#tests = new DocumentTests(asked)
    this.#source = source
    this.#at = at
    this.#work = work
    this.#waiting = node.inputs.map((input, position) => {
      const own = noWork()
      work.inputs.push(own)
      return new Input(source, at, input, node.sort, position, asked, own)
    })
    this.#waiting.reverse()
    this.isProjected = node.inputs.every(({ projection }) => projection !== undefined)
    const once =
      node.exploded &&
      node.inputs.every(({ input: { bounds } }) => bounds.parts.every(({ multikeyPaths }) => multikeyPaths === 0))
    this.#given = once ? undefined : new Set()
  }

  advance(budget: number): Progress {
    const progress = this.#advance(budget)
    sumUp(this.#work)
    return progress
  }

  #advance(budget: number): Progress {
    for (let left = budget; left > 0; left--) {
      const input = this.#waiting.at(-1)
      if (input !== undefined) {
        const progress = input.step()
        if (progress === paused) continue
        this.#waiting.pop()
        if (progress === atRow) this.#push(input)
        continue
      }
      const next = this.#heap[0]
      if (next === undefined) return ended
      const isRow = this.#take(next)
      // The entry is done with; what follows it in its scan takes its place, once it is known.
      this.#pop()
      this.#waiting.push(next)
      if (isRow) return atRow
    }
    return paused
  }

  /** Whether the entry that the input rests on is a row. */
  #take(input: Input): boolean {
    const { scan } = input.walk
    const { recordId } = scan
    if (this.#given?.has(recordId)) return false
    const { document, predicate } = input
    // The input rests on its entry when a test throws a `Detour`: it is taken again.
    if (document !== undefined) {
      if (!document.load(scan, predicate)) return false
      this.bytes = document.bytes
      this.start = 0
      this.end = document.end
    } else {
      if (!this.#source.read(recordId, this.#at, this)) return false
      const passes = predicate === undefined || this.#tests.passes(predicate, this.bytes, this.start, this.end)
      input.work.docsExamined++
      if (!passes) return false
    }
    this.recordId = recordId
    this.#given?.add(recordId)
    input.work.matched++
    return true
  }

  #push(input: Input): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(input)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(input, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = input
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }

  save(): void {
    for (const { walk } of this.#heap) walk.save()
    for (const { walk } of this.#waiting) walk.save()
  }

  close(): void {
    for (const { walk } of this.#heap) walk.close()
    for (const { walk } of this.#waiting) walk.close()
    this.#heap.length = 0
    this.#waiting.length = 0
  }
}

function isBefore(a: Input, b: Input): boolean {
  const x = a.sortKey
  const y = b.sortKey
  const order = compareBytes(x.bytes, 0, x.length, y.bytes, 0, y.length)
  return order === 0 ? a.position < b.position : order < 0
}
