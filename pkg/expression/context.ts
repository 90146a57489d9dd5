import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { dateValue, type Value } from '../bson/value.ts'
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
  /** What has been done for this document, see `spend`. */
  #steps = 0
  readonly #fields: RootFields
  #loaded = false

  /**
   * `nowMs`: what `$$NOW` is throughout, in milliseconds since the epoch. `fields`: of the compiler that compiled what is
   * evaluated with this context.
   */
  constructor(nowMs: number, fields: RootFields) {
    this.now = dateValue(nowMs)
    this.#fields = fields
  }

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.#loaded = false
    this.#steps = 0
  }

  /**
   * Counts evaluations and comparisons in loops over arrays, which can be nested: nothing else runs while an expression is
   * evaluated, so that this must come to an end. Errors: ExceededTimeLimit.
   */
  spend(steps: number): void {
    this.#steps += steps
    if (this.#steps > stepsMax) {
      throw new DatabaseError('ExceededTimeLimit', `An expression took more than ${stepsMax} steps for one document`)
    }
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

/** A second or two. */
const stepsMax = 50_000_000

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])
