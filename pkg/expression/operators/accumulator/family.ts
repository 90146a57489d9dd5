/** Accumulators that are operators too, over the elements of an array or over several operands. */
import type { Operator } from '../operator.ts'
import { avg } from './avg.ts'
import { first } from './first.ts'
import { last } from './last.ts'
import { max } from './max.ts'
import { min } from './min.ts'
import { firstN, lastN, maxN, minN } from './n-values.ts'
import { median, percentile } from './percentile.ts'
import { stdDevPop, stdDevSamp } from './std-dev.ts'
import { sum } from './sum.ts'

export const accumulatorOperators: readonly Operator[] = [
  avg,
  first,
  firstN,
  last,
  lastN,
  max,
  maxN,
  median,
  min,
  minN,
  percentile,
  stdDevPop,
  stdDevSamp,
  sum,
]
