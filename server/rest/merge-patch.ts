/** JSON Merge Patch (RFC 7396) over BSON documents: null removes a field, a document is merged, anything else replaces. */

import { bsonType } from '../../pkg/bson/type.ts'
import { documentFields, type Value } from '../../pkg/bson/value.ts'
import { BsonWriter } from '../../pkg/bson/writer.ts'

/** `document` with `patch` applied: fields keep their places, new ones come last. */
export function mergePatch(document: Uint8Array, patch: Uint8Array): Uint8Array {
  const writer = new BsonWriter(document.length + patch.length)
  writer.beginDocument()
  merge(writer, fieldsOf(document, 0), fieldsOf(patch, 0))
  writer.end()
  return writer.finish()
}

type Field = { readonly name: string } & Value

function fieldsOf(bytes: Uint8Array, start: number): Field[] {
  return [...documentFields(bytes, start)]
}

function merge(writer: BsonWriter, target: readonly Field[], patch: readonly Field[]): void {
  const changes = new Map(patch.map((field) => [field.name, field]))
  for (const field of target) {
    const change = changes.get(field.name)
    if (change === undefined) writer.value(field.name, field)
    else {
      changes.delete(field.name)
      if (change.type !== bsonType.null) put(writer, field, change)
    }
  }
  for (const change of changes.values()) if (change.type !== bsonType.null) put(writer, undefined, change)
}

function put(writer: BsonWriter, before: Field | undefined, change: Field): void {
  if (change.type !== bsonType.document) {
    writer.value(change.name, change)
    return
  }
  writer.beginDocument(change.name)
  merge(
    writer,
    before?.type === bsonType.document ? fieldsOf(before.bytes, before.start) : [],
    fieldsOf(change.bytes, change.start),
  )
  writer.end()
}
