/** Operators that some places have no use for: a projection's `$elemMatch`, a collection's validator. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'

/** Looking for what is near sorts. */
const nearOperators: readonly string[] = ['$near', '$nearSphere', '$geoNear']

/** Throws for the first of the `refused` operators in a filter, however deep: 5626500 for those that sort, else with its own code. */
export function refuseOperators(
  filter: Value,
  refused: Readonly<Record<string, 'BadValue' | 'QueryFeatureNotAllowed'>>,
): void {
  for (const field of documentFields(filter.bytes, filter.start)) {
    if (nearOperators.includes(field.name)) {
      throw new DatabaseError(5626500, '$geoNear, $near, and $nearSphere are not allowed in this context')
    }
    const code = refused[field.name]
    if (code !== undefined) throw new DatabaseError(code, `${field.name} is not allowed in this context`)
    if (field.type === bsonType.document || field.type === bsonType.array) refuseOperators(field, refused)
  }
}
