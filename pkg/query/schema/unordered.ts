/** Values compared as schemas do: in documents, however deep, the order of fields does not count. */
import { bsonType } from '../../bson/type.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'

const writer = new BsonWriter()

/** The value, its documents' fields sorted by name: what is equal but for their order is the same then. */
export function withSortedFields(value: Value): Value {
  if (value.type !== bsonType.document && value.type !== bsonType.array) return value
  writer.reset()
  writer.beginDocument()
  writeField('v', value)
  writer.end()
  const bytes = writer.finish()
  // Behind the length, the type and the name.
  return { type: value.type, bytes, start: 7, end: bytes.length - 1 }
}

function writeField(name: string, value: Value): void {
  if (value.type !== bsonType.document && value.type !== bsonType.array) {
    writer.value(name, value)
    return
  }
  const fields = [...documentFields(value.bytes, value.start)]
  if (value.type === bsonType.document) {
    fields.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    writer.beginDocument(name)
  } else writer.beginArray(name)
  for (const field of fields) writeField(field.name, field)
  writer.end()
}
