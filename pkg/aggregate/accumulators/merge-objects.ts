import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, documentValue, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { isNullish } from '../../expression/expression.ts'
import { shownType } from '../../expression/operators/shown-type.ts'
import { type Accumulation, copyOf, unaryAccumulator } from './accumulator.ts'

/** `{$mergeObjects: expression}`: one document with the fields of all; of a name the last value, in its first place. */
export const mergeObjects = unaryAccumulator('$mergeObjects', () => new MergeObjects())

class MergeObjects implements Accumulation {
  readonly #fields = new Map<string, Value>()
  usedBytes = 64

  add(value: Value): void {
    if (isNullish(value)) return
    if (value.type !== bsonType.document) {
      throw new DatabaseError(5911200, `$mergeObjects requires object inputs, but input is of type ${shownType(value)}`)
    }
    for (const field of documentFields(value.bytes, value.start)) {
      const held = this.#fields.get(field.name)
      this.usedBytes += field.end - field.start - (held === undefined ? -64 : held.end)
      this.#fields.set(field.name, copyOf(field))
    }
  }

  result(): Value {
    const writer = new BsonWriter()
    writer.beginDocument()
    for (const [name, value] of this.#fields) writer.value(name, value)
    writer.end()
    return documentValue(writer.finish())
  }
}
