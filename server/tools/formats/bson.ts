/** mongodump's files: BSON documents, one directly after the other. */
import { DatabaseError } from '../../../pkg/base/errors.ts'
import { documentSizeMaxInternal } from '../../../pkg/base/limits.ts'
import { validateDocument } from '../../../pkg/bson/validate.ts'
import { readInt32 } from '../../../pkg/bson/value.ts'
import type { Chunks, Item } from './item.ts'

/** Places are counted in documents. Ends with an error where the file is cut short or a length is impossible. */
export async function* readBson(chunks: Chunks): AsyncGenerator<readonly Item[]> {
  let pending: Uint8Array = new Uint8Array(0)
  /** Chunks behind `pending`, joined only when a document needs them: a long one is not copied for every chunk. */
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let place = 0
  let offset = 0
  for await (const chunk of chunks) {
    waiting.push(chunk)
    waitingBytes += chunk.length
    if (pending.length >= 4 && pending.length + waitingBytes < lengthAt(pending, 0, place + 1, offset)) continue
    const bytes = pending.length === 0 && waiting.length === 1 ? chunk : Buffer.concat([pending, ...waiting])
    waiting = []
    waitingBytes = 0
    const items: Item[] = []
    let at = 0
    while (bytes.length - at >= 4) {
      const length = lengthAt(bytes, at, place + 1, offset)
      if (bytes.length - at < length) break
      place += 1
      items.push(validated(bytes.subarray(at, at + length), place))
      at += length
      offset += length
    }
    pending = bytes.subarray(at)
    yield items
  }
  const left = pending.length + waitingBytes
  if (left > 0)
    throw new DatabaseError('InvalidBSON', `the file ends within document ${place + 1}, which begins at byte ${offset}`)
}

function lengthAt(bytes: Uint8Array, at: number, place: number, offset: number): number {
  const length = readInt32(bytes, at)
  if (length < 5 || length > documentSizeMaxInternal) {
    throw new DatabaseError(
      'InvalidBSON',
      `document ${place}, at byte ${offset}, says that it has ${length} bytes: this is not BSON from here on`,
    )
  }
  return length
}

function validated(view: Uint8Array, place: number): Item {
  const document = new Uint8Array(view.buffer, view.byteOffset, view.length)
  try {
    validateDocument(document, 0, document.length)
    return { place, document }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return { place, problem: error.message }
  }
}
