import { deflateSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import snappy from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { compressorNames, unwrap, wrap } from './compression.ts'
import { headerLength, opcode, readInt32, writeHeader, writeInt32 } from './protocol.ts'

const ids = { snappy: 1, zlib: 2, zstd: 3 }

function messageOf(content: Uint8Array): Uint8Array {
  const message = new Uint8Array(headerLength + content.length)
  writeHeader(message, message.length, 41, 42, opcode.message)
  message.set(content, headerLength)
  return message
}

function compressed(
  compressorId: number,
  declaredLength: number,
  content: Uint8Array,
  original: number = opcode.message,
): Uint8Array {
  const bytes = new Uint8Array(headerLength + 9 + content.length)
  writeHeader(bytes, bytes.length, 41, 42, opcode.compressed)
  writeInt32(bytes, headerLength, original)
  writeInt32(bytes, headerLength + 4, declaredLength)
  bytes[headerLength + 8] = compressorId
  bytes.set(content, headerLength + 9)
  return bytes
}

async function unwrapAll(bytes: Uint8Array) {
  return await unwrap(bytes, 0, bytes.length)
}

describe('OP_COMPRESSED', () => {
  it('offers the compressors that drivers know', () => {
    expect(compressorNames).toEqual(['snappy', 'zlib', 'zstd'])
  })

  it.each(Object.entries(ids))('%s gives back the message, small or large', async (_name, id) => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 3000 }),
        fc.constantFrom(1, 7, 200),
        async (piece, times) => {
          const message = messageOf(Buffer.concat(Array.from({ length: times }, () => piece)))
          const wrapped = await wrap(message, id)
          if (message.length < 512) {
            expect(wrapped).toBe(message)
            return
          }
          expect(readInt32(wrapped, 0)).toBe(wrapped.length)
          expect(readInt32(wrapped, 12)).toBe(opcode.compressed)
          const { bytes, opcode: inner, compressorId } = await unwrapAll(wrapped)
          expect(inner).toBe(opcode.message)
          expect(compressorId).toBe(id)
          expect(Buffer.from(bytes).equals(message)).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('refuses what expands beyond the length it declares, without expanding it', async () => {
    const bomb = new Uint8Array(40_000_000)
    for (const [id, content] of [
      [ids.zlib, deflateSync(bomb)],
      [ids.zstd, zstdCompressSync(bomb)],
      [ids.snappy, snappy.compress(bomb.subarray(0, 4_000_000))],
    ] as const) {
      for (const declared of [1000, 200_000]) {
        const before = process.memoryUsage().arrayBuffers
        await expect(unwrapAll(compressed(id, declared, content))).rejects.toThrow(/cannot be decompressed/)
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000)
      }
    }
  })

  it('refuses snappy that declares more than its bytes can hold', async () => {
    // 48,000,000 as a varint, and nothing behind it.
    const declared = Uint8Array.of(0x80, 0xd8, 0xf1, 0x16)
    await expect(async () => unwrapAll(compressed(ids.snappy, 47_999_000, declared))).rejects.toThrow(/cannot hold/)
  })

  it.each([
    [
      'less content than declared',
      compressed(ids.zlib, 1000, deflateSync(new Uint8Array(10))),
      /declares 1000 bytes and holds 10/,
    ],
    ['garbage', compressed(ids.zstd, 100, Uint8Array.of(1, 2, 3, 4)), /zstd message cannot be decompressed/],
    ['garbage', compressed(ids.zlib, 100, Uint8Array.of(1, 2, 3, 4)), /zlib message cannot be decompressed/],
    [
      'garbage',
      compressed(ids.snappy, 100, Uint8Array.of(100, 255, 255, 255)),
      /snappy message cannot be decompressed/,
    ],
    ['itself inside', compressed(ids.zlib, 10, new Uint8Array(10), opcode.compressed), /OP_COMPRESSED inside/],
    ['an unknown compressor', compressed(77, 10, new Uint8Array(10)), /compressor 77 is not known/],
    ['a negative length', compressed(ids.zlib, -1, new Uint8Array(10)), /declares -1 bytes/],
    ['a length beyond the limit', compressed(ids.zlib, 48_000_001, new Uint8Array(10)), /declares 48000001 bytes/],
    ['no content', compressed(ids.zlib, 10, new Uint8Array(0)).subarray(0, 20), /cut short/],
  ])('refuses %s', async (_what, bytes, reason) => {
    await expect(async () => unwrapAll(bytes)).rejects.toThrow(reason)
  })
})
