import { arrayValue, type Value } from '../../bson/value.ts'
import { BsonWriter, indexName } from '../../bson/writer.ts'

/** Values gathered into an array, as bytes from the start. */
export class GatheredArray {
  count = 0
  readonly #writer = new BsonWriter(64)

  get usedBytes(): number {
    return this.#writer.bytes.length
  }

  add(value: Value): void {
    this.#writer.value(indexName(this.count++), value)
  }

  /** The array so far. */
  value(): Value {
    const elements = this.#writer
    const array = new BsonWriter(elements.length + 5)
    array.beginDocument()
    array.raw(elements.bytes, 0, elements.length)
    array.end()
    return arrayValue(array.finish())
  }
}
