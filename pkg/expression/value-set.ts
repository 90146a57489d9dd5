import { encodeKey, KeyWriter } from '../bson/key.ts'

const key = new KeyWriter()

/** A set of values that are the same when they are equal in the order over all types: 1 and 1.0 are one. */
export class ValueSet {
  readonly #keys = new Set<string>()

  get size(): number {
    return this.#keys.size
  }

  /** Whether the value was not there before. */
  add(type: number, bytes: Uint8Array, start: number): boolean {
    const before = this.#keys.size
    this.#keys.add(keyText(type, bytes, start))
    return this.#keys.size > before
  }

  has(type: number, bytes: Uint8Array, start: number): boolean {
    return this.#keys.has(keyText(type, bytes, start))
  }

  clear(): void {
    this.#keys.clear()
  }
}

/** Characters made from at once: `fromCharCode` takes them as arguments, which have a limit. */
const chunk = 4096

/** The value's sort key with a character a byte: what a `Set` can compare. */
function keyText(type: number, bytes: Uint8Array, start: number): string {
  key.reset()
  encodeKey(key, type, bytes, start)
  let text = ''
  for (let at = 0; at < key.length; at += chunk) {
    text += String.fromCharCode(...key.bytes.subarray(at, Math.min(at + chunk, key.length)))
  }
  return text
}
