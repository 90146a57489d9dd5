/** Every operator of the expression language by name. */

import { add } from './add.ts'
import { and } from './and.ts'
import { arrayElemAt } from './array-elem-at.ts'
import { avg } from './avg.ts'
import { cmp } from './cmp.ts'
import { concat } from './concat.ts'
import { cond } from './cond.ts'
import { divide } from './divide.ts'
import { eq } from './eq.ts'
import { first } from './first.ts'
import { gt } from './gt.ts'
import { gte } from './gte.ts'
import { ifNull } from './if-null.ts'
import { inArray } from './in.ts'
import { isArray } from './is-array.ts'
import { last } from './last.ts'
import { letVariables } from './let.ts'
import { literal } from './literal.ts'
import { lt } from './lt.ts'
import { lte } from './lte.ts'
import { max } from './max.ts'
import { mergeObjects } from './merge-objects.ts'
import { min } from './min.ts'
import { mod } from './mod.ts'
import { multiply } from './multiply.ts'
import { ne } from './ne.ts'
import { not } from './not.ts'
import type { Operator } from './operator.ts'
import { or } from './or.ts'
import { size } from './size.ts'
import { subtract } from './subtract.ts'
import { sum } from './sum.ts'
import { toLower } from './to-lower.ts'
import { toUpper } from './to-upper.ts'
import { typeOf } from './type.ts'

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
