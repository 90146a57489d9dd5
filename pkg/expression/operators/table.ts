/** Every operator of the expression language by name. */

import { accumulatorOperators } from './accumulator/family.ts'
import { arithmeticOperators } from './arithmetic/family.ts'
import { arrayOperators } from './array/family.ts'
import { binaryOperators } from './binary/family.ts'
import { booleanOperators } from './boolean/family.ts'
import { comparisonOperators } from './comparison/family.ts'
import { conditionalOperators } from './conditional/family.ts'
import { typeOperators } from './convert/family.ts'
import { dateOperators } from './date/family.ts'
import { objectOperators } from './object/family.ts'
import type { Operator } from './operator.ts'
import { randomOperators } from './random/random.ts'
import { setOperators } from './set/family.ts'
import { stringOperators } from './string/family.ts'
import { trigonometryOperators } from './trigonometry/trigonometry.ts'
import { variableOperators } from './variable/family.ts'

import { vectorOperators } from './vector/similarity.ts'

export const operators: ReadonlyMap<string, Operator> = new Map(
  [
    ...arrayOperators,
    ...booleanOperators,
    ...comparisonOperators,
    ...conditionalOperators,
    ...objectOperators,
    ...setOperators,
    ...stringOperators,
    ...variableOperators,
    ...vectorOperators,
    ...accumulatorOperators,
    ...arithmeticOperators,
    ...binaryOperators,
    ...randomOperators,
    ...dateOperators,
    ...trigonometryOperators,
    ...typeOperators,
  ].map((operator) => [operator.name, operator]),
)
