import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, truthy, type Value } from '../../../bson/value.ts'
import { type Evaluate, type Expression, missing } from '../../expression.ts'
import type { Scope } from '../../scope.ts'
import { type Operator, type ParseOperand, parseArguments } from '../operator.ts'

/** `{$cond: [if, then, else]}` or `{$cond: {if, then, else}}`; only the branch that is taken is evaluated. */
export const cond: Operator = {
  name: '$cond',
  parse(operand, scope, parse) {
    const operands =
      operand.type === bsonType.document ? parseNamed(operand, scope, parse) : parseArguments(operand, scope, parse)
    if (operands.length !== 3) {
      throw new DatabaseError(16020, `Expression $cond takes exactly 3 arguments. ${operands.length} were passed in.`)
    }
    return { kind: 'operator', name: '$cond', operands, make, simplify: (fold) => choose(operands.map(fold)) }
  },
}

/** A constant condition chooses once and for all; the constants in the other branch have been folded, and refused, by then. */
function choose(operands: readonly Expression[]): Expression {
  const [condition, whenTrue, otherwise] = operands as readonly [Expression, Expression, Expression]
  if (condition.kind !== 'constant') return { kind: 'operator', name: '$cond', operands, make }
  return condition.value !== missing && truthy(condition.value) ? whenTrue : otherwise
}

function make([condition, whenTrue, otherwise]: readonly Evaluate[]): Evaluate {
  return (context) => {
    const value = condition!(context)
    return value !== missing && truthy(value) ? whenTrue!(context) : otherwise!(context)
  }
}

const branches = [
  { name: 'if', code: 17080 },
  { name: 'then', code: 17081 },
  { name: 'else', code: 17082 },
]

function parseNamed(operand: Value, scope: Scope, parse: ParseOperand): Expression[] {
  const given = new Map<string, Expression>()
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (!branches.some(({ name }) => name === field.name)) {
      throw new DatabaseError(17083, `Unrecognized parameter to $cond: ${field.name}`)
    }
    given.set(field.name, parse(field, scope))
  }
  return branches.map(({ name, code }) => {
    const expression = given.get(name)
    if (expression === undefined) throw new DatabaseError(code, `Missing '${name}' parameter to $cond`)
    return expression
  })
}
