import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, truthy, type Value } from '../../../bson/value.ts'
import { type Evaluate, type Expression, missing } from '../../expression.ts'
import type { Scope } from '../../scope.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator, ParseOperand } from '../operator.ts'

interface Branch {
  readonly condition: Expression
  readonly value: Expression
}

/**
 * `{$switch: {branches: [{case: condition, then: a}, ...], default: b}}`: what stands with the first condition that is true;
 * only that is evaluated. Errors: 40060..40065, 40067, 40068 for the arguments, 40066 when no condition is true and there is no
 * default, 40069 when that can be told from the constants.
 */
export const switchCase: Operator = {
  name: '$switch',
  parse(operand, scope, parse) {
    const given = namedArguments('$switch', operand, ['branches', 'default'], { notDocument: 40060, unknown: 40067 })
    const branches = parseBranches(given.get('branches'), scope, parse)
    const byDefault = given.get('default')
    const otherwise = byDefault && parse(byDefault, scope)
    if (branches.length === 0) throw new DatabaseError(40068, '$switch requires at least one branch')
    return { ...expressionOf(branches, otherwise), simplify: (fold) => decided(branches, otherwise, fold) }
  },
}

function parseBranches(list: Value | undefined, scope: Scope, parse: ParseOperand): Branch[] {
  if (list === undefined) return []
  if (list.type !== bsonType.array) throw new DatabaseError(40061, '$switch expected an array for branches')
  return [...documentFields(list.bytes, list.start)].map((branch) => {
    const given = namedArguments('$switch', branch, ['case', 'then'], { notDocument: 40062, unknown: 40063 })
    const condition = given.get('case')
    if (condition === undefined) throw new DatabaseError(40064, "$switch requires each branch have a 'case' expression")
    const value = given.get('then')
    if (value === undefined) throw new DatabaseError(40065, "$switch requires each branch have a 'then' expression.")
    return { condition: parse(condition, scope), value: parse(value, scope) }
  })
}

/**
 * Without the branches that constants rule out, whose own constants are not evaluated; the value itself when constants decide
 * all. The default is evaluated first, whether or not it is reached.
 */
function decided(
  branches: readonly Branch[],
  byDefault: Expression | undefined,
  fold: (expression: Expression) => Expression,
): Expression {
  const open: Branch[] = []
  let otherwise = byDefault && fold(byDefault)
  for (const branch of branches) {
    const condition = fold(branch.condition)
    if (condition.kind !== 'constant') open.push({ condition, value: fold(branch.value) })
    else if (condition.value !== missing && truthy(condition.value)) {
      otherwise = fold(branch.value)
      break
    }
  }
  if (open.length > 0) return expressionOf(open, otherwise)
  if (otherwise !== undefined) return otherwise
  throw new DatabaseError(
    40069,
    'One cannot execute a switch statement where all the cases evaluate to false without a default.',
  )
}

function expressionOf(
  branches: readonly Branch[],
  otherwise: Expression | undefined,
): Expression & { kind: 'operator' } {
  const operands = branches.flatMap(({ condition, value }) => [condition, value])
  return { kind: 'operator', name: '$switch', operands: otherwise ? [...operands, otherwise] : operands, make }
}

function make(operands: readonly Evaluate[]): Evaluate {
  const conditions = operands.filter((_, i) => i % 2 === 0)
  const values = operands.filter((_, i) => i % 2 === 1)
  // An odd one at the end is the default.
  const otherwise = conditions.length > values.length ? conditions.pop() : undefined
  return (context) => {
    for (let i = 0; i < conditions.length; i++) {
      const holds = conditions[i]!(context)
      if (holds !== missing && truthy(holds)) return values[i]!(context)
    }
    if (otherwise !== undefined) return otherwise(context)
    throw new DatabaseError(
      40066,
      '$switch could not find a matching branch for an input, and no default was specified.',
    )
  }
}
