import { DatabaseError } from '../../base/errors.ts'
import { addDecimals, divideDecimals, multiplyDecimals, subtractDecimals } from '../../bson/decimal-arithmetic.ts'
import { type Decimal, decimal128Bytes, integerDecimal } from '../../bson/decimal128.ts'
import { decimalOf, wholeNumberOf } from '../../bson/number.ts'
import { bsonType } from '../../bson/type.ts'
import {
  decimal128Value,
  documentFields,
  doubleValue,
  isNumber,
  nullValue,
  numberOf,
  type Value,
} from '../../bson/value.ts'
import type { Evaluate } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Partition } from './partition.ts'
import type { WindowColumn, WindowFunctionDefinition } from './window-function.ts'

/** `{$expMovingAvg: {input, N}}` or `{input, alpha}`: each value weighs alpha, all before it the rest; alpha is 2 / (N + 1). */
export const expMovingAvg: WindowFunctionDefinition = {
  name: '$expMovingAvg',
  parse(operand, { scope, frame, sort }) {
    const given = new Map<string, Value>()
    if (operand.type === bsonType.document) {
      for (const field of documentFields(operand.bytes, operand.start)) given.set(field.name, field)
    }
    const [input, count, alpha] = ['input', 'N', 'alpha'].map((name) => given.get(name))
    if (input === undefined || given.size !== 2 || (count === undefined) === (alpha === undefined)) {
      throw new DatabaseError(
        'FailedToParse',
        '$expMovingAvg sub object must have exactly two fields: An "input" field, and either an "N" field or an "alpha" field',
      )
    }
    if (sort === undefined) throw new DatabaseError('FailedToParse', '$expMovingAvg requires an explicit sortBy')
    if (frame !== undefined) throw new DatabaseError('FailedToParse', '$expMovingAvg does not accept a window')
    const weight = count === undefined ? alphaOf(alpha!) : weightOf(count)
    const expression = parseExpression(input, scope)
    return {
      compile(compiler) {
        const evaluate = compiler.compile(expression)
        return (partition) => new MovingAverage(weight, evaluate, partition)
      },
    }
  },
}

/** The weight of one value, as a fraction of whole numbers where it is one. */
interface Weight {
  readonly double: number
  readonly decimal: Decimal
}

function weightOf(count: Value): Weight {
  const n = wholeNumberOf(count)
  if (n === undefined) throw new DatabaseError('FailedToParse', '"N" field must be an integer')
  if (n <= 0) throw new DatabaseError('FailedToParse', `"N" must be greater than zero. Got ${n}`)
  return { double: 2 / (n + 1), decimal: divideDecimals(integerDecimal(2n), integerDecimal(BigInt(n) + 1n)) }
}

function alphaOf(value: Value): Weight {
  const alpha = numberOf(value)
  if (!(alpha > 0 && alpha < 1)) {
    throw new DatabaseError('FailedToParse', `"alpha" must be between 0 and 1 (exclusive), found ${alpha}`)
  }
  return { double: alpha, decimal: decimalOf(value) }
}

class MovingAverage implements WindowColumn {
  readonly #weight: Weight
  readonly #evaluate: Evaluate
  readonly #partition: Partition
  #average: Value | undefined

  constructor(weight: Weight, evaluate: Evaluate, partition: Partition) {
    this.#weight = weight
    this.#evaluate = evaluate
    this.#partition = partition
  }

  reset(): void {
    this.#average = undefined
  }

  valueOf(i: number): Value {
    const value = this.#partition.evaluate(i, this.#evaluate)
    // What is no number changes nothing.
    if (isNumber(value.type)) this.#average = this.#next(value)
    return this.#average ?? nullValue
  }

  #next(value: Value): Value {
    const before = this.#average
    const { double, decimal } = this.#weight
    if (value.type === bsonType.decimal128 || before?.type === bsonType.decimal128) {
      const now = decimalOf(value)
      if (before === undefined) return decimal128Value(decimal128Bytes(now))
      const rest = subtractDecimals(integerDecimal(1n), decimal)
      const next = addDecimals(multiplyDecimals(now, decimal), multiplyDecimals(decimalOf(before), rest))
      return decimal128Value(decimal128Bytes(next))
    }
    if (before === undefined) return doubleValue(numberOf(value))
    return doubleValue(numberOf(value) * double + numberOf(before) * (1 - double))
  }
}
