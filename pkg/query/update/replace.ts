/** Replacement updates: a whole new document that keeps the `_id` of the old one. */
import { DatabaseError } from '../../base/errors.ts'
import { documentSizeMax } from '../../base/limits.ts'
import { equalValues } from '../../bson/order.ts'
import { getField, readInt32 } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { BsonWriter } from '../../bson/writer.ts'
import type { UpdateResult } from './apply.ts'
import { refuseDeepDocument } from './depth.ts'
import { describeElement } from './describe.ts'

const writer = new BsonWriter()

/**
 * `replacement` with the `_id` of the document at `start` as its first field.
 * Errors: ImmutableField when the replacement has another `_id`, BSONObjectTooLarge beyond 16 MiB, Overflow for what nests too deep.
 */
export function applyReplacement(replacement: Uint8Array, bytes: Uint8Array, start: number): UpdateResult {
  const old = getField(bytes, '_id', start)
  const fresh = getField(replacement, '_id')
  if (old !== undefined && fresh !== undefined) {
    if (!equalValues(old.type, old.bytes, old.start, fresh.type, fresh.bytes, fresh.start)) {
      throw new DatabaseError(
        'ImmutableField',
        `After applying the update, the (immutable) field '_id' was found to have been altered to ${describeElement('_id', fresh).slice(1, -1)}`,
      )
    }
  }
  writer.reset()
  writer.beginDocument()
  const id = fresh ?? old
  if (id !== undefined) writer.value('_id', id)
  copyFieldsExceptId(replacement, writer)
  writer.end()
  const size = readInt32(bytes, start)
  if (writer.length > documentSizeMax) {
    throw new DatabaseError('BSONObjectTooLarge', `Resulting document after update is larger than ${documentSizeMax}`)
  }
  refuseDeepDocument(writer.bytes)
  if (writer.length === size && equalBytes(writer.bytes, bytes, start, size)) {
    return { document: bytes.subarray(start, start + size), changed: false }
  }
  return { document: writer.finish(), changed: true }
}

export function copyFieldsExceptId(document: Uint8Array, out: BsonWriter): void {
  const walker = new ElementWalker().reset(document, 0)
  while (walker.next()) {
    if (!isIdName(document, walker.nameStart, walker.nameEnd)) out.raw(document, walker.nameStart - 1, walker.valueEnd)
  }
}

function isIdName(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 3 && bytes[start] === 0x5f && bytes[start + 1] === 0x69 && bytes[start + 2] === 0x64
}

function equalBytes(a: Uint8Array, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[i] !== b[bStart + i]) return false
  return true
}
