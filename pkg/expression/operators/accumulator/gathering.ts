/** Operators over several values that are accumulators too: of one argument that is an array they take the elements. */
import { bsonType } from '../../../bson/type.ts'
import type { Value } from '../../../bson/value.ts'
import type { ValueOrder } from '../../../bson/value-order.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Operator, variadicOperator } from '../operator.ts'

/** `combine` is given the values, the missing ones too. */
export function gatheringOperator(
  name: string,
  combine: (values: readonly Value[], order: ValueOrder, context: EvaluationContext) => Value,
): Operator {
  return variadicOperator(name, (operands, order) => {
    const [only] = operands
    if (operands.length !== 1)
      return (context) =>
        combine(
          operands.map((operand) => operand(context)),
          order,
          context,
        )
    return (context) => {
      const value = only!(context)
      return combine(value.type === bsonType.array ? elementsOf(value) : [value], order, context)
    }
  })
}

/** The elements of an array, pointing into its bytes. */
export function elementsOf(array: Value): Value[] {
  const elements: Value[] = []
  const walker = new ElementWalker().reset(array.bytes, array.start)
  while (walker.next()) elements.push(walker.value())
  return elements
}
