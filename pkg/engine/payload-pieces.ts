/**
 * A payload too large for memory, in pieces of whole operations.
 */
import { assert } from '../base/assert.ts'
import type { PayloadSource } from '../storage/log-reader.ts'
import { endOfOperation } from './operation.ts'

const pieceBytes = 1024 * 1024

/** `bytes[0, end)`. */
export interface Piece {
  readonly bytes: Uint8Array
  readonly end: number
}

/** The payload piece by piece, each lent until the next is asked for. */
export function* piecesOf(payload: PayloadSource): Generator<Piece, undefined, undefined> {
  let bytes = new Uint8Array(Math.min(pieceBytes, payload.length))
  /** Of the payload: what was handed over, what has been read. bytes[0, read - taken) is what lies between. */
  let taken = 0
  let read = 0
  while (taken < payload.length) {
    const wanted = Math.min(bytes.length - (read - taken), payload.length - read)
    const count = payload.read(bytes, read - taken, wanted, read)
    assert(count === wanted, 'a payload is as long as its frame says')
    read += count
    const filled = read - taken
    const end = endOfWhole(bytes, filled)
    if (end > 0) {
      yield { bytes, end }
      bytes.copyWithin(0, end, filled)
      taken += end
    } else {
      // One operation is larger than that.
      assert(read < payload.length, 'a payload ends where an operation does')
      const larger = new Uint8Array(Math.min(payload.length - taken, 2 * bytes.length))
      larger.set(bytes)
      bytes = larger
    }
  }
}

/** Where the last operation ends that is whole in bytes[0, end). */
function endOfWhole(bytes: Uint8Array, end: number): number {
  let at = 0
  while (at < end) {
    const next = endOfOperation(bytes, at, end)
    if (next > end) break
    at = next
  }
  return at
}
