/** `$locf` and `$linearFill`: values for documents that have none, from their neighbours. */
import { DatabaseError } from '../../base/errors.ts'
import { addDecimals, divideDecimals, multiplyDecimals, subtractDecimals } from '../../bson/decimal-arithmetic.ts'
import { decimal128Bytes } from '../../bson/decimal128.ts'
import { decimalOf } from '../../bson/number.ts'
import { bsonType } from '../../bson/type.ts'
import { decimal128Value, doubleValue, isNumber, nullValue, numberOf, type Value } from '../../bson/value.ts'
import { type Evaluate, isNullish } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import { copyOf } from '../accumulators/accumulator.ts'
import type { PipelineRun } from '../stage.ts'
import type { Partition } from './partition.ts'
import type { WindowColumn, WindowFunctionDefinition } from './window-function.ts'

/** `{$locf: expression}`: the last value that is neither null nor missing. */
export const locf: WindowFunctionDefinition = {
  name: '$locf',
  parse(operand, { scope, frame }) {
    if (frame !== undefined) throw new DatabaseError('FailedToParse', "'window' field is not allowed in $locf")
    const expression = parseExpression(operand, scope)
    return {
      compile(compiler) {
        const evaluate = compiler.compile(expression)
        return (partition) => {
          let last: Value = nullValue
          return {
            reset() {
              last = nullValue
            },
            valueOf(i) {
              const value = partition.evaluate(i, evaluate)
              if (!isNullish(value)) last = copyOf(value)
              return last
            },
          }
        }
      },
    }
  },
}

/** `{$linearFill: expression}`: on the line between the neighbours that have values; null before the first and after the last. */
export const linearFill: WindowFunctionDefinition = {
  name: '$linearFill',
  parse(operand, { scope, frame, sort }) {
    if (frame !== undefined) throw new DatabaseError('FailedToParse', "'window' field is not allowed in $linearFill")
    if (sort === undefined || sort.parts.length !== 1) {
      throw new DatabaseError(
        605001,
        '$linearFill must be specified with a top level sortBy expression with exactly one element',
      )
    }
    const expression = parseExpression(operand, scope)
    return {
      compile(compiler) {
        const evaluate = compiler.compile(expression)
        return (partition, run) => new LinearFill(evaluate, partition, run)
      },
    }
  },
}

class LinearFill implements WindowColumn {
  readonly #evaluate: Evaluate
  readonly #partition: Partition
  readonly #run: PipelineRun
  /** The nearest document with a value at or before the current one, and that after it; -1 and the count: none. */
  #before = -1
  #after = -1
  #beforeValue: Value = nullValue
  #afterValue: Value = nullValue

  constructor(evaluate: Evaluate, partition: Partition, run: PipelineRun) {
    this.#evaluate = evaluate
    this.#partition = partition
    this.#run = run
  }

  reset(): void {
    this.#before = -1
    this.#after = -1
  }

  valueOf(i: number): Value | undefined {
    this.#refuseTie(i)
    if (this.#after < i) this.#after = i
    while (this.#after < this.#partition.count) {
      const value = this.#partition.evaluate(this.#after, this.#evaluate)
      if (!isNullish(value)) {
        if (!isNumber(value.type)) throw new DatabaseError('TypeMismatch', '$linearFill needs numeric values')
        this.#afterValue = copyOf(value)
        break
      }
      this.#after++
      if (this.#run.turnIsOver()) return undefined
    }
    if (this.#after === i) {
      this.#before = i
      this.#beforeValue = this.#afterValue
      return this.#beforeValue
    }
    return this.#before < 0 || this.#after >= this.#partition.count ? nullValue : this.#between(i)
  }

  #refuseTie(i: number): void {
    if (i === 0) return
    if (this.#position(i - 1) === this.#position(i)) {
      throw new DatabaseError(6050106, 'There can be no repeated values in the sort field')
    }
  }

  #position(i: number): number {
    return this.#partition.position(i, 'any', 6050103)
  }

  #between(i: number): Value {
    const [x0, x, x1] = [this.#position(this.#before), this.#position(i), this.#position(this.#after)]
    const [y0, y1] = [this.#beforeValue, this.#afterValue]
    if (y0.type !== bsonType.decimal128 && y1.type !== bsonType.decimal128) {
      const [from, to] = [numberOf(y0), numberOf(y1)]
      return doubleValue(from + ((to - from) / (x1 - x0)) * (x - x0))
    }
    const rise = subtractDecimals(decimalOf(y1), decimalOf(y0))
    const slope = divideDecimals(rise, decimalOf(doubleValue(x1 - x0)))
    const filled = addDecimals(decimalOf(y0), multiplyDecimals(slope, decimalOf(doubleValue(x - x0))))
    return decimal128Value(decimal128Bytes(filled))
  }
}
