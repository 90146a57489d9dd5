import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { ArrayResult } from '../../array-result.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { weightOf } from '../../weight.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'
import { scopeOfElement } from './element-variable.ts'

/** `{$map: {input: array, as: name, in: expression}}`; a missing value is null. Errors: 16878..16883. */
export const map: Operator = {
  name: '$map',
  parse(operand, scope, parse) {
    const given = namedArguments('$map', operand, ['input', 'as', 'in'], { notDocument: 16878, unknown: 16879 })
    const input = given.required('input', 16880)
    const body = given.required('in', 16882)
    const inner = scopeOfElement(scope, given.get('as'))
    const each = parse(body, inner.scope)
    return {
      kind: 'operator',
      name: '$map',
      operands: [parse(input, scope), each],
      make: ([array, value]) => mapEach(array!, value!, inner.slot, weightOf(each)),
    }
  },
}

function mapEach(arrayOf: Evaluate, bodyOf: Evaluate, slot: number, weight: number): Evaluate {
  const result = new ArrayResult()
  const walker = new ElementWalker()
  return (context) => {
    const array = arrayOf(context)
    if (isNullish(array)) return nullValue
    if (array.type !== bsonType.array) {
      throw new DatabaseError(16883, `input to $map must be an array not ${shownType(array)}`)
    }
    result.reset()
    walker.reset(array.bytes, array.start)
    while (walker.next()) {
      context.variables[slot] = walker.value()
      context.spend(2 + weight)
      result.add(bodyOf(context))
    }
    return result.value(context)
  }
}
