import type { Value } from '../../../bson/value.ts'
import type { ValueOrder } from '../../../bson/value-order.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import type { EvaluationContext } from '../../context.ts'
import { ValueSet } from '../../value-set.ts'

const walker = new ElementWalker()

/** The elements of an array. */
export function setOf(context: EvaluationContext, array: Value, order: ValueOrder): ValueSet {
  const set = new ValueSet(order)
  walker.reset(array.bytes, array.start)
  while (walker.next()) set.add(context, walker.type, array.bytes, walker.valueStart)
  return set
}
