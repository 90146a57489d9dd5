import { typeAlias, type Value } from '../../bson/type.ts'
import { missing } from '../expression.ts'

/** A value's type for messages; `missing` for none. */
export function shownType(value: Value): string {
  return value === missing ? 'missing' : typeAlias(value.type)
}
