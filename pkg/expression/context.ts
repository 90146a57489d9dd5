import { mayDetour, Patience } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { documentSizeMaxInternal } from '../base/limits.ts'
import { bsonType } from '../bson/type.ts'
import { dateValue, readInt64Number, type Value } from '../bson/value.ts'
import { takeDecimalSteps } from './decimal-functions.ts'
import { missing } from './expression.ts'
import { expressionsDetour, type KnownValues } from './expressions-task.ts'
import type { RootFields } from './root-fields.ts'
import type { ExpressionSource } from './source.ts'

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
  stepsMax = Math.min(stepLimit.refused, stepLimit.perDocument)
  /** What was computed elsewhere for the current document; undefined: nothing. */
  known: KnownValues | undefined = undefined
  /** What comes back from elsewhere, of documents that are looked for again. */
  #arrived: KnownValues[] | undefined
  /** Told of each document that took some milliseconds. */
  onLong: (() => void) | undefined = undefined
  /** Has the current document come again; undefined: what takes too many steps is refused. */
  #repeat: (() => void) | undefined
  /** Documents are evaluated in turns, one again after another: what came back is kept until more comes. */
  alternates = false
  readonly #patience = new Patience()
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

  /**
   * From now on what takes many steps is a `Detour`: `repeat` is called when one is about to be thrown, and has the document be evaluated again
   * after it. To be allowed only where that is so.
   */
  allowDetours(repeat: () => void): void {
    this.#repeat = repeat
    this.stepsMax = Math.min(stepLimit.turn, stepLimit.perDocument)
  }

  /** What to throw when the steps ran out at the expression numbered `at`, of those with these sources. */
  detour(sources: readonly ExpressionSource[], at: number): Error {
    const detour = expressionsDetour(this, sources, at, stepLimit.perDocument, (known) => {
      // It has all that came before for the same document, and more: what is evaluated first may be evaluated again.
      const others = this.#arrived?.filter((other) => !other.isOfSame(known)) ?? []
      if (others.length === arrivedMax) others.shift()
      this.#arrived = [...others, known]
    })
    if (!this.#patience.isOver) this.#patience.spend()
    this.#repeat!()
    return detour
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
    if (this.#steps > longSteps) this.onLong?.()
    this.#steps = 0
    this.#passBytes = passBytesMax
    if (this.#arrived !== undefined) this.#recall(this.#arrived)
  }

  /** Finds what was computed for the document; what others have been given is of no use any more. */
  #recall(arrived: KnownValues[]): void {
    this.known = arrived.find((known) => known.isOf(this.bytes, this.start, this.end))
    if (!this.alternates) {
      const kept = arrived.filter((known) => known === this.known || !known.wasUsed)
      this.#arrived = kept.length === 0 ? undefined : kept
    }
    if (this.known === undefined) return
    this.known.wasUsed = true
    this.#patience.rewarded()
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
    if (this.#steps > this.stepsMax) this.#goBeyond()
  }

  /** Throws unless there is no use in going on elsewhere and little left to do here. */
  #goBeyond(): void {
    if (this.#repeat !== undefined && stepLimit.perDocument > this.stepsMax) {
      const enough = mayDetour() ? (this.#patience.isOver ? stepLimit.impatient : 0) : stepLimit.refused
      if (this.#steps <= enough) return
      if (mayDetour()) throw outOfSteps
    }
    throw new DatabaseError('ExceededTimeLimit', `An expression took more than ${this.stepsMax} steps for one document`)
  }

  /**
   * As `spend`, for going through `sizeBytes` outside of loops. Two values of the largest size are free for each document: a single pass over
   * a value is not refused, however large the value.
   */
  spendOnce(steps: number, sizeBytes: number): void {
    if (sizeBytes <= this.#passBytes && this.#repeat === undefined) this.#passBytes -= sizeBytes
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
 * Steps that one document may take, each some 40 nanoseconds. `turn`: 10 milliseconds in which nothing else runs; what takes more is
 * computed elsewhere. `refused`: where it cannot be. `impatient`: where that was done in vain several times. `perDocument`: what is computed elsewhere comes to an end, too; the server parameter
 * `expressionStepsMax` sets it for the whole process.
 */
export const stepLimit = { turn: 250_000, refused: 500_000, impatient: 10_000_000, perDocument: 1e10 }

/** A document that takes so many steps holds others up: a millisecond and more. */
const longSteps = 25_000

/** Thrown by `spend` where the work may go on elsewhere: whoever evaluates whole expressions makes a detour of it. */
export const outOfSteps = new Error('the steps for one turn are used up')

/** Of the documents whose expressions were computed elsewhere, so many are remembered until they come again. */
const arrivedMax = 4

/** Bytes of values that a document may go through, outside of loops, without a step. */
const passBytesMax = 2 * documentSizeMaxInternal

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])

let seeded = 0

function seedOf(nowMs: number): number {
  seeded = (seeded + 0x9e3779b9) >>> 0
  return (Math.floor(nowMs) ^ Math.floor(nowMs / 2 ** 32) ^ seeded) >>> 0
}

/** Mulberry32, with two of its numbers for the 53 bits of a double. */
export function randomFrom(seed: number): () => number {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return () => (next() * 2 ** 21 + (next() >>> 11)) / 2 ** 53
}
