import { fitsInt32, wholeNumberOf } from '../../bson/number.ts'
import type { Value } from '../../bson/value.ts'

/** The int32 that a value of any numeric type is exactly; undefined for all else. */
export function int32Of(value: Value): number | undefined {
  const whole = wholeNumberOf(value)
  return whole !== undefined && fitsInt32(whole) ? whole + 0 : undefined
}
