import { DatabaseError } from '../base/errors.ts'
import { documentSizeMaxInternal } from '../base/limits.ts'
import { bsonType } from '../bson/type.ts'
import { dateValue, readInt64Number, type Value } from '../bson/value.ts'
import { takeDecimalSteps } from './decimal-functions.ts'
import { missing } from './expression.ts'
import type { RootFields } from './root-fields.ts'

/** What expressions are evaluated against: a document, and the variables. One serves many documents in turn. */
export class EvaluationContext {
  /** The document that `$$ROOT` is. */
  bytes: Uint8Array = emptyDocument
  start = 0
  end = emptyDocument.length
  /** Values of the variables by slot (see `scope.ts`); slot 0, the root, is not kept here. */
  readonly variables: Value[] = [missing]
  readonly now: Value
  /** What is known of the document besides its fields, by the names of `$meta`; undefined: nothing. */
  metadata: ((name: string) => Value | undefined) | undefined
  /** How much may be done for one document, see `spend`. */
  stepsMax = stepLimit.perDocument
  #steps = 0
  #passBytes = passBytesMax
  readonly #fields: RootFields
  #loaded = false
  #random: (() => number) | undefined

  /**
   * `nowMs`: what `$$NOW` is throughout, in milliseconds since the epoch. `fields`: of the compiler that compiled what is
   * evaluated with this context. `random`: uniform in [0, 1); without one, numbers that follow from the time and from how many
   * contexts there were before.
   */
  constructor(nowMs: number, fields: RootFields, random?: () => number) {
    this.now = dateValue(nowMs)
    this.#fields = fields
    this.#random = random
  }

  /** Uniform in [0, 1). */
  random(): number {
    this.#random ??= randomFrom(seedOf(readInt64Number(this.now.bytes, this.now.start)))
    return this.#random()
  }

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.#loaded = false
    this.#steps = 0
    this.#passBytes = passBytesMax
  }

  /**
   * Instead of a document one field of it, the only one that is read: type 0, it is missing. To be used with expressions that read nothing
   * else, neither other fields (which are missing then) nor the root.
   */
  resetField(slot: number, type: number, bytes: Uint8Array, start: number, end: number): void {
    const fields = this.#fields
    fields.types[slot] = type
    fields.starts[slot] = start
    fields.ends[slot] = end
    this.bytes = bytes
    this.#loaded = true
    this.#steps = 0
    this.#passBytes = passBytesMax
  }

  /** The fields of the root that expressions read, for who finds them in a way of his own. */
  get fields(): RootFields {
    return this.#fields
  }

  /** The slot of a top-level field that some expression reads; -1: none does. */
  slotOf(name: string): number {
    return this.#fields.knownSlot(name)
  }

  /**
   * Counts what takes time in proportion to values, evaluations in loops over arrays above all, which can be nested: nothing else runs
   * while an expression is evaluated, so that this must come to an end. Errors: ExceededTimeLimit.
   */
  spend(steps: number): void {
    this.#steps += steps + takeDecimalSteps()
    if (this.#steps > this.stepsMax) {
      throw new DatabaseError(
        'ExceededTimeLimit',
        `An expression took more than ${this.stepsMax} steps for one document`,
      )
    }
  }

  /**
   * As `spend`, for going through `sizeBytes` outside of loops. Two values of the largest size are free for each document: a single pass over
   * a value is not refused, however large the value.
   */
  spendOnce(steps: number, sizeBytes: number): void {
    if (sizeBytes <= this.#passBytes) this.#passBytes -= sizeBytes
    else this.spend(steps)
  }

  root(): Value {
    return { type: bsonType.document, bytes: this.bytes, start: this.start, end: this.end }
  }

  /** A top-level field of the root by its slot in the `RootFields`. */
  field(slot: number): Value {
    const fields = this.#fields
    if (!this.#loaded) {
      fields.load(this.bytes, this.start)
      this.#loaded = true
    }
    const type = fields.types[slot]!
    if (type === 0) return missing
    return { type, bytes: this.bytes, start: fields.starts[slot]!, end: fields.ends[slot]! }
  }
}

/**
 * Steps that one document may take, each some 40 nanoseconds: 20 milliseconds in which nothing else runs. The server parameter
 * `expressionStepsMax` sets it for the whole process.
 */
export const stepLimit = { perDocument: 500_000 }

/** Bytes of values that a document may go through, outside of loops, without a step. */
const passBytesMax = 2 * documentSizeMaxInternal

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])

let seeded = 0

function seedOf(nowMs: number): number {
  seeded = (seeded + 0x9e3779b9) >>> 0
  return (Math.floor(nowMs) ^ Math.floor(nowMs / 2 ** 32) ^ seeded) >>> 0
}

/** Mulberry32, with two of its numbers for the 53 bits of a double. */
function randomFrom(seed: number): () => number {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return () => (next() * 2 ** 21 + (next() >>> 11)) / 2 ** 53
}
