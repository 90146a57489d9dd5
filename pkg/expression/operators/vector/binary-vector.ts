/**
 * Vectors in binary values of subtype 9 (BSON Binary Subtype 9 - Vector):
 *
 *   element type 1 byte (0x03 int8, 0x27 float32, 0x10 one bit each), unused bits of the last byte 1 byte, elements
 */
import { readUint32, type Value } from '../../../bson/value.ts'

const vectorSubtype = 9
const headerBytes = 5
const elementType = { int8: 0x03, float32: 0x27, bit: 0x10 }

/** Undefined for what is no vector. */
export function vectorOfBinary({ bytes, start, end }: Value): ArrayLike<number> | undefined {
  if (bytes[start + 4] !== vectorSubtype || readUint32(bytes, start) < 2) return undefined
  const at = start + headerBytes + 2
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at)
  const padding = bytes[start + headerBytes + 1]!
  switch (bytes[start + headerBytes]) {
    case elementType.int8:
      return Int8Array.from({ length: end - at }, (_, i) => view.getInt8(i))
    case elementType.float32:
      return (end - at) % 4 !== 0
        ? undefined
        : Float64Array.from({ length: (end - at) / 4 }, (_, i) => view.getFloat32(i * 4, true))
    case elementType.bit:
      if (padding > 7 || (padding > 0 && end === at)) return undefined
      return Uint8Array.from(
        { length: (end - at) * 8 - padding },
        (_, i) => (view.getUint8(i >> 3) >> (7 - (i & 7))) & 1,
      )
    default:
      return undefined
  }
}
