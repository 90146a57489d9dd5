/** The operators of truth. */
import type { Operator } from '../operator.ts'
import { and } from './and.ts'
import { not } from './not.ts'
import { or } from './or.ts'

export const booleanOperators: readonly Operator[] = [and, not, or]
