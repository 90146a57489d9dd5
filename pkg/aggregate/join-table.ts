/**
 * The documents of a foreign collection by the values of a path: the hash side of a join. The keys are in memory, the documents go to
 * disk beyond their share of it.
 */
import { KeyWriter } from '../bson/key.ts'
import type { Value } from '../bson/value.ts'
import type { ValueOrder } from '../bson/value-order.ts'
import type { Path } from '../query/path.ts'
import { HeldDocuments, heldRows } from './held-documents.ts'
import { visitForeign } from './join-values.ts'
import { KeyTable } from './key-table.ts'
import type { Rows } from './rows.ts'
import type { PipelineRun } from './stage.ts'

/** Of a stage's memory, what documents may take before they go to disk; the rest is for keys. */
const documentShare = 0.5

export class JoinTable {
  readonly #path: Path
  readonly #order: ValueOrder
  readonly #keys = new KeyTable()
  readonly #key = new KeyWriter()
  readonly #documents: HeldDocuments
  readonly #keyBytesMax: number
  /** By key number: its first and last entry. */
  #firsts = new Int32Array(1024)
  #lasts = new Int32Array(1024)
  /** By entry: the number of a document that has the key, ascending, and the next entry of the key; -1: none. */
  #numbers = new Int32Array(1024)
  #nexts = new Int32Array(1024)
  #entryCount = 0

  constructor(run: PipelineRun, path: Path) {
    this.#path = path
    this.#order = run.order
    this.#documents = new HeldDocuments(run, documentShare)
    this.#keyBytesMax = run.memoryLimitBytes * (1 - documentShare)
  }

  /** Written to disk. */
  get spilledBytes(): number {
    return this.#documents.spilledBytes
  }

  /** Copies a document. False: there is no room for it. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    const number = this.#documents.count
    if (!this.#documents.add(bytes, start, end)) return false
    visitForeign(this.#path, bytes, start, (type, at, from) => this.#enter(type, at, from, number))
    return this.#keys.usedBytes + (this.#firsts.length + this.#numbers.length) * 8 <= this.#keyBytesMax
  }

  #enter(type: number, bytes: Uint8Array, start: number, number: number): void {
    this.#order.encodeKey(this.#key.reset(), type, bytes, start)
    const { count } = this.#keys
    const key = this.#keys.numberOf(this.#key.bytes, this.#key.length)
    if (key !== count && this.#numbers[this.#lasts[key]!] === number) return
    const entry = this.#entryCount++
    if (entry === this.#numbers.length) {
      this.#numbers = doubled(this.#numbers)
      this.#nexts = doubled(this.#nexts)
    }
    if (key === this.#firsts.length) {
      this.#firsts = doubled(this.#firsts)
      this.#lasts = doubled(this.#lasts)
    }
    this.#numbers[entry] = number
    this.#nexts[entry] = -1
    if (key === count) this.#firsts[key] = entry
    else this.#nexts[this.#lasts[key]!] = entry
    this.#lasts[key] = entry
  }

  /** The documents that one of the values finds, in the order they were added, each once. */
  find(values: readonly Value[]): Rows {
    if (values.length === 1) return heldRows(this.#documents, this.#numbersOf(values[0]!))
    const found = new Set<number>()
    for (const value of values) for (const number of this.#numbersOf(value)) found.add(number)
    return heldRows(
      this.#documents,
      [...found].sort((a, b) => a - b),
    )
  }

  #numbersOf(value: Value): readonly number[] {
    this.#order.encodeKey(this.#key.reset(), value.type, value.bytes, value.start)
    const key = this.#keys.find(this.#key.bytes, this.#key.length)
    if (key < 0) return none
    const numbers: number[] = []
    for (let entry = this.#firsts[key]!; entry >= 0; entry = this.#nexts[entry]!) numbers.push(this.#numbers[entry]!)
    return numbers
  }

  close(): void {
    this.#documents.close()
  }
}

const none: readonly number[] = []

function doubled(from: Int32Array): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2)
  to.set(from)
  return to
}
