/** Builds the arrays that operators give, in one buffer that is used again each time. */
import { writeInt32 } from '../bson/little-endian.ts'
import { bsonType } from '../bson/type.ts'
import { nullValue, type Value } from '../bson/value.ts'
import type { ElementWalker } from '../bson/walk.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import { missing } from './expression.ts'
import { refuseOversize } from './memory-limit.ts'

export class ArrayResult {
  readonly writer = new BsonWriter(64)
  count = 0

  reset(): this {
    this.count = 0
    this.writer.reset()
    this.writer.beginDocument()
    return this
  }

  /** What is missing becomes null. Errors: ExceededMemoryLimit. */
  add(value: Value): void {
    refuseOversize(this.writer.length + value.end - value.start)
    this.writer.value(indexName(this.count++), value === missing ? nullValue : value)
  }

  /** The element on which `walker` rests. */
  addElement(walker: ElementWalker): void {
    const { bytes, valueStart, valueEnd } = walker
    refuseOversize(this.writer.length + valueEnd - valueStart)
    this.writer.head(walker.type, indexName(this.count++))
    this.writer.append(bytes, valueStart, valueEnd)
  }

  /** A string of these bytes of UTF-8. */
  addText(bytes: Uint8Array, start: number, end: number): void {
    const { writer } = this
    writer.head(bsonType.string, indexName(this.count++))
    writer.ensure(end - start + 5)
    writeInt32(writer.bytes, writer.length, end - start + 1)
    writer.length += 4
    writer.append(bytes, start, end)
    writer.bytes[writer.length++] = 0
  }

  /** Opens an array as the next element; `writer.end()` ends it. */
  beginArray(): void {
    this.writer.beginArray(indexName(this.count++))
  }

  /** Opens a document as the next element; `writer.end()` ends it. */
  beginDocument(): void {
    this.writer.beginDocument(indexName(this.count++))
  }

  /** The array, in place: valid until the next `reset`. */
  value(): Value {
    this.writer.end()
    return { type: bsonType.array, bytes: this.writer.bytes, start: 0, end: this.writer.length }
  }
}
