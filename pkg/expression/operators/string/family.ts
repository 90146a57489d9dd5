/** The operators on strings. */
import type { Operator } from '../operator.ts'
import { concat } from './concat.ts'
import { indexOfBytes, indexOfCodePoint } from './index-of.ts'
import { regexFind, regexFindAll, regexMatch } from './regex-find.ts'
import { replaceAll, replaceOne } from './replace.ts'
import { split } from './split.ts'
import { strLenBytes, strLenCodePoints } from './str-len.ts'
import { strcasecmp } from './strcasecmp.ts'
import { substr, substrBytes, substrCodePoints } from './substr.ts'
import { toLower, toUpper } from './to-case.ts'
import { trim, trimEnd, trimStart } from './trim.ts'

export const stringOperators: readonly Operator[] = [
  concat,
  indexOfBytes,
  indexOfCodePoint,
  regexFind,
  regexFindAll,
  regexMatch,
  replaceAll,
  replaceOne,
  split,
  strLenBytes,
  strLenCodePoints,
  strcasecmp,
  substr,
  substrBytes,
  substrCodePoints,
  toLower,
  toUpper,
  trim,
  trimEnd,
  trimStart,
]
