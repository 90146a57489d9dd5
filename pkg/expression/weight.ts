import type { Expression } from './expression.ts'
import { arithmetic } from './operand-cost.ts'

/** Steps of the operators that take much longer than others, even of little. */
const operatorSteps: Readonly<Record<string, number>> = {
  $arrayToObject: 30,
  $convert: 15,
  $dateAdd: 20,
  $dateDiff: 20,
  $dateFromParts: 20,
  $dateFromString: 35,
  $dateSubtract: 20,
  $dateToParts: 35,
  $dateToString: 40,
  $dateTrunc: 20,
  $deserializeEJSON: 40,
  $hash: 60,
  $hexHash: 60,
  $maxN: 45,
  $median: 10,
  $mergeObjects: 25,
  $minN: 45,
  $objectToArray: 8,
  $percentile: 10,
  $regexFind: 25,
  $regexFindAll: 25,
  $regexMatch: 15,
  $serializeEJSON: 40,
  $setDifference: 12,
  $setEquals: 12,
  $setIntersection: 12,
  $setIsSubset: 12,
  $setUnion: 12,
  $similarityCosine: 10,
  $similarityDotProduct: 10,
  $similarityEuclidean: 10,
  $sortArray: 30,
  $strcasecmp: 15,
  $substr: 20,
  $substrBytes: 20,
  $substrCP: 20,
  $toHashedIndexKey: 20,
  $toString: 10,
  $trim: 20,
  $zip: 18,
}

/** Of numbers and truth values, what only looks at the beginning of its operands, and what steps over elements without a look at them. */
const brief: ReadonlySet<string> = new Set([
  ...arithmetic,
  '$and',
  '$binarySize',
  '$bsonSize',
  '$cond',
  '$eq',
  '$gt',
  '$gte',
  '$ifNull',
  '$isArray',
  '$isNumber',
  '$lt',
  '$lte',
  '$ne',
  '$not',
  '$or',
  '$size',
  '$type',
])

/** Whether evaluating it takes next to no time, or at most some milliseconds, however large the document. */
export function isBrief(expression: Expression): boolean {
  switch (expression.kind) {
    case 'constant':
    case 'path':
      return true
    case 'object':
      return expression.fields.every((field) => isBrief(field.expression))
    case 'array':
      return expression.elements.every(isBrief)
    case 'operator':
      return brief.has(expression.name) && expression.operands.every(isBrief)
  }
}

/** How much evaluating it once counts for, of the steps that a document may take: an operator is one. At least 1. */
export function weightOf(expression: Expression): number {
  return Math.max(1, operatorsIn(expression))
}

function operatorsIn(expression: Expression): number {
  switch (expression.kind) {
    case 'constant':
    case 'path':
      return 0
    case 'object':
      return expression.fields.reduce((sum, field) => sum + 1 + operatorsIn(field.expression), 1)
    case 'array':
      return expression.elements.reduce((sum, element) => sum + operatorsIn(element), 1)
    case 'operator':
      return expression.operands.reduce(
        (sum, operand) => sum + operatorsIn(operand),
        operatorSteps[expression.name] ?? 1,
      )
  }
}
