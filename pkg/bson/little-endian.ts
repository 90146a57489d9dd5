/**
 * Numbers in BSON bytes: little endian, read and written in place without a DataView.
 */
const scratchDouble = new Float64Array(1)
const scratchWords = new Uint32Array(scratchDouble.buffer)
const scratchInt64 = new BigInt64Array(scratchDouble.buffer)
/** Which of the two words is the low one on this machine. */
const low = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1
const high = 1 - low

export const twoTo32 = 4294967296

export function readInt32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

export function readDouble(bytes: Uint8Array, at: number): number {
  scratchWords[low] = readInt32(bytes, at)
  scratchWords[high] = readInt32(bytes, at + 4)
  return scratchDouble[0]!
}

/** A signed 64-bit integer, exactly. */
export function readInt64(bytes: Uint8Array, at: number): bigint {
  scratchWords[low] = readInt32(bytes, at)
  scratchWords[high] = readInt32(bytes, at + 4)
  return scratchInt64[0]!
}

/** A signed 64-bit integer as the nearest double: exact up to 2^53. */
export function readInt64Number(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at + 4) * twoTo32 + readUint32(bytes, at)
}

/** `n`: any integer; its low 32 bits are written. */
export function writeInt32(bytes: Uint8Array, at: number, n: number): void {
  bytes[at] = n
  bytes[at + 1] = n >>> 8
  bytes[at + 2] = n >>> 16
  bytes[at + 3] = n >>> 24
}

export function writeDouble(bytes: Uint8Array, at: number, n: number): void {
  scratchDouble[0] = n
  writeInt32(bytes, at, scratchWords[low]!)
  writeInt32(bytes, at + 4, scratchWords[high]!)
}

/** `n`: an integer within ±2^63 (a number must be whole), else the low 64 bits. */
export function writeInt64(bytes: Uint8Array, at: number, n: bigint | number): void {
  if (typeof n === 'number') {
    const upper = Math.floor(n / twoTo32)
    writeInt32(bytes, at, n - upper * twoTo32)
    writeInt32(bytes, at + 4, upper)
  } else {
    scratchInt64[0] = n
    writeInt32(bytes, at, scratchWords[low]!)
    writeInt32(bytes, at + 4, scratchWords[high]!)
  }
}

/** The upper 32 bits of a double (sign, exponent, 20 bits of fraction), unsigned. */
export function doubleHighWord(n: number): number {
  scratchDouble[0] = n
  return scratchWords[high]!
}

/** The lower 32 bits of a double, unsigned. */
export function doubleLowWord(n: number): number {
  scratchDouble[0] = n
  return scratchWords[low]!
}

export function doubleOfWords(highWord: number, lowWord: number): number {
  scratchWords[low] = lowWord
  scratchWords[high] = highWord
  return scratchDouble[0]!
}
