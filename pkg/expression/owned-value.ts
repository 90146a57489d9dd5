import type { Value } from '../bson/value.ts'

/** The value with bytes of its own, for who keeps it beyond the next evaluation of the expression that gave it. */
export function ownedValue(value: Value): Value {
  const { type, bytes, start, end } = value
  if (end === start) return value
  return { type, bytes: bytes.slice(start, end), start: 0, end: end - start }
}
