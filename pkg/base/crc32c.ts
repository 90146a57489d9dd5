/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): reflected polynomial 0x82f63b78, start and end inverted.
 * Slicing by 16 (Kounavis and Berry, 2005): sixteen table look-ups for sixteen bytes, of which only four depend on
 * the step before. The bytes are loaded as words, which is nearly twice as fast as one by one.
 */
const slices = 16
/**
 * Below this words save less than the tables cost that they take: all sixteen, of 16 KB, which who logs a small entry now and then finds in no cache of the
 * processor. Byte by byte one of them does.
 */
const wordsWorthwhileMin = 128
const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

let tables: Int32Array | undefined
/** The buffer seen last as words: pages and log buffers are checked again and again. */
let words = new Int32Array(0)

/**
 * The checksum of `bytes[start, end)`, as an unsigned 32-bit number. `seed`: the checksum of what came before, so that
 * `crc32c(b, 0, n)` equals `crc32c(b, k, n, crc32c(b, 0, k))`.
 */
export function crc32c(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  const t = (tables ??= buildTables())
  let crc = ~seed
  let at = start
  if (littleEndian && end - start >= wordsWorthwhileMin) {
    for (; ((bytes.byteOffset + at) & 3) !== 0; at++) crc = t[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
    const blocks = Math.floor((end - at) / slices)
    crc = addWords(t, wordsOf(bytes.buffer), (bytes.byteOffset + at) >>> 2, blocks, crc)
    at += blocks * slices
  }
  for (; at < end; at++) crc = t[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/**
 * The checksum of `length` bytes as it would be after what has the checksum `seed`, from `crc`, theirs alone: so that
 * `crc32c(b, k, n, seed)` equals `crc32cAfter(seed, crc32c(b, k, n), n - k)`, without the bytes.
 *
 * A seed passes through `length` bytes as a polynomial over GF(2) that is multiplied by x to the power of 8 * length; the power is
 * made of squares.
 */
export function crc32cAfter(seed: number, crc: number, length: number): number {
  let carried = seed
  let square = x8
  for (let left = length; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) carried = multiply(carried, square)
    square = multiply(square, square)
  }
  return (carried ^ crc) >>> 0
}

/** Of polynomials modulo that of the checksum; the highest bit is the coefficient of 1. */
function multiply(a: number, b: number): number {
  let product = 0
  let shifted = b
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= shifted
    shifted = shifted & 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1
  }
  return product
}

const polynomial = 0x82f63b78
/** The polynomial x to the power of 8. */
const x8 = 1 << 23

function addWords(t: Int32Array, w: Int32Array, start: number, blocks: number, crc: number): number {
  for (let at = start, end = start + 4 * blocks; at < end; at += 4) {
    const a = crc ^ w[at]!
    const b = w[at + 1]!
    const c = w[at + 2]!
    const d = w[at + 3]!
    crc =
      t[3840 + (a & 0xff)]! ^
      t[3584 + ((a >>> 8) & 0xff)]! ^
      t[3328 + ((a >>> 16) & 0xff)]! ^
      t[3072 + (a >>> 24)]! ^
      t[2816 + (b & 0xff)]! ^
      t[2560 + ((b >>> 8) & 0xff)]! ^
      t[2304 + ((b >>> 16) & 0xff)]! ^
      t[2048 + (b >>> 24)]! ^
      t[1792 + (c & 0xff)]! ^
      t[1536 + ((c >>> 8) & 0xff)]! ^
      t[1280 + ((c >>> 16) & 0xff)]! ^
      t[1024 + (c >>> 24)]! ^
      t[768 + (d & 0xff)]! ^
      t[512 + ((d >>> 8) & 0xff)]! ^
      t[256 + ((d >>> 16) & 0xff)]! ^
      t[d >>> 24]!
  }
  return crc
}

function wordsOf(buffer: ArrayBufferLike): Int32Array {
  if (words.buffer !== buffer) words = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4)) as typeof words
  return words
}

/** Entry `256 * k + b`: what byte `b` adds to the checksum when `k` more bytes follow it. */
function buildTables(): Int32Array {
  const built = new Int32Array(slices * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    built[byte] = crc
  }
  for (let at = 256; at < built.length; at++) {
    const before = built[at - 256]!
    built[at] = built[before & 0xff]! ^ (before >>> 8)
  }
  return built
}
