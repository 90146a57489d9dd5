import { DatabaseError } from '../../../base/errors.ts'
import { bsonType, typeAlias } from '../../../bson/type.ts'
import { dateValue, documentFields, readString, timestampValue, type Value } from '../../../bson/value.ts'
import { onMissing, type UpdateOperator } from '../update.ts'

/** `{$currentDate: {path: true | {$type: 'date' | 'timestamp'}}}` */
export const currentDate: UpdateOperator = {
  name: '$currentDate',
  parse(path, operand, target) {
    const timestamp = wantsTimestamp(operand)
    target.add(path, {
      operator: '$currentDate',
      onMissing: () => onMissing.create,
      modify: (_existing, { context }) => (timestamp ? timestampValue(context.timestamp) : dateValue(context.nowMs)),
    })
  },
}

function wantsTimestamp(operand: Value): boolean {
  if (operand.type === bsonType.boolean) return false
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      'BadValue',
      `${typeAlias(operand.type)} is not valid type for $currentDate. Please use a boolean ('true') or a $type expression ({$type: 'timestamp/date'}).`,
    )
  }
  let wanted: string | undefined
  for (const option of documentFields(operand.bytes, operand.start)) {
    if (option.name !== '$type') {
      throw new DatabaseError('BadValue', `Unrecognized $currentDate option: ${option.name}`)
    }
    wanted = option.type === bsonType.string ? readString(option.bytes, option.start) : undefined
    if (wanted !== 'date' && wanted !== 'timestamp') break
  }
  if (wanted !== 'date' && wanted !== 'timestamp') {
    throw new DatabaseError(
      'BadValue',
      "The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : {$type: 'date'}}}",
    )
  }
  return wanted === 'timestamp'
}
