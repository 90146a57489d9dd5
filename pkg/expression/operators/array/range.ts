import { DatabaseError } from '../../../base/errors.ts'
import { isNumber, numberOf, type Value } from '../../../bson/value.ts'
import { ArrayResult } from '../../array-result.ts'
import { refuseOversize } from '../../memory-limit.ts'
import { int32Of } from '../int32.ts'
import { rangedOperator } from '../operator.ts'
import { shownType } from '../shown-type.ts'

/** An element of a million: type, a name of six digits with its NUL, int32. */
const elementBytes = 12

/**
 * `{$range: [start, end, step?]}`: int32s from `start` on and before `end`.
 * Errors: 34443..34448 for what is no number or no int32, 34449 for a step of 0, ExceededMemoryLimit.
 */
export const range = rangedOperator('$range', 2, 3, ([startOf, endOf, stepOf]) => {
  const result = new ArrayResult()
  return (context) => {
    const start = bound(startOf!(context), 'starting', 34443)
    const end = bound(endOf!(context), 'ending', 34445)
    const step = stepOf === undefined ? 1 : bound(stepOf(context), 'step', 34447)
    if (step === 0) throw new DatabaseError(34449, '$range requires a non-zero step value')
    const count = Math.max(0, Math.ceil((end - start) / step))
    refuseOversize(count * elementBytes)
    context.spend(count)
    result.reset()
    for (let n = start; step > 0 ? n < end : n > end; n += step) result.addInt32(n)
    return result.value(context)
  }
})

/** Errors: `code` for what is no number, the next one for what is no int32. */
function bound(value: Value, which: string, code: number): number {
  if (!isNumber(value.type)) {
    throw new DatabaseError(code, `$range requires a numeric ${which} value, found value of type: ${shownType(value)}`)
  }
  const n = int32Of(value)
  if (n === undefined) {
    throw new DatabaseError(
      code + 1,
      `$range requires a ${which} value that can be represented as a 32-bit integer, found value: ${numberOf(value)}`,
    )
  }
  return n
}
