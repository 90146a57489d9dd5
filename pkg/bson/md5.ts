/** MD5 (RFC 1321), which MongoDB's hashed indexes are defined by. It protects nothing here. */

const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
const constants = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0)

/** The first eight bytes of the digest of `input[0..length)`, as two little-endian words. */
export function md5Head(input: Uint8Array, length: number): readonly [number, number] {
  const total = ((length + 8) >>> 6) + 1
  const padded = new Uint8Array(total * 64)
  padded.set(input.subarray(0, length))
  padded[length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(total * 64 - 8, length << 3, true)
  view.setUint32(total * 64 - 4, Math.floor(length / 2 ** 29), true)
  let a0 = 0x67452301
  let b0 = 0xefcdab89 | 0
  let c0 = 0x98badcfe | 0
  let d0 = 0x10325476
  for (let block = 0; block < total * 64; block += 64) {
    let [a, b, c, d] = [a0, b0, c0, d0]
    for (let i = 0; i < 64; i++) {
      let f: number
      let g: number
      if (i < 16) {
        f = (b & c) | (~b & d)
        g = i
      } else if (i < 32) {
        f = (d & b) | (~d & c)
        g = (5 * i + 1) & 15
      } else if (i < 48) {
        f = b ^ c ^ d
        g = (3 * i + 5) & 15
      } else {
        f = c ^ (b | ~d)
        g = (7 * i) & 15
      }
      const sum = (f + a + constants[i]! + view.getInt32(block + g * 4, true)) | 0
      const shift = shifts[((i >> 4) << 2) | (i & 3)]!
      a = d
      d = c
      c = b
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
    }
    a0 = (a0 + a) | 0
    b0 = (b0 + b) | 0
    c0 = (c0 + c) | 0
    d0 = (d0 + d) | 0
  }
  return [a0, b0]
}
