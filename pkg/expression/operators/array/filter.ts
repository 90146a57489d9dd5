import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue, truthy } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { ArrayResult } from '../../array-result.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, isNullish, missing } from '../../expression.ts'
import { weightOf } from '../../weight.ts'
import { int32Of } from '../int32.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { scopeOfElement } from './element-variable.ts'

/**
 * `{$filter: {input: array, as: name, cond: expression, limit: count}}`: the elements of which the condition is true.
 * Errors: 28646..28651, 327391 and 327392 for a limit that is no positive int32.
 */
export const filter: Operator = {
  name: '$filter',
  parse(operand, scope, parse) {
    const given = namedArguments('$filter', operand, ['input', 'as', 'cond', 'limit'], {
      notDocument: 28646,
      unknown: 28647,
    })
    const input = given.required('input', 28648)
    const condition = given.required('cond', 28650)
    const limit = given.get('limit')
    const inner = scopeOfElement(scope, given.get('as'))
    const each = parse(condition, inner.scope)
    const operands = [parse(input, scope), each]
    if (limit !== undefined) operands.push(parse(limit, scope))
    return {
      kind: 'operator',
      name: '$filter',
      operands,
      make: ([array, holds, limitOf]) => filterBy(array!, holds!, limitOf, inner.slot, weightOf(each)),
    }
  },
}

function filterBy(
  arrayOf: Evaluate,
  holds: Evaluate,
  limitOf: Evaluate | undefined,
  slot: number,
  weight: number,
): Evaluate {
  const result = new ArrayResult()
  const walker = new ElementWalker()
  return (context) => {
    const array = arrayOf(context)
    if (isNullish(array)) return nullValue
    if (array.type !== bsonType.array) {
      throw new DatabaseError(28651, `input to $filter must be an array not ${shownType(array)}`)
    }
    const limit = limitOf === undefined ? Number.POSITIVE_INFINITY : limitIn(context, limitOf)
    result.reset()
    walker.reset(array.bytes, array.start)
    while (result.count < limit && walker.next()) {
      context.variables[slot] = walker.value()
      context.spend(2 + weight)
      const value = holds(context)
      if (value !== missing && truthy(value)) result.addElement(walker)
    }
    return result.value(context)
  }
}

/** None when it is null or missing. */
function limitIn(context: EvaluationContext, limitOf: Evaluate): number {
  const value = limitOf(context)
  if (isNullish(value)) return Number.POSITIVE_INFINITY
  const limit = int32Of(value)
  if (limit === undefined) {
    throw new DatabaseError(327391, '$filter: limit must be represented as a 32-bit integral value')
  }
  if (limit <= 0) throw new DatabaseError(327392, '$filter: limit must be greater than 0')
  return limit
}
