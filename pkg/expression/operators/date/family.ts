/** The operators of dates and timestamps. */
import type { Operator } from '../operator.ts'
import { dateAdd, dateSubtract } from './date-add.ts'
import { dateDiff } from './date-diff.ts'
import { dateFromParts, dateToParts } from './date-parts.ts'
import { dateFromString, dateToString } from './date-text.ts'
import { dateTrunc } from './date-trunc.ts'
import { partOperators } from './part.ts'
import { tsIncrement, tsSecond } from './timestamp.ts'

export const dateOperators: readonly Operator[] = [
  ...partOperators,
  dateAdd,
  dateDiff,
  dateFromParts,
  dateFromString,
  dateSubtract,
  dateToParts,
  dateToString,
  dateTrunc,
  tsIncrement,
  tsSecond,
]
