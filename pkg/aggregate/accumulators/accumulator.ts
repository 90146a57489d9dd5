/** What an accumulator is: gathers one value for each document of a group, and gives one value for the group. */
import type { Value } from '../../bson/value.ts'
import type { ValueOrder } from '../../bson/value-order.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import type { Expression } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'

export interface Accumulator {
  /** With the `$`. */
  readonly name: string
  parse(operand: Value, scope: Scope): ParsedAccumulator
}

/** An accumulator with its operand. */
export interface ParsedAccumulator {
  /** Whose value is gathered. */
  readonly expression: Expression
  /** Evaluated once for a group, against its `_id`: `n` of `$firstN` and kin. */
  readonly initial?: Expression
  /** Paths of the document that are read besides the expression's. */
  readonly reads?: readonly string[]
  /** `initial`: the value of that expression. Errors: those of an unfit `n`. */
  open(initial?: Value): Accumulation
  /** Values can be taken out again in the order they came in: for windows that slide. */
  openSliding?(initial?: Value): SlidingAccumulation
}

/** The state of one accumulator for one group. */
export interface Accumulation {
  /**
   * `value` may be `missing`, and points into bytes that change with the next document: what is kept is copied.
   * `context`: of the document that it comes from.
   */
  add(value: Value, context: EvaluationContext): void
  /** May be asked for at any time, and more may be added afterwards. */
  result(): Value
  /** Memory held, about. */
  readonly usedBytes: number
}

export interface SlidingAccumulation extends Accumulation {
  /** Takes out the value that was added first of those that are in. */
  remove(value: Value, context: EvaluationContext): void
}

/** An accumulator over the value of one expression. */
export function unaryAccumulator(
  name: string,
  open: (order: ValueOrder) => Accumulation,
  openSliding?: (order: ValueOrder) => SlidingAccumulation,
): Accumulator {
  return {
    name,
    parse: (operand, scope) => ({
      expression: parseExpression(operand, scope),
      open: () => open(scope.order),
      ...(openSliding === undefined ? {} : { openSliding: () => openSliding(scope.order) }),
    }),
  }
}

/** The value with bytes of its own. */
export function copyOf({ type, bytes, start, end }: Value): Value {
  return { type, bytes: bytes.slice(start, end), start: 0, end: end - start }
}
