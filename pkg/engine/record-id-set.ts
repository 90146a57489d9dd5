import type { RecordId } from '../base/ids.ts'

const idsPerPart = 65_536

/** Record ids, a bit each: of a collection that has few left of many only the parts in which there are some take room (8 KB). */
export class RecordIdSet {
  readonly #parts = new Map<number, Uint8Array>()

  add(recordId: RecordId): void {
    const number = Math.floor(recordId / idsPerPart)
    let part = this.#parts.get(number)
    if (part === undefined) {
      part = new Uint8Array(idsPerPart / 8)
      this.#parts.set(number, part)
    }
    const bit = recordId % idsPerPart
    part[bit >>> 3]! |= 1 << (bit & 7)
  }

  has(recordId: RecordId): boolean {
    const part = this.#parts.get(Math.floor(recordId / idsPerPart))
    const bit = recordId % idsPerPart
    return part !== undefined && (part[bit >>> 3]! & (1 << (bit & 7))) !== 0
  }
}
