/** `$percentile` and `$median`. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, doubleValue, isNumber, nullValue, numberOf, readString, type Value } from '../../bson/value.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import { parseExpression, readsDocument } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'
import type { Accumulation, Accumulator } from './accumulator.ts'
import { namedArguments, requiredArgument } from './arguments.ts'
import { GatheredArray } from './gathered.ts'

type Method = 'discrete' | 'continuous'

/**
 * `{$percentile: {input, p: [0..1, ...], method}}`: for each p a value that so large a part of the numbers does not exceed.
 * `approximate` is answered exactly.
 */
export const percentile: Accumulator = {
  name: '$percentile',
  parse(operand, scope) {
    const found = argumentsOf('$percentile', operand, ['input', 'p', 'method'])
    const input = requiredArgument('$percentile', found, 'input', 'MissingField')
    const p = percentilesOf(requiredArgument('$percentile', found, 'p', 'MissingField'), scope)
    const method = methodOf(requiredArgument('$percentile', found, 'method', 'MissingField'))
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
    const method = methodOf(requiredArgument('$median', found, 'method', 'MissingField'))
    return {
      expression: parseExpression(input, scope),
      open: () => new Percentile((numbers) => valueAt(numbers, 0.5, method)),
    }
  },
}

function argumentsOf(name: string, operand: Value, known: readonly string[]): ReadonlyMap<string, Value> {
  const type = name === '$median' ? 7436100 : 7429703
  return namedArguments(name, operand, known, { type, unknown: 'UnknownField' })
}

function methodOf(value: Value): Method {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field 'method' is the wrong type '${typeAlias(value.type)}', expected type 'string'`,
    )
  }
  const method = readString(value.bytes, value.start)
  if (method === 'approximate' || method === 'discrete') return 'discrete'
  if (method === 'continuous') return method
  throw new DatabaseError(
    'BadValue',
    "Currently only 'approximate', 'discrete' and 'continuous' can be used as 'method'.",
  )
}

/** Errors: 7750300 for an expression that is no constant, 7750301 for no array of at least one, 7750302 and 7750303 for its elements. */
function percentilesOf(operand: Value, scope: Scope): number[] {
  const expression = parseExpression(operand, scope)
  if (readsDocument(expression)) {
    throw new DatabaseError(7750300, "The 'p' of $percentile must be a constant expression")
  }
  const compiler = new ExpressionCompiler()
  const evaluate = compiler.compile(expression)
  const value = evaluate(compiler.context(0))
  const elements = value.type === bsonType.array ? [...documentFields(value.bytes, value.start)] : []
  if (elements.length === 0) {
    throw new DatabaseError(7750301, "The $percentile 'p' field must be an array of numbers from [0.0, 1.0]")
  }
  return elements.map((element) => {
    if (!isNumber(element.type)) {
      throw new DatabaseError(7750302, "The $percentile 'p' field must be an array of numbers from [0.0, 1.0]")
    }
    const p = numberOf(element)
    if (!(p >= 0 && p <= 1)) {
      throw new DatabaseError(7750303, "The $percentile 'p' field must be an array of numbers from [0.0, 1.0]")
    }
    return p
  })
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
    return this.#result(this.#numbers.slice(0, this.#count).sort(nanFirst))
  }
}

/** MongoDB's order of numbers: NaN before all others. */
function nanFirst(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return 0
  return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : 1
}

function arrayOf(sorted: Float64Array, p: readonly number[], method: Method): Value {
  const array = new GatheredArray()
  for (const each of p) array.add(valueAt(sorted, each, method))
  return array.value()
}

function valueAt(sorted: Float64Array, p: number, method: Method): Value {
  const { length } = sorted
  if (length === 0) return nullValue
  if (method === 'discrete') return doubleValue(sorted[Math.max(0, Math.ceil(p * length) - 1)]!)
  const rank = p * (length - 1)
  const low = Math.floor(rank)
  const below = sorted[low]!
  const above = sorted[Math.min(low + 1, length - 1)]!
  return doubleValue(rank === low ? below : below + (rank - low) * (above - below))
}
