/** `collectionUUID`: a client's way to say which collection it means, whatever its name is by now. */
import { DatabaseError } from '../base/errors.ts'
import { binaryValue, readInt32 } from '../bson/value.ts'
import { uuidSubtype } from '../catalog/collection-record.ts'
import type { Collection } from '../engine/collection.ts'
import type { Fields } from './fields.ts'
import type { Operation } from './operation.ts'

/** The 16 bytes of a `collectionUUID` field, undefined when it was not given. Errors: TypeMismatch, InvalidUUID. */
export function collectionUuid(fields: Fields<string>, field: number): Uint8Array | undefined {
  if (!fields.has(field)) return undefined
  const subtype = fields.bytes[fields.start(field) + 4]
  if (subtype !== uuidSubtype)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field 'collectionUUID' is the wrong binData type '${subtype}', expected type 'UUID'`,
    )
  return uuidAt(fields, field)
}

/** The 16 bytes of a field that is binary data. Errors: InvalidUUID. */
export function uuidAt(fields: Fields<string>, field: number): Uint8Array {
  const start = fields.start(field)
  if (readInt32(fields.bytes, start) !== 16 || fields.bytes[start + 4] !== uuidSubtype)
    throw new DatabaseError('InvalidUUID', 'uuid must be a 16-byte binary field with UUID (4) subtype')
  return fields.bytes.slice(start + 5, start + 21)
}

/** Throws CollectionUUIDMismatch unless the collection of that name has the UUID, where one was given. */
export function checkCollectionUuid(
  operation: Operation,
  database: string,
  name: string,
  uuid: Uint8Array | undefined,
): void {
  if (uuid === undefined) return
  const collection = operation.workspace.collection(database, name)
  if (collection !== undefined && hasUuid(collection, uuid)) return
  const actual = operation.instance.engine.collections(database).find((other) => hasUuid(other, uuid))
  throw new DatabaseError('CollectionUUIDMismatch', 'Collection UUID does not match that specified', {
    db: database,
    collectionUUID: binaryValue(uuid, uuidSubtype),
    expectedCollection: name,
    actualCollection: actual?.name ?? null,
  })
}

function hasUuid(collection: Collection, uuid: Uint8Array): boolean {
  return uuid.every((byte, i) => byte === collection.uuid[i])
}
