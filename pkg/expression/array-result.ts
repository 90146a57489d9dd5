/** Builds the arrays that operators give, in one buffer that is used again each time. */
import { writeInt32 } from '../bson/little-endian.ts'
import { bsonType } from '../bson/type.ts'
import { nullValue, type Value } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import type { EvaluationContext } from './context.ts'
import { missing } from './expression.ts'
import { refuseOversize } from './memory-limit.ts'
import { resultOf } from './result.ts'

const zero = 0x30
const nine = 0x39
const digitsMax = 10

export class ArrayResult {
  readonly writer = new BsonWriter(64)
  count = 0
  /** The name of the next element: its digits, counted up in place. */
  readonly #digits = new Uint8Array(digitsMax)
  #digitCount = 1

  reset(): this {
    this.count = 0
    this.#digits[0] = zero
    this.#digitCount = 1
    this.writer.reset()
    this.writer.beginDocument()
    return this
  }

  /** What is missing becomes null. Errors: ExceededMemoryLimit. */
  add(value: Value): void {
    const { type, bytes, start, end } = value === missing ? nullValue : value
    this.#head(type, end - start)
    this.writer.append(bytes, start, end)
  }

  /** The element on which `walker` rests. Errors: ExceededMemoryLimit. */
  addElement(walker: ElementWalker): void {
    const { bytes, valueStart, valueEnd } = walker
    this.#head(walker.type, valueEnd - valueStart)
    this.writer.append(bytes, valueStart, valueEnd)
  }

  /** All elements of an array. Errors: ExceededMemoryLimit. */
  addAll({ bytes, start, end }: Value): void {
    all.reset(bytes, start)
    if (this.count > 0) {
      while (all.next()) this.addElement(all)
      return
    }
    // As the first ones they have their names already.
    refuseOversize(this.writer.length + end - start)
    this.writer.raw(bytes, start + 4, end - 1)
    while (all.next()) this.count++
    const name = indexName(this.count)
    this.#digitCount = name.length
    for (let i = 0; i < name.length; i++) this.#digits[i] = name.charCodeAt(i)
  }

  addInt32(n: number): void {
    this.#head(bsonType.int32, 4)
    const { writer } = this
    writeInt32(writer.bytes, writer.length, n)
    writer.length += 4
  }

  /** A string of these bytes of UTF-8. Errors: ExceededMemoryLimit. */
  addText(bytes: Uint8Array, start: number, end: number): void {
    this.#head(bsonType.string, end - start + 5)
    const { writer } = this
    writeInt32(writer.bytes, writer.length, end - start + 1)
    writer.length += 4
    writer.append(bytes, start, end)
    writer.bytes[writer.length++] = 0
  }

  /** Opens an array as the next element; `writer.end()` ends it. */
  beginArray(): void {
    this.writer.beginArray(indexName(this.count))
    this.#countUp()
  }

  /** Opens a document as the next element; `writer.end()` ends it. */
  beginDocument(): void {
    this.writer.beginDocument(indexName(this.count))
    this.#countUp()
  }

  /** The array; see `resultOf`. */
  value(context: EvaluationContext): Value {
    this.writer.end()
    return resultOf(context, bsonType.array, this.writer)
  }

  /** The next element's type and name, and room for its value. */
  #head(type: number, sizeBytes: number): void {
    const { writer } = this
    const digits = this.#digits
    const digitCount = this.#digitCount
    refuseOversize(writer.length + sizeBytes)
    writer.ensure(sizeBytes + digitCount + 2)
    const { bytes } = writer
    let at = writer.length
    bytes[at++] = type
    for (let i = 0; i < digitCount; i++) bytes[at++] = digits[i]!
    bytes[at++] = 0
    writer.length = at
    this.#countUp()
  }

  #countUp(): void {
    this.count++
    const digits = this.#digits
    let i = this.#digitCount - 1
    while (i >= 0 && digits[i] === nine) digits[i--] = zero
    if (i >= 0) digits[i]!++
    else {
      digits[0] = zero + 1
      digits[this.#digitCount++] = zero
    }
  }
}

const all = new ElementWalker()
