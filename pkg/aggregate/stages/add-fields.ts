import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'
import { addField, emptyBranch, type FieldBranch } from '../../query/projection/field-tree.ts'
import { shapingPlan } from '../shaping-stage.ts'
import type { StageDefinition } from '../stage.ts'

/** `{$addFields: {path: expression, ...}}` */
export const addFields: StageDefinition = addFieldsStage('$addFields')
/** The same by its later name. */
export const set: StageDefinition = addFieldsStage('$set')

function addFieldsStage(name: string): StageDefinition {
  return {
    name,
    parse(operand, { scope }) {
      if (operand.type !== bsonType.document) {
        throw new DatabaseError(40272, `${name} specification stage must be an object, got ${typeAlias(operand.type)}`)
      }
      const root = emptyBranch()
      collect(operand, '', scope, root)
      return shapingPlan(name, root, 'add')
    },
  }
}

function collect(document: Value, prefix: string, scope: Scope, root: FieldBranch): void {
  for (const field of documentFields(document.bytes, document.start)) {
    const path = prefix === '' ? field.name : `${prefix}.${field.name}`
    // A document merges its fields into the one that is there; an empty one takes its place.
    if (field.type === bsonType.document && !isEmpty(field) && !isOperator(field)) {
      collect(field, path, scope, root)
    } else addField(root, path, { kind: 'compute', expression: parseExpression(field, scope) })
  }
}

function isEmpty({ bytes, start }: Value): boolean {
  return bytes[start + 4] === 0
}

function isOperator({ bytes, start }: Value): boolean {
  return bytes[start + 5] === 0x24
}
