/** The operators that choose. */
import type { Operator } from '../operator.ts'
import { cond } from './cond.ts'
import { ifNull } from './if-null.ts'
import { switchCase } from './switch.ts'

export const conditionalOperators: readonly Operator[] = [cond, ifNull, switchCase]
