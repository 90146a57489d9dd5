/**
 * Frames: which documents of a partition a window function looks at for each of them.
 *
 * Both ends only ever move forward from one document to the next.
 */
import { DatabaseError } from '../../base/errors.ts'
import { wholeNumberOf } from '../../bson/number.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, isNumber, numberOf, readString, type Value } from '../../bson/value.ts'
import type { Partition } from './partition.ts'
import { addUnits, type TimeUnit, timeUnitOf } from './time-unit.ts'

/** Bounds relative to the document; infinite: unbounded. */
export interface Frame {
  readonly kind: 'documents' | 'range'
  readonly lower: number
  readonly upper: number
  readonly unit: TimeUnit | undefined
}

export const wholePartition: Frame = { kind: 'documents', lower: -Infinity, upper: Infinity, unit: undefined }

/** `{documents: [lower, upper]}` or `{range: [lower, upper], unit}`. Errors: FailedToParse, 5339900. */
export function parseFrame(window: Value): Frame {
  if (window.type !== bsonType.document) {
    throw new DatabaseError('FailedToParse', "'window' field must be an object")
  }
  let documents: Value | undefined
  let range: Value | undefined
  let unit: Value | undefined
  for (const field of documentFields(window.bytes, window.start)) {
    if (field.name === 'documents') documents = field
    else if (field.name === 'range') range = field
    else if (field.name === 'unit') unit = field
    else throw new DatabaseError('FailedToParse', `'window' field found an unknown argument: ${field.name}`)
  }
  if (documents !== undefined && range !== undefined) {
    throw new DatabaseError('FailedToParse', "'window' field can only contain one of 'documents' or 'range'")
  }
  if (unit !== undefined && range === undefined) {
    throw new DatabaseError('FailedToParse', "'window' field that specifies 'unit' must also specify 'range'")
  }
  const bounds = documents ?? range
  if (bounds === undefined) return wholePartition
  const [lower, upper] = boundsOf(bounds, documents !== undefined ? documentBound : rangeBound(unit))
  if (lower > upper) {
    throw new DatabaseError(5339900, `Lower bound must not exceed upper bound: [${lower}, ${upper}]`)
  }
  if (documents !== undefined) return { kind: 'documents', lower, upper, unit: undefined }
  return { kind: 'range', lower, upper, unit: unit === undefined ? undefined : unitOf(unit) }
}

export function unitOf(value: Value): TimeUnit {
  if (value.type !== bsonType.string) throw new DatabaseError('FailedToParse', "'unit' must be a string")
  return timeUnitOf(readString(value.bytes, value.start))
}

function boundsOf(value: Value, boundOf: (bound: Value) => number): [number, number] {
  const elements = value.type === bsonType.array ? [...documentFields(value.bytes, value.start)] : []
  const [lower, upper] = elements
  if (lower === undefined || upper === undefined || elements.length !== 2) {
    throw new DatabaseError('FailedToParse', 'Window bounds must be a 2-element array')
  }
  return [
    isText(lower, 'unbounded') ? -Infinity : boundOf(lower),
    isText(upper, 'unbounded') ? Infinity : boundOf(upper),
  ]
}

function isText(value: Value, text: string): boolean {
  return value.type === bsonType.string && readString(value.bytes, value.start) === text
}

function documentBound(bound: Value): number {
  if (isText(bound, 'current')) return 0
  const whole = isNumber(bound.type) ? wholeNumberOf(bound) : undefined
  if (whole === undefined) throw new DatabaseError('FailedToParse', 'Numeric document-based bounds must be an integer')
  return whole
}

function rangeBound(unit: Value | undefined): (bound: Value) => number {
  return (bound) => {
    if (isText(bound, 'current')) return 0
    if (!isNumber(bound.type))
      throw new DatabaseError('FailedToParse', 'Range-based bounds expression must be a number')
    if (unit === undefined) return numberOf(bound)
    const whole = wholeNumberOf(bound)
    if (whole === undefined)
      throw new DatabaseError('FailedToParse', 'With unit, range-based bounds must be an integer')
    return whole
  }
}

/** The ends of a frame as it moves over a partition: documents from `low` up to `high`, exclusive. */
export class FrameEnds {
  readonly #frame: Frame
  readonly #partition: Partition
  low = 0
  high = 0

  constructor(frame: Frame, partition: Partition) {
    this.#frame = frame
    this.#partition = partition
  }

  reset(): void {
    this.low = 0
    this.high = 0
  }

  /** To document `i`; to be called for each in turn. Errors: 5429414 and 5429513 for a sort value that is no number or date. */
  moveTo(i: number): void {
    const { kind, lower, upper } = this.#frame
    const { count } = this.#partition
    if (kind === 'documents') {
      this.low = Math.min(count, Math.max(0, i + lower))
      this.high = Math.max(this.low, Math.min(count, Math.max(0, i + upper + 1)))
      return
    }
    const at = this.#position(i)
    if (lower !== -Infinity) {
      const from = this.#moved(at, lower)
      while (this.low < count && this.#position(this.low) < from) this.low++
    }
    if (upper === Infinity) this.high = count
    else {
      const to = this.#moved(at, upper)
      while (this.high < count && this.#position(this.high) <= to) this.high++
    }
    if (this.high < this.low) this.high = this.low
  }

  #position(i: number): number {
    return this.#frame.unit === undefined
      ? this.#partition.position(i, 'number', 5429414)
      : this.#partition.position(i, 'date', 5429513)
  }

  #moved(at: number, by: number): number {
    const { unit } = this.#frame
    return unit === undefined ? at + by : addUnits(at, by, unit)
  }
}
