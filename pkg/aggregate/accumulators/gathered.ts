import { writeInt32 } from '../../bson/little-endian.ts'
import { bsonType } from '../../bson/type.ts'
import { arrayValue, type Value } from '../../bson/value.ts'
import { BsonWriter, indexName } from '../../bson/writer.ts'

/** Values gathered into an array, as bytes from the start. */
export class GatheredArray {
  count = 0
  /** The array but for its end; its length is filled in when it is asked for. */
  readonly #writer = new BsonWriter(64)

  constructor() {
    this.reset()
  }

  reset(): void {
    this.count = 0
    this.#writer.reset().ensure(5)
    this.#writer.length = 4
  }

  get usedBytes(): number {
    return this.#writer.bytes.length
  }

  add(value: Value): void {
    this.#writer.value(indexName(this.count++), value)
  }

  /** The array so far. */
  value(): Value {
    const { bytes, start, end } = this.lend()
    return arrayValue(bytes.slice(start, end))
  }

  /** As `value`, until the next change. */
  lend(): Value {
    const writer = this.#writer
    writer.ensure(1)
    const { bytes, length } = writer
    bytes[length] = 0
    writeInt32(bytes, 0, length + 1)
    return { type: bsonType.array, bytes, start: 0, end: length + 1 }
  }
}
