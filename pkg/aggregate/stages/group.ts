import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, isNumber, type Value } from '../../bson/value.ts'
import type { Expression } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'
import { accumulators } from '../accumulators/table.ts'
import { givenMetadata } from '../carried-metadata.ts'
import { groupEndsOf } from '../group-ends.ts'
import { type GroupField, type Grouping, GroupStage } from '../grouping.ts'
import { FieldGathering, type NeededFields } from '../needed-fields.ts'
import type { StageDefinition, StagePlan } from '../stage.ts'

/** `{$group: {_id: expression, field: {$accumulator: expression}, ...}}` */
export const group: StageDefinition = {
  name: '$group',
  parse(operand, { scope }) {
    return planOf(parseGrouping(operand, scope))
  },
}

function planOf(grouping: Grouping): StagePlan {
  return {
    name: '$group',
    makesDocuments: true,
    needs: () => fieldsRead(grouping),
    groupEnds: groupEndsOf(grouping),
    open: (input, run) => new GroupStage(input, run, grouping),
    followed: () => planOf({ ...grouping, passesOn: true }),
  }
}

function fieldsRead({ id, fields }: Grouping): NeededFields | undefined {
  const gathering = new FieldGathering().expression(id)
  for (const { accumulator } of fields) {
    gathering.expression(accumulator.expression)
    for (const path of accumulator.reads ?? []) gathering.path(path)
  }
  return gathering.fields
}

function parseGrouping(operand: Value, scope: Scope): Grouping {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(15947, "a group's fields must be specified in an object")
  }
  let id: Expression | undefined
  const fields: GroupField[] = []
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (field.name === '_id') {
      if (id !== undefined) throw new DatabaseError(15948, "a group's _id may only be specified once")
      id = parseId(field, scope)
    } else if (field.name === '$doingMerge') {
      throw new DatabaseError(17030, '$doingMerge should be true if present')
    } else fields.push(parseField(field, scope))
  }
  if (id === undefined) throw new DatabaseError(15955, 'a group specification must include an _id')
  return { id, fields, carried: givenMetadata(scope) }
}

function parseId(value: Value, scope: Scope): Expression {
  if (value.type === bsonType.document) {
    for (const field of documentFields(value.bytes, value.start)) {
      if (!field.name.startsWith('$') && (isNumber(field.type) || field.type === bsonType.boolean)) {
        throw new DatabaseError(17390, '$group does not support inclusion-style expressions')
      }
    }
  }
  return parseExpression(value, scope)
}

/** One computed field: `name: {$accumulator: expression}`. */
export function parseField(field: { readonly name: string } & Value, scope: Scope): GroupField {
  const { name } = field
  if (name.includes('.')) throw new DatabaseError(40235, `The field name '${name}' cannot contain '.'`)
  if (name.startsWith('$')) throw new DatabaseError(40236, `The field name '${name}' cannot be an operator name`)
  if (field.type !== bsonType.document) {
    throw new DatabaseError(40234, `The field '${name}' must be an accumulator object`)
  }
  const [only, second] = documentFields(field.bytes, field.start)
  if (only?.name.startsWith('$') !== true) {
    throw new DatabaseError(40234, `The field '${name}' must be an accumulator object`)
  }
  if (second !== undefined) throw new DatabaseError(40238, `The field '${name}' must specify one accumulator`)
  if (only.type === bsonType.array) {
    throw new DatabaseError(40237, `The ${only.name} accumulator is a unary operator`)
  }
  if (only.name === '$accumulator') {
    throw new DatabaseError('NotImplemented', '$accumulator runs JavaScript, which is not supported')
  }
  const accumulator = accumulators.get(only.name)
  if (accumulator === undefined) throw new DatabaseError(15952, `unknown group operator '${only.name}'`)
  return { name, accumulator: accumulator.parse(only, scope), operator: only.name }
}

/** The computed fields of `output`, in `$bucket` and `$bucketAuto`; a name that comes twice counts by its last. */
export function parseFields(output: Value, scope: Scope): GroupField[] {
  const fields = new Map<string, GroupField>()
  for (const field of documentFields(output.bytes, output.start)) fields.set(field.name, parseField(field, scope))
  return [...fields.values()]
}
