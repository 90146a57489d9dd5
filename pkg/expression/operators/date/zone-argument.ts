import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, isNullish } from '../../expression.ts'
import { type TimeZone, timeZoneOfValue, utc } from './time-zone.ts'

/** The zone that an optional argument names: UTC without one, undefined for null. */
export function zoneArgument(zone: Evaluate | undefined, context: EvaluationContext): TimeZone | undefined {
  if (zone === undefined) return utc
  const value = zone(context)
  return isNullish(value) ? undefined : timeZoneOfValue(value)
}
