/** The operators that take arrays as sets: order and repetition do not count. */
import type { Operator } from '../operator.ts'
import { allElementsTrue, anyElementTrue } from './elements-true.ts'
import { setDifference } from './set-difference.ts'
import { setEquals } from './set-equals.ts'
import { setIntersection } from './set-intersection.ts'
import { setIsSubset } from './set-is-subset.ts'
import { setUnion } from './set-union.ts'

export const setOperators: readonly Operator[] = [
  allElementsTrue,
  anyElementTrue,
  setDifference,
  setEquals,
  setIntersection,
  setIsSubset,
  setUnion,
]
