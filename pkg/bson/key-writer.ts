/** A growing buffer for keys; reusable. */
export class KeyWriter {
  bytes: Uint8Array
  length = 0

  constructor(sizeBytes = 256) {
    this.bytes = new Uint8Array(sizeBytes)
  }

  reset(): this {
    this.length = 0
    return this
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(this.length + count)
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  byte(n: number): void {
    this.ensure(1)
    this.bytes[this.length++] = n
  }

  /** `n`: a safe integer, not negative, written big endian in `byteCount` bytes. */
  uint(n: number, byteCount: number): void {
    this.ensure(byteCount)
    const { bytes, length } = this
    for (let index = byteCount - 1; index >= 0; index--) {
      bytes[length + index] = n
      n = index > 0 && n > 0xffffffff ? Math.floor(n / 256) : n >>> 8
    }
    this.length = length + byteCount
  }

  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start
    this.ensure(count)
    const { bytes, length } = this
    if (count <= 64) for (let index = 0; index < count; index++) bytes[length + index] = source[start + index]!
    else bytes.set(source.subarray(start, end), length)
    this.length = length + count
  }

  /** Turns what was written from `start` on into its descending form. */
  complementFrom(start: number): void {
    const { bytes, length } = this
    for (let at = start; at < length; at++) bytes[at] = bytes[at]! ^ 0xff
  }

  /** An exact copy of what was written. */
  finish(): Uint8Array {
    const { bytes, length } = this
    if (length > 64) return bytes.slice(0, length)
    // Of a few bytes the copy is quicker than the call.
    const key = new Uint8Array(length)
    for (let i = 0; i < length; i++) key[i] = bytes[i]!
    return key
  }
}
