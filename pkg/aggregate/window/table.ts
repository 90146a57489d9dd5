/** Every window function by name. */
import { addToSet } from '../accumulators/add-to-set.ts'
import { concatArrays, setUnion } from '../accumulators/array-union.ts'
import { avg } from '../accumulators/avg.ts'
import { count } from '../accumulators/count.ts'
import { first } from '../accumulators/first.ts'
import { last } from '../accumulators/last.ts'
import { max } from '../accumulators/max.ts'
import { min } from '../accumulators/min.ts'
import { firstN, lastN, maxN, minN } from '../accumulators/n-values.ts'
import { median, percentile } from '../accumulators/percentile.ts'
import { push } from '../accumulators/push.ts'
import { stdDevPop, stdDevSamp } from '../accumulators/std-dev.ts'
import { sum } from '../accumulators/sum.ts'
import { bottom, bottomN, top, topN } from '../accumulators/top.ts'
import { covariancePop, covarianceSamp } from './covariance.ts'
import { linearFill, locf } from './filling.ts'
import { atEnd, framed } from './framed.ts'
import { expMovingAvg } from './moving-average.ts'
import { denseRank, documentNumber, rank } from './ranking.ts'
import { minMaxScaler } from './scaler.ts'
import { shift } from './shift.ts'
import { derivative, integral } from './slope.ts'
import type { WindowFunctionDefinition } from './window-function.ts'

const overFrames = [
  addToSet,
  avg,
  bottom,
  bottomN,
  concatArrays,
  count,
  firstN,
  lastN,
  max,
  maxN,
  median,
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
].map(framed)

export const windowFunctions: ReadonlyMap<string, WindowFunctionDefinition> = new Map(
  [
    ...overFrames,
    atEnd(first, 'first'),
    atEnd(last, 'last'),
    covariancePop,
    covarianceSamp,
    denseRank,
    derivative,
    documentNumber,
    expMovingAvg,
    integral,
    linearFill,
    locf,
    minMaxScaler,
    rank,
    shift,
  ].map((definition) => [definition.name, definition]),
)
