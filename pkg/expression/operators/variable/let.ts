import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, type Value } from '../../../bson/value.ts'
import { refuseUnfitVariableName } from '../../scope.ts'
import type { Operator } from '../operator.ts'

/** `{$let: {vars: {name: expression}, in: expression}}` */
export const letVariables: Operator = {
  name: '$let',
  parse(operand, scope, parse) {
    if (operand.type !== bsonType.document)
      throw new DatabaseError(16874, '$let only supports an object as its argument')
    let vars: Value | undefined
    let body: Value | undefined
    for (const field of documentFields(operand.bytes, operand.start)) {
      if (field.name === 'vars') vars = field
      else if (field.name === 'in') body = field
      else throw new DatabaseError(16875, `Unrecognized parameter to $let: ${field.name}`)
    }
    if (vars === undefined) throw new DatabaseError(16876, "Missing 'vars' parameter to $let")
    if (body === undefined) throw new DatabaseError(16877, "Missing 'in' parameter to $let")
    // An array's names are refused as any other unfit ones.
    if (vars.type !== bsonType.document && vars.type !== bsonType.array) {
      throw new DatabaseError(10065, 'invalid parameter: expected an object (vars)')
    }
    const definitions = [...documentFields(vars.bytes, vars.start)]
    for (const { name } of definitions) refuseUnfitVariableName(name)
    const values = definitions.map((definition) => parse(definition, scope))
    const inner = scope.with(definitions.map(({ name }) => name))
    return {
      kind: 'operator',
      name: '$let',
      operands: [...values, parse(body, inner.scope)],
      make(operands) {
        const { slots } = inner
        const result = operands[slots.length]!
        return (context) => {
          for (let i = 0; i < slots.length; i++) context.variables[slots[i]!] = operands[i]!(context)
          return result(context)
        }
      },
    }
  },
}
