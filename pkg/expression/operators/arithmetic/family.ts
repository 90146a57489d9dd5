/** The operators of arithmetic. */
import type { Operator } from '../operator.ts'
import { abs } from './abs.ts'
import { add } from './add.ts'
import { bitAnd, bitNot, bitOr, bitXor } from './bitwise.ts'
import { divide } from './divide.ts'
import { ln, log, log10 } from './logarithm.ts'
import { mod } from './mod.ts'
import { multiply } from './multiply.ts'
import { exp, pow, sigmoid, sqrt } from './power.ts'
import { ceil, floor, round, trunc } from './rounding.ts'
import { subtract } from './subtract.ts'

export const arithmeticOperators: readonly Operator[] = [
  abs,
  add,
  bitAnd,
  bitNot,
  bitOr,
  bitXor,
  ceil,
  divide,
  exp,
  floor,
  ln,
  log,
  log10,
  mod,
  multiply,
  pow,
  round,
  sigmoid,
  sqrt,
  subtract,
  trunc,
]
