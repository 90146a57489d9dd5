/** Expressions as they were given: what another thread needs to parse them again. */
import { stringValue, type Value } from '../bson/value.ts'
import { type Expression, type PathExpression, rootVariable } from './expression.ts'
import { Scope } from './scope.ts'

export interface ExpressionSource {
  /** May lie in a larger buffer. */
  readonly value: Value
  readonly scope: Scope
}

const sources = new WeakMap<Expression, ExpressionSource>()

export function noteSource(expression: Expression, source: ExpressionSource): void {
  // The others take no time, or stand for more than one.
  if (expression.kind !== 'constant') sources.set(expression, source)
}

/** undefined: it was put together by a stage. */
export function sourceOf(expression: Expression): ExpressionSource | undefined {
  return sources.get(expression)
}

/** The path from the root, as if it had been written. */
export function rootPath(names: readonly string[]): PathExpression {
  const path: PathExpression = { kind: 'path', variable: rootVariable, names }
  if (names.length > 1) noteSource(path, { value: stringValue(`$$ROOT.${names.join('.')}`), scope: Scope.outermost() })
  return path
}
