import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, readString, type Value } from '../../bson/value.ts'
import { addField, emptyBranch } from '../../query/projection/field-tree.ts'
import { shapingPlan } from '../shaping-stage.ts'
import type { StageDefinition } from '../stage.ts'

/** `{$unset: path}` or `{$unset: [paths]}` */
export const unset: StageDefinition = {
  name: '$unset',
  parse(operand) {
    const root = emptyBranch()
    for (const path of pathsOf(operand)) addField(root, path, { kind: 'drop' })
    return shapingPlan('$unset', root, 'exclude')
  },
}

function pathsOf(operand: Value): string[] {
  if (operand.type === bsonType.string) return [pathOf(operand)]
  if (operand.type !== bsonType.array) {
    throw new DatabaseError(31002, '$unset specification must be a string or an array')
  }
  const elements = [...documentFields(operand.bytes, operand.start)]
  if (elements.length === 0)
    throw new DatabaseError(31119, '$unset specification must be a string or an array with at least one field')
  for (const element of elements) {
    if (element.type !== bsonType.string) {
      throw new DatabaseError(31120, '$unset specification must be a string or an array containing only string values')
    }
  }
  return elements.map(pathOf)
}

function pathOf(value: Value): string {
  const path = readString(value.bytes, value.start)
  if (path.includes('\0')) throw new DatabaseError(9527900, 'a $unset path cannot contain a null byte')
  return path
}
