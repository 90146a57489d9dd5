import type { Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'
import type { EvaluationContext } from '../../context.ts'

/** What looking at an element counts for, of the steps that a document may take: an array of a million can be gone through once. */
export const stepsPerElement = 0.3
/** The same for passing over one. */
const stepsPerCount = 0.1

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
  context.spend(count * stepsPerCount)
  return count
}
