/** The operators of types and conversion. */
import type { Operator } from '../operator.ts'
import { convertOperator } from './convert.ts'
import { ejsonOperators } from './ejson.ts'
import { conversionOperators } from './to-type.ts'
import { isNumber, typeOf } from './type.ts'

export const typeOperators: readonly Operator[] = [
  ...conversionOperators,
  ...ejsonOperators,
  convertOperator,
  isNumber,
  typeOf,
]
