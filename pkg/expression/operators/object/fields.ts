import type { Value } from '../../../bson/value.ts'
import { BsonWriter } from '../../../bson/writer.ts'
import { refuseOversize } from '../../memory-limit.ts'

/** A document of these fields in their order. */
export function writeFields(fields: Iterable<readonly [string, Value]>): Uint8Array {
  const writer = new BsonWriter(128)
  writer.beginDocument()
  for (const [name, value] of fields) {
    refuseOversize(writer.length + value.end - value.start)
    writer.value(name, value)
  }
  writer.end()
  return writer.finish()
}
