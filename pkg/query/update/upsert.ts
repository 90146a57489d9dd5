/** The document that an upsert inserts: the equalities of the filter, then the update. */
import { DatabaseError } from '../../base/errors.ts'
import { equalValues } from '../../bson/order.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, getField, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { applyToNew } from './apply.ts'
import { idWouldChange } from './immutable.ts'
import { copyFieldsExceptId } from './replace.ts'
import { buildTree } from './tree.ts'
import { onMissing, type Update, type UpdateContext, type UpdateField } from './update.ts'

/** Makes the new document of what the filter says about it: an update by a pipeline. */
export type MakeDocument = (base: Uint8Array) => Uint8Array

/**
 * The whole new document, `_id` first.
 *
 * `filter`: the document of the filter language, as parsed without error. `newId`: makes the `_id` when neither filter nor update has one.
 * `create`: what applies operators.
 *
 * Errors: NotSingleValueField when the filter fixes a path twice, ImmutableField when the update gives another `_id` than
 * the filter, InvalidIdField, and what `applyUpdate` refuses.
 */
export function upsertDocument(
  filter: Uint8Array,
  update: Update | MakeDocument,
  context: UpdateContext,
  newId: () => Value,
  create: typeof applyToNew = applyToNew,
): Uint8Array {
  const equalities = new Map<string, Value>()
  collectEqualities(filter, 0, equalities)
  const base = fromEqualities(equalities)
  const fixedId = getField(base, '_id')
  const document =
    typeof update === 'function'
      ? replacementFor(update(base), fixedId)
      : update.kind === 'replacement'
        ? replacementFor(update.document, fixedId)
        : create(update, base, context)
  const id = getField(document, '_id')
  if (fixedId !== undefined) {
    if (id === undefined || !equalValues(fixedId.type, fixedId.bytes, fixedId.start, id.type, id.bytes, id.start)) {
      throw idWouldChange('_id')
    }
  }
  if (id !== undefined) refuseUnfitId(id)
  return withIdFirst(document, id ?? newId())
}

/** Errors: InvalidIdField. */
export function refuseUnfitId(id: Value): void {
  if (id.type === bsonType.array || id.type === bsonType.regex || id.type === bsonType.undefined) {
    throw new DatabaseError('InvalidIdField', `The '_id' value cannot be of type ${typeAlias(id.type)}`)
  }
}

function withIdFirst(document: Uint8Array, id: Value): Uint8Array {
  const writer = new BsonWriter()
  writer.beginDocument()
  writer.value('_id', id)
  copyFieldsExceptId(document, writer)
  writer.end()
  return writer.finish()
}

function replacementFor(replacement: Uint8Array, id: Value | undefined): Uint8Array {
  return id === undefined || getField(replacement, '_id') !== undefined ? replacement : withIdFirst(replacement, id)
}

/** The paths that the filter fixes to one value: equalities, also under `$and` and under an `$or` of one clause. */
function collectEqualities(bytes: Uint8Array, start: number, into: Map<string, Value>): void {
  for (const field of documentFields(bytes, start)) {
    if (field.name === '$and' || field.name === '$or') {
      const clauses = [...documentFields(field.bytes, field.start)]
      if (field.name === '$and' || clauses.length === 1) {
        for (const clause of clauses) collectEqualities(clause.bytes, clause.start, into)
      }
    } else if (!field.name.startsWith('$')) {
      for (const value of fixedValues(field)) addEquality(field.name, value, into)
    }
  }
}

function addEquality(path: string, value: Value, into: Map<string, Value>): void {
  if (into.has(path)) {
    throw new DatabaseError('NotSingleValueField', `cannot infer query fields to set, path '${path}' is matched twice`)
  }
  for (const other of into.keys()) {
    if (other.startsWith(`${path}.`) || path.startsWith(`${other}.`)) {
      const [shorter, longer] = other.length < path.length ? [other, path] : [path, other]
      throw new DatabaseError(
        'NotSingleValueField',
        `cannot infer query fields to set, both paths '${longer}' and '${shorter}' are matched`,
      )
    }
  }
  into.set(path, value)
}

/** The values that a field's condition fixes it to: the value itself, `$eq`, an `$in` or `$all` of one value. */
function fixedValues(condition: Value): Value[] {
  if (condition.type === bsonType.regex) return []
  if (condition.type !== bsonType.document) return [condition]
  const operators = [...documentFields(condition.bytes, condition.start)]
  if (operators[0]?.name.startsWith('$') !== true || isReference(operators[0].name)) return [condition]
  const values: Value[] = []
  for (const operator of operators) {
    if (operator.name === '$eq') values.push(operator)
    else if ((operator.name === '$in' || operator.name === '$all') && operator.type === bsonType.array) {
      const [only, second] = documentFields(operator.bytes, operator.start)
      if (only !== undefined && second === undefined && isPlain(only)) values.push(only)
    }
  }
  return values
}

/** DBRefs are values, though their names begin with `$`. */
function isReference(name: string): boolean {
  return name === '$ref' || name === '$id' || name === '$db'
}

/** Not a pattern, and not an operator such as `$elemMatch` in an `$all`. */
function isPlain(value: Value): boolean {
  if (value.type === bsonType.regex) return false
  return value.type !== bsonType.document || value.bytes[value.start + 4] === 0 || value.bytes[value.start + 5] !== 0x24
}

const empty = new Uint8Array([5, 0, 0, 0, 0])

function fromEqualities(equalities: ReadonlyMap<string, Value>): Uint8Array {
  if (equalities.size === 0) return empty
  const fields: UpdateField[] = []
  for (const [path, value] of equalities) {
    fields.push({
      path,
      parts: path.split('.').map((name) => ({ kind: 'field', name })),
      modifier: { operator: '$eq', onMissing: () => onMissing.create, modify: () => value },
    })
  }
  const context: UpdateContext = { nowMs: 0, timestamp: 0 as UpdateContext['timestamp'] }
  const update: Update = {
    kind: 'operators',
    fields,
    root: buildTree(fields),
    positional: false,
    flat: undefined,
    nsPerByte: 0,
  }
  return applyToNew(update, empty, context)
}
