import { expect, test } from 'vitest'
import { crc32c, crc32cAfter } from './crc32c.ts'

/** One bit at a time, from the definition. */
function reference(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffffffff
  for (let at = start; at < end; at++) {
    crc ^= bytes[at]!
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

test('gives the published check values', () => {
  expect(crc32c(new TextEncoder().encode('123456789'), 0, 9)).toBe(0xe3069283)
  // RFC 3720, appendix B.4
  expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(255), 0, 32)).toBe(0x62a8ab43)
  const rising = new Uint8Array(32).map((_, at) => at)
  expect(crc32c(rising, 0, 32)).toBe(0x46dd794e)
  expect(crc32c(rising.reverse(), 0, 32)).toBe(0x113fdb5c)
  expect(crc32c(rising, 7, 7)).toBe(0)
})

test('agrees with the definition at every offset and length, on views into larger buffers, and in parts', () => {
  const buffer = new Uint8Array(1003)
  for (let at = 0; at < buffer.length; at++) buffer[at] = (at * at * 31 + at * 7) >>> 3
  for (let offset = 0; offset < 6; offset++) {
    const view = buffer.subarray(offset)
    for (let start = 0; start < 9; start++) {
      for (let length = 0; length < 400; length += 1 + (length >> 3)) {
        const expected = reference(view, start, start + length)
        expect(crc32c(view, start, start + length)).toBe(expected)
        const middle = start + (length >> 1)
        expect(crc32c(view, middle, start + length, crc32c(view, start, middle))).toBe(expected)
      }
    }
  }
})

test('puts checksums of parts together', () => {
  const bytes = new Uint8Array(700).map((_, at) => (at * at * 13) >>> 2)
  for (let middle = 0; middle <= bytes.length; middle += 1 + (middle >> 2)) {
    const head = crc32c(bytes, 0, middle, 77)
    expect(crc32cAfter(head, crc32c(bytes, middle, 700), 700 - middle)).toBe(crc32c(bytes, 0, 700, 77))
  }
})

test('takes turns between buffers', () => {
  const one = new Uint8Array(200).fill(1)
  const two = new Uint8Array(200).fill(2)
  for (let round = 0; round < 3; round++) {
    for (const bytes of [one, two]) expect(crc32c(bytes, 0, 200)).toBe(reference(bytes, 0, 200))
  }
})
