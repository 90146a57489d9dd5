/** Every accumulator by name. */
import type { Accumulator } from './accumulator.ts'
import { addToSet } from './add-to-set.ts'
import { concatArrays, setUnion } from './array-union.ts'
import { avg } from './avg.ts'
import { count } from './count.ts'
import { first } from './first.ts'
import { last } from './last.ts'
import { max } from './max.ts'
import { mergeObjects } from './merge-objects.ts'
import { min } from './min.ts'
import { firstN, lastN, maxN, minN } from './n-values.ts'
import { median, percentile } from './percentile.ts'
import { push } from './push.ts'
import { stdDevPop, stdDevSamp } from './std-dev.ts'
import { sum } from './sum.ts'
import { bottom, bottomN, top, topN } from './top.ts'

export const accumulators: ReadonlyMap<string, Accumulator> = new Map(
  [
    addToSet,
    avg,
    bottom,
    bottomN,
    concatArrays,
    count,
    first,
    firstN,
    last,
    lastN,
    max,
    maxN,
    median,
    mergeObjects,
    min,
    minN,
    percentile,
    push,
    setUnion,
    stdDevPop,
    stdDevSamp,
    sum,
    top,
    topN,
  ].map((accumulator) => [accumulator.name, accumulator]),
)
