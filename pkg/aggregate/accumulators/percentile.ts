/** `$percentile` and `$median`. */
import { isNumber, numberOf, type Value } from '../../bson/value.ts'
import {
  fractionsOf,
  type QuantileMethod,
  quantileMethodOf,
  quantileOf,
  sortNumbers,
} from '../../expression/operators/accumulator/quantiles.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Accumulation, Accumulator } from './accumulator.ts'
import { namedArguments, requiredArgument } from './arguments.ts'
import { GatheredArray } from './gathered.ts'

/**
 * `{$percentile: {input, p: [0..1, ...], method}}`: for each p a value that so large a part of the numbers does not exceed.
 * `approximate` is answered exactly.
 */
export const percentile: Accumulator = {
  name: '$percentile',
  parse(operand, scope) {
    const found = argumentsOf('$percentile', operand, ['input', 'p', 'method'])
    const input = requiredArgument('$percentile', found, 'input', 'MissingField')
    const p = fractionsOf(parseExpression(requiredArgument('$percentile', found, 'p', 'MissingField'), scope))
    const method = quantileMethodOf(requiredArgument('$percentile', found, 'method', 'MissingField'))
    return {
      expression: parseExpression(input, scope),
      open: () => new Percentile((numbers) => arrayOf(numbers, p, method)),
    }
  },
}

/** `{$median: {input, method}}` */
export const median: Accumulator = {
  name: '$median',
  parse(operand, scope) {
    const found = argumentsOf('$median', operand, ['input', 'method'])
    const input = requiredArgument('$median', found, 'input', 'MissingField')
    const method = quantileMethodOf(requiredArgument('$median', found, 'method', 'MissingField'))
    return {
      expression: parseExpression(input, scope),
      open: () => new Percentile((numbers) => quantileOf(numbers, 0.5, method)),
    }
  },
}

function argumentsOf(name: string, operand: Value, known: readonly string[]): ReadonlyMap<string, Value> {
  const type = name === '$median' ? 7436100 : 7429703
  return namedArguments(name, operand, known, { type, unknown: 'UnknownField' })
}

class Percentile implements Accumulation {
  #numbers = new Float64Array(8)
  #count = 0
  readonly #result: (sorted: Float64Array) => Value

  constructor(result: (sorted: Float64Array) => Value) {
    this.#result = result
  }

  get usedBytes(): number {
    return 64 + this.#numbers.length * 8
  }

  add(value: Value): void {
    if (!isNumber(value.type)) return
    if (this.#count === this.#numbers.length) {
      const grown = new Float64Array(this.#count * 2)
      grown.set(this.#numbers)
      this.#numbers = grown
    }
    this.#numbers[this.#count++] = numberOf(value)
  }

  result(): Value {
    return this.#result(sortNumbers(this.#numbers.slice(0, this.#count)))
  }
}

function arrayOf(sorted: Float64Array, p: readonly number[], method: QuantileMethod): Value {
  const array = new GatheredArray()
  for (const each of p) array.add(quantileOf(sorted, each, method))
  return array.value()
}
