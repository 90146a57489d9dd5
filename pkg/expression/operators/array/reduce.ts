import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { nullValue } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { refuseDeepNesting } from '../../nesting.ts'
import { ownedValue } from '../../owned-value.ts'
import { weightOf } from '../../weight.ts'
import { namedArguments } from '../named-arguments.ts'
import type { Operator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** `{$reduce: {input: array, initialValue: a, in: expression}}`, over `$$value` and `$$this`. Errors: 40075..40080. */
export const reduce: Operator = {
  name: '$reduce',
  parse(operand, scope, parse) {
    const given = namedArguments('$reduce', operand, ['input', 'initialValue', 'in'], {
      notDocument: 40075,
      unknown: 40076,
    })
    const input = given.required('input', 40077)
    const initial = given.required('initialValue', 40078)
    const body = given.required('in', 40079)
    const inner = scope.with(['this', 'value'])
    const [elementSlot, valueSlot] = inner.slots
    const each = parse(body, inner.scope)
    return {
      kind: 'operator',
      name: '$reduce',
      operands: [parse(input, scope), parse(initial, scope), each],
      make: ([array, initialValue, next]) =>
        fold(array!, initialValue!, next!, elementSlot!, valueSlot!, weightOf(each)),
    }
  },
}

/** A value that is built up is copied each time. */
const bytesPerStep = 256

/** One expression does not nest so deep that this many of it would be too deep to walk. */
const nestingCheckInterval = 8

function fold(
  arrayOf: Evaluate,
  initialOf: Evaluate,
  nextOf: Evaluate,
  elementSlot: number,
  valueSlot: number,
  weight: number,
): Evaluate {
  const walker = new ElementWalker()
  return (context) => {
    const array = arrayOf(context)
    if (isNullish(array)) return nullValue
    if (array.type !== bsonType.array) {
      throw new DatabaseError(40080, `$reduce requires that 'input' be an array, found: ${shownType(array)}`)
    }
    let value = initialOf(context)
    walker.reset(array.bytes, array.start)
    for (let i = 1; walker.next(); i++) {
      context.variables[elementSlot] = walker.value()
      context.variables[valueSlot] = value
      // The next evaluation reads this value, and would write over it.
      value = ownedValue(nextOf(context))
      context.spend(3 + weight + (value.end - value.start) / bytesPerStep)
      if (i % nestingCheckInterval === 0) refuseDeepNesting(value)
    }
    return value
  }
}
