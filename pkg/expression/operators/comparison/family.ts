/** The operators that compare in the order over all types. */
import type { Operator } from '../operator.ts'
import { cmp } from './cmp.ts'
import { eq } from './eq.ts'
import { gt } from './gt.ts'
import { gte } from './gte.ts'
import { lt } from './lt.ts'
import { lte } from './lte.ts'
import { ne } from './ne.ts'

export const comparisonOperators: readonly Operator[] = [cmp, eq, gt, gte, lt, lte, ne]
