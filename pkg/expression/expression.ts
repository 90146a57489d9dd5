/**
 * The expression language's tree, and what an expression compiles to.
 *
 * An expression gives one value for a document. Values are BSON in place: a field path gives a value that points into the
 * document's own bytes. That a field is not there is a value of its own, `missing`, which is not null.
 */
import { bsonType } from '../bson/type.ts'
import type { Value } from '../bson/value.ts'
import type { EvaluationContext } from './context.ts'

export type Expression = ConstantExpression | PathExpression | ObjectExpression | ArrayExpression | OperatorExpression

export interface ConstantExpression {
  readonly kind: 'constant'
  readonly value: Value
}

/** A path from a variable: `$a.b` is `$$CURRENT.a.b`. */
export interface PathExpression {
  readonly kind: 'path'
  /** Which variable the path starts at; `rootVariable` for the document. */
  readonly variable: number
  /** Empty: the variable itself. */
  readonly names: readonly string[]
}

export interface ObjectExpression {
  readonly kind: 'object'
  readonly fields: readonly { readonly name: string; readonly expression: Expression }[]
}

export interface ArrayExpression {
  readonly kind: 'array'
  readonly elements: readonly Expression[]
}

export interface OperatorExpression {
  readonly kind: 'operator'
  readonly name: string
  readonly operands: readonly Expression[]
  /** Makes the evaluation from those of the operands. */
  make(operands: readonly Evaluate[]): Evaluate
  /** Its value depends on nothing but the operands': of constants it is a constant (see `fold.ts`). */
  readonly foldable?: boolean
  /** For operators that fold their operands in a way of their own, such as those that drop some unseen. */
  simplify?(fold: (operand: Expression) => Expression): Expression
}

/**
 * A compiled expression. The value may point into the document, or into memory of the expression itself: it is valid until
 * the same expression is evaluated again, and who keeps it longer copies it.
 */
export type Evaluate = (context: EvaluationContext) => Value

/** `$$ROOT`, and `$$CURRENT` where nothing else has been bound to it. */
export const rootVariable = 0

/** No value: a field that is not there. Its type is none of BSON's. */
export const missing: Value = { type: 0, bytes: new Uint8Array(0), start: 0, end: 0 }

export function isMissing(value: Value): boolean {
  return value.type === 0
}

/** Missing, null or undefined: what most operators answer with null. */
export function isNullish({ type }: Value): boolean {
  return type === 0 || type === bsonType.null || type === bsonType.undefined
}
