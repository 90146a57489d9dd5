/**
 * UTF-8 text in bytes. Short ASCII, by far the commonest, is read and written here; the rest by Node's own routines.
 */
interface Utf8Methods {
  utf8Slice(this: Uint8Array, start: number, end: number): string
  utf8Write(this: Uint8Array, text: string, at: number, length: number): number
}
const { utf8Slice, utf8Write } = Buffer.prototype as unknown as Utf8Methods

const shortLength = 24

/** The text in `bytes` from `start` to `end` (exclusive); malformed UTF-8 becomes U+FFFD. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  if (length <= shortLength) {
    let text = ''
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!
      if (byte >= 0x80) return utf8Slice.call(bytes, start, end)
      text += String.fromCharCode(byte)
    }
    return text
  }
  return utf8Slice.call(bytes, start, end)
}

/**
 * Writes `text` at `at` and returns where it ends. `bytes` must have room for three bytes a UTF-16 unit.
 * A lone surrogate becomes U+FFFD.
 */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length
  if (length <= shortLength) {
    let index = 0
    for (; index < length; index++) {
      const unit = text.charCodeAt(index)
      if (unit >= 0x80) break
      bytes[at + index] = unit
    }
    if (index === length) return at + length
  }
  return at + utf8Write.call(bytes, text, at, length * 3)
}

/** The UTF-8 bytes of `text`, a fresh array. */
export function utf8Bytes(text: string): Uint8Array {
  const { length } = text
  if (length > shortLength) return encoder.encode(text)
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit >= 0x80) return encoder.encode(text)
    bytes[index] = unit
  }
  return bytes
}
const encoder = new TextEncoder()

/** True when the bytes from `start` to `end` are well-formed UTF-8 (no overlong form, no surrogate, at most U+10FFFF). */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    const lead = bytes[at]!
    if (lead < 0x80) {
      at++
      continue
    }
    let more: number
    let lowest = 0x80
    let highest = 0xbf
    if (lead >= 0xc2 && lead <= 0xdf) more = 1
    else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2
      if (lead === 0xe0) lowest = 0xa0
      else if (lead === 0xed) highest = 0x9f
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3
      if (lead === 0xf0) lowest = 0x90
      else if (lead === 0xf4) highest = 0x8f
    } else return false
    if (at + more >= end) return false
    const second = bytes[at + 1]!
    if (second < lowest || second > highest) return false
    for (let index = 2; index <= more; index++) {
      if ((bytes[at + index]! & 0xc0) !== 0x80) return false
    }
    at += more + 1
  }
  return true
}
