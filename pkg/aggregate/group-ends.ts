/** Which documents of its groups a `$group` can do with: the first and last ones, if it asks for nothing else. */
import { type Expression, rootVariable } from '../expression/expression.ts'
import type { Extreme, GroupEnds } from '../query/plan-groups.ts'
import type { Grouping } from './grouping.ts'

/** Undefined: all documents count, or the groups are those of no single path. */
export function groupEndsOf({ id, fields }: Grouping): GroupEnds | undefined {
  const path = pathOf(id)
  if (path === undefined) return undefined
  let first = false
  let last = false
  const extremes: Extreme[] = []
  for (const { operator, accumulator } of fields) {
    switch (operator) {
      case '$first':
        first = true
        break
      case '$last':
        last = true
        break
      case '$min':
      case '$max': {
        const of = pathOf(accumulator.expression)
        if (of === undefined) return undefined
        extremes.push({ path: of, greatest: operator === '$max' })
        break
      }
      default:
        return undefined
    }
  }
  return { path, first, last, extremes }
}

/** The path in the document that an expression is, and nothing else. */
function pathOf(expression: Expression): string | undefined {
  if (expression.kind !== 'path' || expression.variable !== rootVariable || expression.names.length === 0)
    return undefined
  return expression.names.join('.')
}
