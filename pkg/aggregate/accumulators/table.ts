/** Every accumulator by name. */
import type { Accumulator } from './accumulator.ts'
import { addToSet } from './add-to-set.ts'
import { avg } from './avg.ts'
import { count } from './count.ts'
import { first } from './first.ts'
import { last } from './last.ts'
import { max } from './max.ts'
import { mergeObjects } from './merge-objects.ts'
import { min } from './min.ts'
import { push } from './push.ts'
import { sum } from './sum.ts'

export const accumulators: ReadonlyMap<string, Accumulator> = new Map(
  [addToSet, avg, count, first, last, max, mergeObjects, min, push, sum].map((accumulator) => [
    accumulator.name,
    accumulator,
  ]),
)
