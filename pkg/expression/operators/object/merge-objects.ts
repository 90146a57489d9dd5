import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, documentValue, type Value } from '../../../bson/value.ts'
import { isNullish } from '../../expression.ts'
import { gatheringOperator } from '../accumulator/gathering.ts'
import { shownType } from '../shown-type.ts'
import { writeFields } from './fields.ts'

/** What taking a field counts for, of the steps that a document may take. */
const fieldSteps = 12

/** `{$mergeObjects: [a, ...]}`: one document with the fields of all; of a name the last value, in its first place. */
export const mergeObjects = gatheringOperator('$mergeObjects', (values, _order, context) => {
  const fields = new Map<string, Value>()
  for (const value of values) {
    context.spend(1)
    if (isNullish(value)) continue
    if (value.type !== bsonType.document) {
      throw new DatabaseError(40400, `$mergeObjects requires object inputs, but input is of type ${shownType(value)}`)
    }
    for (const field of documentFields(value.bytes, value.start)) {
      context.spend(fieldSteps)
      fields.set(field.name, field)
    }
  }

  return documentValue(writeFields(fields))
})
