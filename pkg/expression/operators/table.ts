/** Every operator of the expression language by name. */

import { avg } from './accumulator/avg.ts'
import { first } from './accumulator/first.ts'
import { last } from './accumulator/last.ts'
import { max } from './accumulator/max.ts'
import { min } from './accumulator/min.ts'
import { sum } from './accumulator/sum.ts'
import { arithmeticOperators } from './arithmetic/family.ts'
import { arrayElemAt } from './array/array-elem-at.ts'
import { inArray } from './array/in.ts'
import { isArray } from './array/is-array.ts'
import { size } from './array/size.ts'
import { and } from './boolean/and.ts'
import { not } from './boolean/not.ts'
import { or } from './boolean/or.ts'
import { cmp } from './comparison/cmp.ts'
import { eq } from './comparison/eq.ts'
import { gt } from './comparison/gt.ts'
import { gte } from './comparison/gte.ts'
import { lt } from './comparison/lt.ts'
import { lte } from './comparison/lte.ts'
import { ne } from './comparison/ne.ts'
import { cond } from './conditional/cond.ts'
import { ifNull } from './conditional/if-null.ts'
import { typeOf } from './convert/type.ts'
import { mergeObjects } from './object/merge-objects.ts'
import type { Operator } from './operator.ts'
import { concat } from './string/concat.ts'
import { toLower } from './string/to-lower.ts'
import { toUpper } from './string/to-upper.ts'
import { trigonometryOperators } from './trigonometry/trigonometry.ts'
import { letVariables } from './variable/let.ts'
import { literal } from './variable/literal.ts'

export const operators: ReadonlyMap<string, Operator> = new Map(
  [
    ...arithmeticOperators,
    ...trigonometryOperators,
    and,
    arrayElemAt,
    avg,
    cmp,
    concat,
    cond,
    eq,
    first,
    gt,
    gte,
    ifNull,
    inArray,
    isArray,
    last,
    letVariables,
    literal,
    lt,
    lte,
    max,
    mergeObjects,
    min,
    ne,
    not,
    or,
    size,
    sum,
    toLower,
    toUpper,
    typeOf,
  ].map((operator) => [operator.name, operator]),
)
