import type { Value } from '../bson/value.ts'
import type { BsonWriter } from '../bson/writer.ts'
import type { EvaluationContext } from './context.ts'

/** What building this much counts for, of the steps that a document may take. */
const bytesPerStep = 96

/** A larger buffer is not kept for the next evaluation: a pipeline may have thousands of expressions. */
const keptBytesMax = 1024 * 1024

/**
 * What the writer holds, as the value of an expression, in place: valid until the same expression is evaluated again.
 * Errors: ExceededTimeLimit.
 */
export function resultOf(context: EvaluationContext, type: number, writer: BsonWriter): Value {
  const { bytes, length } = writer
  context.spend(length / bytesPerStep)
  if (bytes.length > keptBytesMax) {
    writer.bytes = new Uint8Array(64)
    writer.reset()
  }
  return { type, bytes, start: 0, end: length }
}
