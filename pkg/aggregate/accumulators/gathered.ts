import { arrayValue, type Value } from '../../bson/value.ts'
import { BsonWriter, indexName } from '../../bson/writer.ts'

/** Values gathered into an array, as bytes from the start. */
export class GatheredArray {
  count = 0
  readonly #writer = new BsonWriter(64)

  constructor() {
    this.#writer.beginDocument()
  }

  get usedBytes(): number {
    return this.#writer.length
  }

  add(value: Value): void {
    this.#writer.value(indexName(this.count++), value)
  }

  finish(): Value {
    this.#writer.end()
    return arrayValue(this.#writer.finish())
  }
}
