/**
 * What it costs an operator to go through an operand, of the steps that a document may take: nothing else runs meanwhile, so that
 * large arrays, documents and strings must count wherever something looks at all of them.
 */
import { bsonType } from '../bson/type.ts'
import type { Evaluate } from './expression.ts'

/** Bytes that are gone through in the time of a step, by the operators that take longer for them than most. */
const slowBytesPerStep: Readonly<Record<string, number>> = {
  $arrayToObject: 0.7,
  $avg: 4,
  $concatArrays: 8,
  $convert: 4,
  $dateFromString: 4,
  $deserializeEJSON: 1,
  $firstN: 3,
  $indexOfBytes: 10,
  $indexOfCP: 8,
  $lastN: 3,
  $max: 4,
  $median: 1,
  $min: 4,
  $maxN: 3,
  $minN: 3,
  $objectToArray: 2.5,
  $percentile: 1,
  $regexFind: 5,
  $regexFindAll: 2,
  $regexMatch: 5,
  $replaceAll: 4,
  $replaceOne: 8,
  $reverseArray: 3,
  $serializeEJSON: 2,
  $setField: 12,
  $similarityCosine: 3,
  $similarityDotProduct: 3,
  $similarityEuclidean: 3,
  $sortArray: 8,
  $split: 4,
  $stdDevPop: 4,
  $stdDevSamp: 4,
  $sum: 6,
  $toHashedIndexKey: 2.5,
  $toString: 2,
  $zip: 2.5,
}

/** Most walk over it once, and over a string faster than over elements. */
const usualBytesPerStep = 24
const usualTextBytesPerStep = 48

/** They pass operands on, look at their beginning, or count for themselves how far they go. */
const atOnce: ReadonlySet<string> = new Set([
  '$and',
  '$arrayElemAt',
  '$binarySize',
  '$bsonSize',
  '$cond',
  '$filter',
  '$first',
  '$getField',
  '$ifNull',
  '$in',
  '$indexOfArray',
  '$isArray',
  '$isNumber',
  '$let',
  '$map',
  '$mergeObjects',
  '$not',
  '$or',
  '$reduce',
  '$slice',
  '$strLenBytes',
  '$switch',
  '$toBool',
  '$type',
])

/** Of numbers, which are small: what counts is that decimals take longer, and that only in loops. */
export const arithmetic: ReadonlySet<string> = new Set([
  '$abs',
  '$add',
  '$ceil',
  '$divide',
  '$floor',
  '$mod',
  '$multiply',
  '$round',
  '$subtract',
  '$trunc',
])

/** What takes longer than this for a byte is counted outside of loops, too. */
const slowBytes = 3

/** They evaluate operands for each element of an array. */
export const loops: ReadonlySet<string> = new Set(['$filter', '$map', '$reduce'])

/** Fewer steps than this are part of the step that the operator itself is. */
const stepsIncluded = 4

/** Decimals are computed with as whole numbers of any length. */
const decimalSteps = 20

/** The operand of the operator `name`, counted for each time it is evaluated. `isInLoop`: the operator is evaluated for elements. */
export function countedOperand(name: string, operand: Evaluate, isInLoop: boolean): Evaluate {
  if (atOnce.has(name) || (arithmetic.has(name) && !isInLoop)) return operand
  const bytesPerStep = slowBytesPerStep[name] ?? usualBytesPerStep
  const textBytesPerStep = slowBytesPerStep[name] ?? usualTextBytesPerStep
  const bytesIncluded = stepsIncluded * bytesPerStep
  const isFreeOnce = !isInLoop && bytesPerStep >= slowBytes && name !== '$sortArray'
  return (context) => {
    const value = operand(context)
    const sizeBytes = value.end - value.start
    if (sizeBytes > bytesIncluded) {
      const steps = sizeBytes / (value.type === bsonType.string ? textBytesPerStep : bytesPerStep)
      if (isFreeOnce) context.spendOnce(steps, sizeBytes)
      else context.spend(steps)
    } else if (value.type === bsonType.decimal128) context.spend(decimalSteps)
    return value
  }
}
