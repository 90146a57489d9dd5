/** The documents of one partition, in order, as window functions see them. */
import { DatabaseError } from '../../base/errors.ts'
import { compareBytes, KeyWriter } from '../../bson/key.ts'
import { bsonType } from '../../bson/type.ts'
import { isNumber, numberOf, readInt64Number, type Value } from '../../bson/value.ts'
import type { GivenMetadata } from '../../expression/available-metadata.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { type Evaluate, missing } from '../../expression/expression.ts'
import type { SortKeyOf } from '../../query/sort/key.ts'
import { CarriedMetadata } from '../carried-metadata.ts'
import { HeldDocuments } from '../held-documents.ts'
import type { PipelineRun } from '../stage.ts'

export class Partition {
  readonly #documents: HeldDocuments
  readonly context: EvaluationContext
  /** The value that documents are sorted by, when it is one. */
  readonly #sortValue: Evaluate | undefined
  readonly #sortKey: SortKeyOf | undefined
  readonly #carried: CarriedMetadata | undefined
  /** The document that the context has been set to. */
  #current = -1
  readonly #keys = [new KeyWriter(), new KeyWriter()] as const

  constructor(
    run: PipelineRun,
    context: EvaluationContext,
    sortValue: Evaluate | undefined,
    sortKey: SortKeyOf | undefined,
    carried: readonly GivenMetadata[],
  ) {
    this.#documents = new HeldDocuments(run)
    this.context = context
    // A column that is asked again evaluates the same documents again.
    context.alternates = true
    run.allowDetours(context, () => {
      this.#current = -1
    })
    this.#sortValue = sortValue
    this.#sortKey = sortKey
    this.#carried = carried.length === 0 ? undefined : new CarriedMetadata(carried)
    context.metadata = (name) => this.metadata(name)
  }

  get count(): number {
    return this.#documents.count
  }

  get spilledBytes(): number {
    return this.#documents.spilledBytes
  }

  reset(): void {
    this.#documents.reset()
    this.#current = -1
  }

  close(): void {
    this.#documents.close()
  }

  /** Copies a document, packed where it carries metadata. Errors: 5643011 beyond the memory when nothing may go to disk. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#documents.add(bytes, start, end)) return
    const { usedBytes } = this.#documents
    throw new DatabaseError(
      5643011,
      `Exceeded max memory. Current memory: ${usedBytes} bytes. Set allowDiskUse:true to opt in to external sorting.`,
    )
  }

  /** Makes document `i` that of the context. */
  show(i: number): void {
    if (this.#current === i) return
    const documents = this.#documents
    documents.show(i)
    const unpacked = this.#carried?.unpack(documents.bytes, documents.start, documents.end)
    if (unpacked === undefined) this.context.reset(documents.bytes, documents.start, documents.end)
    else this.context.reset(unpacked.bytes, 0, unpacked.length)
    this.#current = i
  }

  /** Of the context's document. */
  metadata(name: string): Value | undefined {
    return this.#carried?.get(name)
  }

  /** The expression's value for document `i`: valid until the next evaluation. May throw a `Detour`: the column is asked again. */
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
    const documents = this.#documents
    documents.show(i)
    this.#sortKey(documents.bytes, documents.start, a.reset())
    documents.show(j)
    this.#sortKey(documents.bytes, documents.start, b.reset())
    return compareBytes(a.bytes, 0, a.length, b.bytes, 0, b.length) === 0
  }
}
