/** The operators that name values, or give them as they stand. */
import type { Operator } from '../operator.ts'
import { letVariables } from './let.ts'
import { literal } from './literal.ts'
import { meta } from './meta.ts'
import { userFunction } from './refused.ts'

export const variableOperators: readonly Operator[] = [
  letVariables,
  literal,
  { ...literal, name: '$const' },
  meta,
  userFunction,
]
