/** Operators of named arguments, each of them an expression. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, nullValue } from '../../bson/value.ts'
import type { Evaluate, Expression, OperatorExpression } from '../expression.ts'
import type { Operator } from './operator.ts'

export interface NamedOperator<Name extends string> {
  readonly name: string
  readonly names: readonly Name[]
  /** The required ones, each with the code of the error for its absence. */
  readonly required: Readonly<Partial<Record<Name, number>>>
  /** Codes of the errors for an operand that is no document, and for a name that is none of `names`. */
  readonly notDocument: number
  readonly unknown: number
  /** Optional ones that make the whole null when they are a constant null, whether or not they would have been looked at. */
  readonly nullWhenConstant?: readonly Name[]
  /** Further refusals, by which arguments are there. */
  check?(given: ReadonlySet<Name>): void
  make(operands: Readonly<Partial<Record<Name, Evaluate>>>): Evaluate
}

export function namedOperator<Name extends string>(definition: NamedOperator<Name>): Operator {
  const { name, names } = definition
  return {
    name,
    parse(operand, scope, parse) {
      if (operand.type !== bsonType.document) {
        throw new DatabaseError(definition.notDocument, `${name} only supports an object as its argument`)
      }
      const given = new Map<Name, Expression>()
      for (const field of documentFields(operand.bytes, operand.start)) {
        const known = names.find((candidate) => candidate === field.name)
        if (known === undefined)
          throw new DatabaseError(definition.unknown, `Unrecognized argument to ${name}: ${field.name}`)
        given.set(known, parse(field, scope))
      }
      definition.check?.(new Set(given.keys()))
      for (const [required, code] of Object.entries(definition.required)) {
        if (!given.has(required as Name)) {
          throw new DatabaseError(code as number, `Missing '${required}' parameter to ${name}`)
        }
      }
      return operatorExpression(definition, [...given.keys()], [...given.values()])
    },
  }
}

/** For optional arguments whose absence means null. */
export const absent: Evaluate = () => nullValue

function operatorExpression<Name extends string>(
  definition: NamedOperator<Name>,
  keys: readonly Name[],
  operands: readonly Expression[],
): OperatorExpression {
  const { name, nullWhenConstant } = definition
  const make = (evaluations: readonly Evaluate[]) => {
    const byName: Partial<Record<Name, Evaluate>> = {}
    keys.forEach((key, i) => {
      byName[key] = evaluations[i]!
    })
    return definition.make(byName)
  }
  const expression: OperatorExpression = { kind: 'operator', name, operands, foldable: true, make }
  if (nullWhenConstant === undefined) return expression
  return {
    ...expression,
    simplify(fold) {
      const folded = operands.map(fold)
      const isNull = folded.some(
        (operand, i) =>
          nullWhenConstant.includes(keys[i]!) && operand.kind === 'constant' && operand.value.type === bsonType.null,
      )
      const isConstant = folded.every(({ kind }) => kind === 'constant')
      if (isNull && !isConstant) return { kind: 'constant', value: nullValue }
      return fold({ ...expression, operands: folded })
    },
  }
}
