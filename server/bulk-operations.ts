/** Bulk writes in the drivers' form, `[{insertOne: {document}}, {updateMany: {filter, update}}, ...]`, as the command bulkWrite has them. */
import { DatabaseError } from '../pkg/base/errors.ts'
import { buildDocument, rawDocument } from '../pkg/bson/build.ts'
import { bsonType } from '../pkg/bson/type.ts'
import { documentFields, documentOf, getField, numberOf, type Value } from '../pkg/bson/value.ts'

export interface BulkCounts {
  readonly inserted: number
  readonly matched: number
  readonly modified: number
  readonly deleted: number
  readonly upserted: number
}

type Operation = { readonly name: string } & Value

/** The operations of an array. Errors: BadValue when it is none. */
export function bulkOperations(operations: Value | undefined): Uint8Array[] {
  if (operations?.type !== bsonType.array) throw new DatabaseError('BadValue', `'operations' must be an array`)
  return [...documentFields(operations.bytes, operations.start)].map(bulkOperation)
}

/** The command, which is one of the database `admin`. `namespace`: `database.collection`. */
export function bulkCommand(
  namespace: string,
  operations: readonly Uint8Array[],
  ordered: unknown,
): Readonly<Record<string, unknown>> {
  return {
    bulkWrite: 1,
    ops: operations.map((operation) => rawDocument(operation)),
    nsInfo: [{ ns: namespace }],
    ordered,
    errorsOnly: true,
  }
}

/** What the command's reply says of all operations together. */
export function bulkCounts(reply: Uint8Array): BulkCounts {
  const count = (name: string): number => numberOf(getField(reply, name)!)
  return {
    inserted: count('nInserted'),
    matched: count('nMatched'),
    modified: count('nModified'),
    deleted: count('nDeleted'),
    upserted: count('nUpserted'),
  }
}

const known: ReadonlySet<string> = new Set([
  ...['document', 'filter', 'update', 'replacement', 'upsert', 'arrayFilters', 'hint', 'collation', 'sort'],
])

function bulkOperation(operation: Operation): Uint8Array {
  const place = `operations.${operation.name}`
  const [named, second] = operation.type === bsonType.document ? documentFields(operation.bytes, operation.start) : []
  if (named === undefined || second !== undefined || named.type !== bsonType.document)
    throw new DatabaseError('BadValue', `${place} must be a document with one operation`)
  const { document, filter, update, replacement, ...rest } = fieldsOf(documentOf(named), `${place}.${named.name}`)
  const wanted = (value: Value | undefined, name: string): Value => {
    if (value === undefined) throw new DatabaseError('BadValue', `${place}.${named.name}.${name} is required`)
    return value
  }
  const multi = named.name.endsWith('Many')
  switch (named.name) {
    case 'insertOne':
      return buildDocument({ insert: 0, document: wanted(document, 'document') })
    case 'updateOne':
    case 'updateMany':
      return buildDocument({
        update: 0,
        filter: wanted(filter, 'filter'),
        updateMods: wanted(update, 'update'),
        multi,
        ...rest,
      })
    case 'replaceOne':
      return buildDocument({
        update: 0,
        filter: wanted(filter, 'filter'),
        updateMods: wanted(replacement, 'replacement'),
        multi,
        ...rest,
      })
    case 'deleteOne':
    case 'deleteMany':
      return buildDocument({ delete: 0, filter: wanted(filter, 'filter'), multi, ...rest })
    default:
      throw new DatabaseError('BadValue', `${place} has an unknown operation '${named.name}'`)
  }
}

function fieldsOf(document: Uint8Array, place: string): Record<string, Value> {
  const fields: Record<string, Value> = {}
  for (const field of documentFields(document)) {
    if (!known.has(field.name))
      throw new DatabaseError('BadValue', `${place} has a field '${field.name}'; known are ${[...known].join(', ')}`)
    fields[field.name] = field
  }
  return fields
}
