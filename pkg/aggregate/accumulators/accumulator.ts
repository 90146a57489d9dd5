/** What an accumulator is: gathers one value for each document of a group, and gives one value for the group. */
import type { Value } from '../../bson/value.ts'
import type { Expression } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'

export interface Accumulator {
  /** With the `$`. */
  readonly name: string
  /** The expression whose value is gathered. `operand`: never an array. */
  parse(operand: Value, scope: Scope): Expression
  open(): Accumulation
}

/** The state of one accumulator for one group. */
export interface Accumulation {
  /** `value` may be `missing`, and points into bytes that change with the next document: what is kept is copied. */
  add(value: Value): void
  result(): Value
  /** Memory held, about. */
  readonly usedBytes: number
}

/** An accumulator over the value of one expression. */
export function unaryAccumulator(name: string, open: () => Accumulation): Accumulator {
  return {
    name,
    open,
    parse: parseExpression,
  }
}

/** The value with bytes of its own. */
export function copyOf({ type, bytes, start, end }: Value): Value {
  return { type, bytes: bytes.slice(start, end), start: 0, end: end - start }
}
