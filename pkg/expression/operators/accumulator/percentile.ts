/**
 * `{$percentile: {input, p: [0..1, ...], method}}` and `{$median: {input, method}}`, of the numbers in an array, or of one number.
 * What is no number is passed over; of none the answer is null. `approximate` is answered exactly.
 */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import {
  arrayValue,
  documentFields,
  doubleValue,
  isNumber,
  nullValue,
  numberOf,
  readString,
  type Value,
} from '../../../bson/value.ts'
import { BsonWriter, indexName } from '../../../bson/writer.ts'
import type { Expression } from '../../expression.ts'
import { foldConstants } from '../../fold.ts'
import { type NamedArguments, namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { elementsOf } from './gathering.ts'

type Method = 'discrete' | 'continuous'

const missingField = 40414
const unknownField = 40415

export const percentile: Operator = {
  name: '$percentile',
  parse(operand, scope, parse) {
    const given = namedArguments('$percentile', operand, ['input', 'p', 'method'], {
      notDocument: 7429703,
      unknown: unknownField,
    })
    const input = parse(given.required('input', missingField), scope)
    const parts = partsOf(foldConstants(parse(given.required('p', missingField), scope)))
    const method = methodOf(given)
    return quantileExpression('$percentile', input, (sorted) => arrayOf(parts.map((p) => valueAt(sorted, p, method))))
  },
}

export const median: Operator = {
  name: '$median',
  parse(operand, scope, parse) {
    const given = namedArguments('$median', operand, ['input', 'method'], {
      notDocument: 7436100,
      unknown: unknownField,
    })
    const input = parse(given.required('input', missingField), scope)
    const method = methodOf(given)
    return quantileExpression('$median', input, (sorted) => valueAt(sorted, 0.5, method))
  },
}

function quantileExpression(name: string, input: Expression, answer: (sorted: Float64Array) => Value): Expression {
  return {
    kind: 'operator',
    name,
    operands: [input],
    foldable: true,
    make:
      ([values]) =>
      (context) =>
        answer(sortedNumbers(values!(context))),
  }
}

function sortedNumbers(input: Value): Float64Array {
  const values = input.type === bsonType.array ? elementsOf(input) : [input]
  const numbers = values.filter(({ type }) => isNumber(type)).map(numberOf)
  return Float64Array.from(numbers).sort(nanFirst)
}

/** The order of numbers: NaN before all others. */
function nanFirst(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
  return a < b ? -1 : a > b ? 1 : 0
}

/** Errors: 7750300 for an expression that is no constant, 7750301 for no array of at least one, 7750302 and 7750303. */
function partsOf(expression: Expression): number[] {
  if (expression.kind !== 'constant')
    throw new DatabaseError(7750300, "The 'p' of $percentile must be a constant expression")
  const { value } = expression
  const elements = value.type === bsonType.array ? [...documentFields(value.bytes, value.start)] : []
  const message = "The $percentile 'p' field must be an array of numbers from [0.0, 1.0]"
  if (elements.length === 0) throw new DatabaseError(7750301, message)
  return elements.map((element) => {
    if (!isNumber(element.type)) throw new DatabaseError(7750302, message)
    const p = numberOf(element)
    if (!(p >= 0 && p <= 1)) throw new DatabaseError(7750303, message)
    return p
  })
}

function methodOf(given: NamedArguments): Method {
  const value = given.required('method', missingField)
  if (value.type !== bsonType.string) {
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field 'method' is the wrong type '${shownType(value)}', expected type 'string'`,
    )
  }
  const method = readString(value.bytes, value.start)
  if (method === 'approximate' || method === 'discrete') return 'discrete'
  if (method === 'continuous') return method
  throw new DatabaseError('BadValue', "Only 'approximate', 'discrete' and 'continuous' can be used as 'method'.")
}

function valueAt(sorted: Float64Array, p: number, method: Method): Value {
  const { length } = sorted
  if (length === 0) return nullValue
  if (method === 'discrete') return doubleValue(sorted[Math.max(0, Math.ceil(p * length) - 1)]!)
  const rank = p * (length - 1)
  const low = Math.floor(rank)
  const below = sorted[low]!
  return doubleValue(rank === low ? below : below + (rank - low) * (sorted[low + 1]! - below))
}

function arrayOf(values: readonly Value[]): Value {
  const writer = new BsonWriter(64)
  writer.beginDocument()
  values.forEach((value, i) => {
    writer.value(indexName(i), value)
  })
  writer.end()
  return arrayValue(writer.finish())
}
