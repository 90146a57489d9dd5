import { DatabaseError } from '../../../base/errors.ts'
import { booleanValue } from '../../../bson/value.ts'
import type { ValueOrder } from '../../../bson/value-order.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import type { Evaluate, Expression } from '../../expression.ts'
import { ValueSet } from '../../value-set.ts'
import { type Operator, parseArguments } from '../operator.ts'
import { requireArray } from './array-operand.ts'
import { setOf } from './set-of.ts'

const complaint = 'All operands of $setEquals must be arrays. One'

/**
 * `{$setEquals: [array, array, ...]}`: whether all have the same different elements.
 * Errors: 17045 for fewer than two, 17044 for what is no array, 5887502 for a constant that is none.
 */
export const setEquals: Operator = {
  name: '$setEquals',
  parse(operand, scope, parse) {
    const operands = parseArguments(operand, scope, parse)
    if (operands.length < 2) {
      throw new DatabaseError(17045, `$setEquals needs at least two arguments had: ${operands.length}`)
    }
    const { order } = scope
    return {
      ...comparison(operands, order),
      simplify: (fold) => comparison(withArrayConstants(operands.map(fold)), order),
    }
  },
}

function comparison(operands: readonly Expression[], order: ValueOrder): Expression & { kind: 'operator' } {
  return { kind: 'operator', name: '$setEquals', operands, make: (evaluates) => make(evaluates, order) }
}

function withArrayConstants(operands: readonly Expression[]): readonly Expression[] {
  for (const operand of operands) {
    if (operand.kind === 'constant') requireArray(operand.value, 5887502, complaint)
  }
  return operands
}

function make(operands: readonly Evaluate[], order: ValueOrder): Evaluate {
  const walker = new ElementWalker()
  const [firstOf, ...othersOf] = operands
  const arrayFrom =
    (operand: Evaluate): Evaluate =>
    (context) =>
      requireArray(operand(context), 17044, complaint)
  const first = arrayFrom(firstOf!)
  const others = othersOf.map(arrayFrom)
  const seen = new ValueSet(order)
  return (context) => {
    const set = setOf(context, first(context), order)
    for (const other of others) {
      const array = other(context)
      seen.clear()
      walker.reset(array.bytes, array.start)
      while (walker.next()) {
        if (!set.has(context, walker.type, array.bytes, walker.valueStart)) return booleanValue(false)
        seen.add(context, walker.type, array.bytes, walker.valueStart)
      }
      if (seen.size !== set.size) return booleanValue(false)
    }
    return booleanValue(true)
  }
}
