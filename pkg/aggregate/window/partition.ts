/** The documents of one partition, in order, as window functions see them. */
import { DatabaseError } from '../../base/errors.ts'
import { compareBytes, KeyWriter } from '../../bson/key.ts'
import { bsonType } from '../../bson/type.ts'
import { isNumber, numberOf, readInt64Number, type Value } from '../../bson/value.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { type Evaluate, missing } from '../../expression/expression.ts'
import type { SortKeyOf } from '../../query/sort/key.ts'

export class Partition {
  readonly documents: Uint8Array[] = []
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
    return this.documents.length
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  reset(): void {
    this.documents.length = 0
    this.#usedBytes = 0
    this.#current = -1
  }

  add(document: Uint8Array): void {
    this.documents.push(document)
    this.#usedBytes += document.length + 96
  }

  /** The expression's value for document `i`: valid until the next evaluation. */
  evaluate(i: number, evaluate: Evaluate): Value {
    if (this.#current !== i) {
      const document = this.documents[i]!
      this.context.reset(document, 0, document.length)
      this.#current = i
    }
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
    this.#sortKey(this.documents[i]!, 0, a.reset())
    this.#sortKey(this.documents[j]!, 0, b.reset())
    return compareBytes(a.bytes, 0, a.length, b.bytes, 0, b.length) === 0
  }
}
