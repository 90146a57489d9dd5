/** Builds the strings that operators give, as UTF-8, in one buffer that is used again each time. */
import { writeInt32 } from '../../../bson/little-endian.ts'
import { bsonType } from '../../../bson/type.ts'
import { stringValue, type Value } from '../../../bson/value.ts'
import { BsonWriter } from '../../../bson/writer.ts'
import type { EvaluationContext } from '../../context.ts'
import { resultOf } from '../../result.ts'
import { refuseLongString } from '../../string-limit.ts'

const lengthBytes = 4

export class StringResult {
  readonly #writer = new BsonWriter(64)

  reset(): this {
    this.#writer.reset()
    this.#writer.ensure(lengthBytes)
    this.#writer.length = lengthBytes
    return this
  }

  /** Errors: 16493. */
  append(bytes: Uint8Array, start: number, end: number): void {
    refuseLongString(this.#writer.length - lengthBytes + end - start)
    this.#writer.append(bytes, start, end)
  }

  /** The string; see `resultOf`. */
  value(context: EvaluationContext): Value {
    const writer = this.#writer
    writer.ensure(1)
    writer.bytes[writer.length++] = 0
    writeInt32(writer.bytes, 0, writer.length - lengthBytes)
    return resultOf(context, bsonType.string, writer)
  }
}

/** Where a string value's text begins and ends within its bytes. */
export function textStart(value: Value): number {
  return value.start + lengthBytes
}

export function textEnd(value: Value): number {
  return value.end - 1
}

export const emptyString = stringValue('')

/** The part of a string's bytes from `start` to `end`, as a string of its own. */
export function stringOfBytes(bytes: Uint8Array, start: number, end: number): Value {
  const copy = new Uint8Array(end - start + lengthBytes + 1)
  writeInt32(copy, 0, end - start + 1)
  copy.set(bytes.subarray(start, end), lengthBytes)
  return { type: bsonType.string, bytes: copy, start: 0, end: copy.length }
}
