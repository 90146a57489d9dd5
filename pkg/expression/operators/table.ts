/** Every operator of the expression language by name. */

import { avg } from './accumulator/avg.ts'
import { first } from './accumulator/first.ts'
import { last } from './accumulator/last.ts'
import { max } from './accumulator/max.ts'
import { min } from './accumulator/min.ts'
import { sum } from './accumulator/sum.ts'
import { and } from './and.ts'
import { add } from './arithmetic/add.ts'
import { divide } from './arithmetic/divide.ts'
import { mod } from './arithmetic/mod.ts'
import { multiply } from './arithmetic/multiply.ts'
import { subtract } from './arithmetic/subtract.ts'
import { arrayElemAt } from './array-elem-at.ts'
import { cmp } from './cmp.ts'
import { concat } from './concat.ts'
import { cond } from './cond.ts'
import { typeOf } from './convert/type.ts'
import { eq } from './eq.ts'
import { gt } from './gt.ts'
import { gte } from './gte.ts'
import { ifNull } from './if-null.ts'
import { inArray } from './in.ts'
import { isArray } from './is-array.ts'
import { letVariables } from './let.ts'
import { literal } from './literal.ts'
import { lt } from './lt.ts'
import { lte } from './lte.ts'
import { mergeObjects } from './merge-objects.ts'
import { ne } from './ne.ts'
import { not } from './not.ts'
import type { Operator } from './operator.ts'
import { or } from './or.ts'
import { size } from './size.ts'
import { toLower } from './to-lower.ts'
import { toUpper } from './to-upper.ts'

export const operators: ReadonlyMap<string, Operator> = new Map(
  [
    add,
    and,
    arrayElemAt,
    avg,
    cmp,
    concat,
    cond,
    divide,
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
    mod,
    multiply,
    ne,
    not,
    or,
    size,
    subtract,
    sum,
    toLower,
    toUpper,
    typeOf,
  ].map((operator) => [operator.name, operator]),
)
