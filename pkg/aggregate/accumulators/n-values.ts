/** `$firstN`, `$lastN`, `$maxN` and `$minN`: up to n of the values, as an array. */
import { nullValue, type Value } from '../../bson/value.ts'
import type { ValueOrder } from '../../bson/value-order.ts'
import { isNullish, missing } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import { type Accumulation, type Accumulator, copyOf } from './accumulator.ts'
import { namedArguments, requiredArgument } from './arguments.ts'
import { countOf } from './count-of.ts'
import { GatheredArray } from './gathered.ts'

/** `{$firstN: {input: expression, n: expression}}` */
export const firstN = nAccumulator('$firstN', (n) => new FirstValues(n))
/** `{$lastN: {input: expression, n: expression}}` */
export const lastN = nAccumulator('$lastN', (n) => new LastValues(n))
/** `{$maxN: {input: expression, n: expression}}`: the greatest first; null and missing do not count. */
export const maxN = nAccumulator('$maxN', (n, order) => new ExtremeValues(n, 1, order))
/** `{$minN: {input: expression, n: expression}}`: the least first; null and missing do not count. */
export const minN = nAccumulator('$minN', (n, order) => new ExtremeValues(n, -1, order))

function nAccumulator(name: string, open: (n: number, order: ValueOrder) => Accumulation): Accumulator {
  return {
    name,
    parse(operand, scope) {
      const found = namedArguments(name, operand, ['input', 'n'], { type: 5787900, unknown: 5787901 })
      const n = requiredArgument(name, found, 'n', 5787906)
      const input = requiredArgument(name, found, 'input', 5787907)
      return {
        expression: parseExpression(input, scope),
        initial: parseExpression(n, scope),
        open: (count) => open(countOf(name, count), scope.order),
      }
    },
  }
}

/** Missing values count, as null. */
function present(value: Value): Value {
  return value === missing ? nullValue : value
}

class FirstValues implements Accumulation {
  readonly #n: number
  readonly #array = new GatheredArray()

  constructor(n: number) {
    this.#n = n
  }

  get usedBytes(): number {
    return 64 + this.#array.usedBytes
  }

  add(value: Value): void {
    if (this.#array.count < this.#n) this.#array.add(present(value))
  }

  result(): Value {
    return this.#array.value()
  }
}

class LastValues implements Accumulation {
  readonly #n: number
  readonly #values: Value[] = []
  /** Where the oldest is, once there are n. */
  #oldest = 0
  usedBytes = 64

  constructor(n: number) {
    this.#n = n
  }

  add(value: Value): void {
    const copy = copyOf(present(value))
    this.usedBytes += 64 + copy.end
    if (this.#values.length < this.#n) {
      this.#values.push(copy)
      return
    }
    this.usedBytes -= 64 + this.#values[this.#oldest]!.end
    this.#values[this.#oldest] = copy
    this.#oldest = (this.#oldest + 1) % this.#n
  }

  result(): Value {
    const array = new GatheredArray()
    const { length } = this.#values
    for (let i = 0; i < length; i++) array.add(this.#values[(this.#oldest + i) % length]!)
    return array.value()
  }
}

class ExtremeValues implements Accumulation {
  readonly #n: number
  readonly #sign: 1 | -1
  readonly #order: ValueOrder
  /** The most extreme first, equal ones as they came. */
  readonly #values: Value[] = []
  usedBytes = 64

  constructor(n: number, sign: 1 | -1, order: ValueOrder) {
    this.#n = n
    this.#sign = sign
    this.#order = order
  }

  add(value: Value): void {
    if (isNullish(value)) return
    const values = this.#values
    const full = values.length === this.#n
    if (full && this.#compare(value, values.at(-1)!) <= 0) return
    if (full) this.usedBytes -= 64 + values.pop()!.end
    let [low, high] = [0, values.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(value, values[middle]!) > 0) high = middle
      else low = middle + 1
    }
    values.splice(low, 0, copyOf(value))
    this.usedBytes += 64 + value.end - value.start
  }

  #compare(a: Value, b: Value): number {
    return this.#sign * this.#order.compare(a, b)
  }

  result(): Value {
    const array = new GatheredArray()
    for (const value of this.#values) array.add(value)
    return array.value()
  }
}
