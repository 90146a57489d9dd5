/** The documents of one partition, in order, as window functions see them. */
import { DatabaseError } from '../../base/errors.ts'
import { compareBytes, KeyWriter } from '../../bson/key.ts'
import { bsonType } from '../../bson/type.ts'
import { isNumber, numberOf, readInt64Number, type Value } from '../../bson/value.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { type Evaluate, missing } from '../../expression/expression.ts'
import type { SortKeyOf } from '../../query/sort/key.ts'
import { copyBytes } from '../../storage/copy.ts'

/** Documents are copied into chunks of this size; a longer one has a chunk of its own. */
const chunkBytes = 64 * 1024

export class Partition {
  /** Document i lies in `#chunks[i]` from `#starts[i]` to `#ends[i]`. */
  readonly #chunks: Uint8Array[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #chunk = new Uint8Array(1024)
  #chunkLength = 0
  readonly context: EvaluationContext
  /** The value that documents are sorted by, when it is one. */
  readonly #sortValue: Evaluate | undefined
  readonly #sortKey: SortKeyOf | undefined
  #usedBytes = 0
  /** The document that the context has been set to. */
  #current = -1
  readonly #keys = [new KeyWriter(), new KeyWriter()] as const

  constructor(context: EvaluationContext, sortValue: Evaluate | undefined, sortKey: SortKeyOf | undefined) {
    this.context = context
    this.#sortValue = sortValue
    this.#sortKey = sortKey
  }

  get count(): number {
    return this.#chunks.length
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  reset(): void {
    this.#chunks.length = 0
    this.#starts.length = 0
    this.#ends.length = 0
    this.#chunkLength = 0
    this.#usedBytes = 0
    this.#current = -1
  }

  /** Copies a document. */
  add(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (this.#chunkLength + length > this.#chunk.length) {
      this.#chunk = new Uint8Array(Math.max(length, chunkBytes))
      this.#chunkLength = 0
    }
    const at = this.#chunkLength
    copyBytes(bytes, start, end, this.#chunk, at)
    this.#chunkLength = at + length
    this.#chunks.push(this.#chunk)
    this.#starts.push(at)
    this.#ends.push(at + length)
    this.#usedBytes += length + 96
  }

  /** Makes document `i` that of the context. */
  show(i: number): void {
    if (this.#current === i) return
    this.context.reset(this.#chunks[i]!, this.#starts[i]!, this.#ends[i]!)
    this.#current = i
  }

  /** The expression's value for document `i`: valid until the next evaluation. */
  evaluate(i: number, evaluate: Evaluate): Value {
    this.show(i)
    return evaluate(this.context)
  }

  sortValue(i: number): Value {
    return this.#sortValue === undefined ? missing : this.evaluate(i, this.#sortValue)
  }

  /** Where document `i` lies along the axis: a number, or the milliseconds of a date. Errors: `code` for anything else. */
  position(i: number, wanted: 'number' | 'date' | 'any', code: number): number {
    const value = this.sortValue(i)
    if (wanted !== 'date' && isNumber(value.type)) return numberOf(value)
    if (wanted !== 'number' && value.type === bsonType.date) return readInt64Number(value.bytes, value.start)
    throw new DatabaseError(
      code,
      `Invalid range: Expected the sortBy field to be a ${wanted === 'any' ? 'number or a date' : wanted}`,
    )
  }

  /** Whether documents `i` and `j` have equal sort keys. */
  areTied(i: number, j: number): boolean {
    if (this.#sortKey === undefined) return true
    const [a, b] = this.#keys
    this.#sortKey(this.#chunks[i]!, this.#starts[i]!, a.reset())
    this.#sortKey(this.#chunks[j]!, this.#starts[j]!, b.reset())
    return compareBytes(a.bytes, 0, a.length, b.bytes, 0, b.length) === 0
  }
}
