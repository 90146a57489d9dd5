/**
 * Names looked up by their bytes: which of a fixed set of ASCII names stands at an offset, without decoding it.
 * Open addressing over a power of two at least four times the number of names.
 */
export class NameTable {
  readonly #names: readonly Uint8Array[]
  readonly #slots: Int32Array
  readonly #mask: number

  constructor(names: readonly string[]) {
    const encoder = new TextEncoder()
    this.#names = names.map((name) => encoder.encode(name))
    let size = 8
    while (size < names.length * 4) size *= 2
    this.#slots = new Int32Array(size).fill(-1)
    this.#mask = size - 1
    for (let i = 0; i < this.#names.length; i++) {
      const name = this.#names[i]!
      let slot = hash(name, 0, name.length) & this.#mask
      while (this.#slots[slot] !== -1) slot = (slot + 1) & this.#mask
      this.#slots[slot] = i
    }
  }

  /** The position of the name `bytes[start, end)` in the list the table was made of; -1 when it is not there. */
  indexOf(bytes: Uint8Array, start: number, end: number): number {
    let slot = hash(bytes, start, end) & this.#mask
    for (;;) {
      const index = this.#slots[slot]!
      if (index === -1) return -1
      const name = this.#names[index]!
      if (name.length === end - start) {
        let i = 0
        while (i < name.length && name[i] === bytes[start + i]) i++
        if (i === name.length) return index
      }
      slot = (slot + 1) & this.#mask
    }
  }
}

function hash(bytes: Uint8Array, start: number, end: number): number {
  let h = end - start
  for (let i = start; i < end; i++) h = (Math.imul(h, 31) + bytes[i]!) | 0
  return h ^ (h >>> 15)
}
