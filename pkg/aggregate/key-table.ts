/**
 * A hash table from key bytes to consecutive numbers: the first key added is 0, the next new one 1, and so on. Open
 * addressing over typed arrays, all key bytes in one buffer; grows to twice its size when half full.
 */
export class KeyTable {
  /** How many different keys there are. */
  count = 0
  #mask = 1023
  /** Number of the key + 1 by slot; 0: free. */
  #slots = new Int32Array(1024)
  #hashes = new Int32Array(512)
  #ends = new Uint32Array(512)
  #bytes = new Uint8Array(16 * 1024)
  #length = 0

  /** Bytes held, as a measure of memory. */
  get usedBytes(): number {
    return this.#bytes.length + (this.#slots.length + this.#hashes.length + this.#ends.length) * 4
  }

  /** The number of the key in `bytes` up to `length`; a key that is new gets the next one. */
  numberOf(bytes: Uint8Array, length: number): number {
    const hash = hashOf(bytes, length)
    const slots = this.#slots
    const mask = this.#mask
    let slot = hash & mask
    for (;;) {
      const number = slots[slot]! - 1
      if (number < 0) return this.#add(bytes, length, hash, slot)
      if (this.#hashes[number] === hash && this.#isKey(number, bytes, length)) return number
      slot = (slot + 1) & mask
    }
  }

  /** The number of the key in `bytes` up to `length`; -1 when it is not there. */
  find(bytes: Uint8Array, length: number): number {
    const hash = hashOf(bytes, length)
    let slot = hash & this.#mask
    for (;;) {
      const number = this.#slots[slot]! - 1
      if (number < 0 || (this.#hashes[number] === hash && this.#isKey(number, bytes, length))) return number
      slot = (slot + 1) & this.#mask
    }
  }

  #isKey(number: number, bytes: Uint8Array, length: number): boolean {
    const start = number === 0 ? 0 : this.#ends[number - 1]!
    if (this.#ends[number]! - start !== length) return false
    const held = this.#bytes
    for (let i = 0; i < length; i++) if (held[start + i] !== bytes[i]) return false
    return true
  }

  #add(bytes: Uint8Array, length: number, hash: number, slot: number): number {
    const number = this.count++
    if (number === this.#hashes.length) {
      this.#hashes = grown(this.#hashes, new Int32Array(number * 2))
      this.#ends = grown(this.#ends, new Uint32Array(number * 2))
    }
    if (this.#length + length > this.#bytes.length) {
      this.#bytes = grown(this.#bytes, new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + length)))
    }
    const held = this.#bytes
    const start = this.#length
    for (let i = 0; i < length; i++) held[start + i] = bytes[i]!
    this.#length = start + length
    this.#hashes[number] = hash
    this.#ends[number] = this.#length
    this.#slots[slot] = number + 1
    if (this.count * 2 > this.#slots.length) this.#rehash()
    return number
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let number = 0; number < this.count; number++) {
      let slot = this.#hashes[number]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = number + 1
    }
    this.#slots = slots
    this.#mask = mask
  }
}

function grown<T extends Int32Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** FNV-1a with a final mix, since the slot is taken from the low bits. */
export function hashOf(bytes: Uint8Array, length: number): number {
  let hash = 0x811c9dc5 | 0
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
