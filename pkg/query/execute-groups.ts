/** The first entry of each group, of one walk over an index after another (see plan-groups.ts). */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { compareBytes, keyEnd } from '../bson/key.ts'
import { nullValue, undefinedValue } from '../bson/value.ts'
import { CoveredDocument } from './execute-covered.ts'
import { atRow, ended, noWork, type Progress, paused, type RowSource, sumUp, type Work } from './execute-source.ts'
import type { Entry } from './index-key.ts'
import { keyOf } from './key-ranges.ts'
import { KeyWalk } from './key-walk.ts'
import type { GroupPass, GroupScanNode } from './plan-node.ts'
import type { BytesRef, KeyScan, QuerySource } from './plan-source.ts'

const noBytes = new Uint8Array(0)

export class GroupRows implements RowSource {
  readonly isProjected: boolean
  readonly #passes: readonly PassRows[]
  readonly #work: Work
  #at = 0
  bytes: Uint8Array = noBytes
  start = 0
  end = 0
  recordId = 0 as RecordId

  constructor(source: QuerySource, at: Timestamp, node: GroupScanNode, work: Work) {
    this.isProjected = node.projection !== undefined
    this.#work = work
    this.#passes = node.passes.map((pass) => {
      const own = noWork()
      work.inputs.push(own)
      return new PassRows(source, at, node, pass, own)
    })
  }

  get entry(): Entry | undefined {
    return this.#passes[this.#at]?.entry
  }

  advance(budget: number): Progress {
    for (;;) {
      const pass = this.#passes[this.#at]
      if (pass === undefined) return ended
      const progress = pass.advance(budget)
      sumUp(this.#work)
      if (progress === atRow) {
        const { document } = pass
        this.bytes = document.bytes
        this.start = document.start
        this.end = document.end
        this.recordId = pass.recordId
      }
      if (progress !== ended) return progress
      this.#at++
    }
  }

  save(): void {
    this.#passes[this.#at]?.save()
  }

  close(): void {
    for (const pass of this.#passes) pass.close()
  }
}

class PassRows {
  readonly #source: QuerySource
  readonly #at: Timestamp
  readonly #walk: KeyWalk
  readonly #work: Work
  readonly #part: number
  readonly #covered: CoveredDocument | undefined
  /** What of the part behind the group's is no value; undefined: the first entry will do, whatever it has there. */
  readonly #nullish: readonly Uint8Array[] | undefined
  readonly document: BytesRef
  recordId = 0 as RecordId

  constructor(source: QuerySource, at: Timestamp, { part, projection }: GroupScanNode, pass: GroupPass, work: Work) {
    const { input, untilValue } = pass
    this.#source = source
    this.#at = at
    this.#walk = new KeyWalk(input, at, work)
    this.#work = work
    this.#part = part
    this.#covered = projection && new CoveredDocument(source, at, input, projection, undefined, work)
    this.document = this.#covered ?? { bytes: noBytes, start: 0, end: 0 }
    if (!untilValue) return
    const { descending } = input.index.keyPaths[part + 1]!
    this.#nullish = [keyOf(nullValue, descending), keyOf(undefinedValue, descending)]
  }

  get entry(): Entry {
    return this.#walk.entry
  }

  advance(budget: number): Progress {
    const walk = this.#walk
    for (let left = budget; left > 0; left--) {
      const progress = walk.step()
      if (progress === paused) continue
      if (progress === ended) return ended
      const { scan } = walk
      if (!this.#read(scan)) continue
      this.recordId = scan.recordId
      walk.skipValues(this.#isNullish(scan) ? this.#part + 2 : this.#part + 1)
      this.#work.matched++
      return atRow
    }
    return paused
  }

  #read(scan: KeyScan): boolean {
    if (this.#covered !== undefined) return this.#covered.load(scan, undefined)
    if (!this.#source.read(scan.recordId, this.#at, this.document)) return false
    this.#work.docsExamined++
    return true
  }

  #isNullish({ key }: KeyScan): boolean {
    if (this.#nullish === undefined) return false
    let start = 0
    for (let part = 0; part <= this.#part; part++) start = keyEnd(key, start)
    const end = keyEnd(key, start)
    return this.#nullish.some((value) => compareBytes(key, start, end, value, 0, value.length) === 0)
  }

  save(): void {
    this.#walk.save()
  }

  close(): void {
    this.#walk.close()
  }
}
