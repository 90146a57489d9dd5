import type { Value } from '../../../bson/value.ts'
import { ElementWalker } from '../../../bson/walk.ts'

const walker = new ElementWalker()

/** How many elements an array has. */
export function elementCount({ bytes, start }: Value): number {
  walker.reset(bytes, start)
  let count = 0
  while (walker.next()) count++
  return count
}
