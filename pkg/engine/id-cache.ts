/**
 * Where the records with certain `_id`s were last found: a small table in front of the `_id` index, as an adaptive hash index.
 *
 * What it says is a guess: whoever asks reads the record and compares its `_id`. So nothing has to be taken out when a record is removed or replaced,
 * and a slot that two `_id`s share costs a lookup, not an error.
 */
import type { RecordId } from '../base/ids.ts'

const slotsMin = 1024
/** One MiB a collection at most. */
const slotsMax = 256 * 1024

export class IdCache {
  /** Record ids below 2^32; 0 is none. */
  #slots = new Uint32Array(0)

  /** The record that the value `bytes[start, end)` was last found in, or 0. */
  guess(bytes: Uint8Array, start: number, end: number): RecordId {
    const slots = this.#slots
    return (slots.length === 0 ? 0 : slots[hash(bytes, start, end) & (slots.length - 1)]!) as RecordId
  }

  /** `documentCount`: how many may be asked for; the table follows it. */
  remember(bytes: Uint8Array, start: number, end: number, recordId: RecordId, documentCount: number): void {
    if (recordId > 0xffffffff) return
    let slots = this.#slots
    if (slots.length < slotsMax && slots.length * 2 < documentCount) {
      let length = slotsMin
      while (length < slotsMax && length < documentCount) length *= 2
      slots = new Uint32Array(length)
      this.#slots = slots
    }
    if (slots.length > 0) slots[hash(bytes, start, end) & (slots.length - 1)] = recordId
  }
}

function hash(bytes: Uint8Array, start: number, end: number): number {
  let h = 0x811c9dc5
  for (let i = start; i < end; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193)
  return h ^ (h >>> 15)
}
