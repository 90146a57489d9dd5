/** Every operator of the filter language, by name. */
import type { PathOperator, TopLevelOperator } from '../operator.ts'
import { allOperator } from './all.ts'
import { bitsOperators } from './bits.ts'
import { commentOperator, constantOperators, pathCommentOperator } from './comment.ts'
import { comparisonOperators } from './comparison.ts'
import { elemMatchOperator } from './elem-match.ts'
import { existsOperator } from './exists.ts'
import { exprOperator } from './expr.ts'
import { geoOperators } from './geo.ts'
import { jsonSchemaOperator } from './json-schema.ts'
import { logicalOperators, notOperator } from './logical.ts'
import { membershipOperators } from './membership.ts'
import { modOperator } from './mod.ts'
import { nearOperators } from './near.ts'
import { optionsOperator, regexOperator } from './regex.ts'
import { sampleRateOperator } from './sample-rate.ts'
import { sizeOperator } from './size.ts'
import { typeOperator } from './type.ts'
import { whereOperator } from './where.ts'

export const pathOperators: ReadonlyMap<string, PathOperator> = byName([
  ...comparisonOperators,
  ...membershipOperators,
  notOperator,
  existsOperator,
  typeOperator,
  sizeOperator,
  allOperator,
  elemMatchOperator,
  modOperator,
  ...bitsOperators,
  regexOperator,
  optionsOperator,
  ...geoOperators,
  ...nearOperators,
  pathCommentOperator,
])

export const topLevelOperators: ReadonlyMap<string, TopLevelOperator> = byName([
  ...logicalOperators,
  ...constantOperators,
  exprOperator,
  jsonSchemaOperator,
  sampleRateOperator,
  whereOperator,
  commentOperator,
])

/** MongoDB's operators that are not there yet: refused by their name, not as unknown. */
export const absentTopLevelOperators: ReadonlySet<string> = new Set(['$text'])

function byName<Operator extends { readonly name: string }>(operators: readonly Operator[]): Map<string, Operator> {
  return new Map(operators.map((operator) => [operator.name, operator]))
}
