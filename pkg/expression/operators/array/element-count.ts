import type { Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import type { EvaluationContext } from '../../context.ts'

const walker = new ElementWalker()

/** How many elements an array has. */
export function elementCount({ bytes, start }: Value): number {
  walker.reset(bytes, start)
  let count = 0
  while (walker.next()) count++
  return count
}

/** How many elements an array has, counted for: see `EvaluationContext.spend`. */
export function countedElements(context: EvaluationContext, array: Value): number {
  const count = elementCount(array)
  context.spend(count / 2)
  return count
}
