/** OP_COMPRESSED: what `hello` may negotiate, and how a message gets into and out of it. */
import { promisify } from 'node:util'
import {
  deflate,
  deflateSync,
  inflate,
  inflateSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import snappy from 'snappyjs'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { messageSizeMax } from '../../pkg/base/limits.ts'
import { headerLength, opcode, readInt32, writeHeader, writeInt32 } from './protocol.ts'

interface Compressor {
  readonly id: number
  readonly name: string
  compress(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** `length`: how much may come out, and no more than that is ever allocated. */
  decompress(bytes: Uint8Array, length: number): Uint8Array | Promise<Uint8Array>
}

/** From here on a message is worth a trip to another thread. */
const threadBytesMin = 128 * 1024
/** Below this a reply gains nothing. */
const compressBytesMin = 512

const deflateAsync = promisify(deflate)
const inflateAsync = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(inflate)
const zstdCompressAsync = promisify(zstdCompress)
const zstdDecompressAsync = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(zstdDecompress)

const compressors: readonly Compressor[] = [
  {
    id: 0,
    name: 'noop',
    compress: (bytes) => bytes,
    decompress: (bytes) => bytes,
  },
  {
    id: 1,
    name: 'snappy',
    compress: (bytes) => snappy.compress(bytes),
    decompress: (bytes, length) => {
      // The densest element is a copy of 64 bytes in 3: what declares more is broken, and is not worth the memory it asks for.
      if (length > bytes.length * 22) throw new Error(`${bytes.length} bytes cannot hold ${length}`)
      return snappy.uncompress(bytes, length)
    },
  },
  {
    id: 2,
    name: 'zlib',
    compress: (bytes) => (bytes.length < threadBytesMin ? deflateSync(bytes) : deflateAsync(bytes)),
    decompress: (bytes, length) => {
      const limits = { maxOutputLength: Math.max(1, length) }
      return length < threadBytesMin ? inflateSync(bytes, limits) : inflateAsync(bytes, limits)
    },
  },
  {
    id: 3,
    name: 'zstd',
    compress: (bytes) => (bytes.length < threadBytesMin ? zstdCompressSync(bytes) : zstdCompressAsync(bytes)),
    decompress: (bytes, length) => {
      const limits = { maxOutputLength: Math.max(1, length) }
      return length < threadBytesMin ? zstdDecompressSync(bytes, limits) : zstdDecompressAsync(bytes, limits)
    },
  },
]

/** For `hello`: the names a client may choose from. */
export const compressorNames: readonly string[] = compressors.filter(({ id }) => id !== 0).map(({ name }) => name)

/** A message taken out of its OP_COMPRESSED, as though it had come without. */
export interface Unwrapped {
  readonly bytes: Uint8Array
  readonly opcode: number
  readonly compressorId: number
}

/** Unwraps the OP_COMPRESSED in `bytes[start, end)`. Throws or rejects with ProtocolError. */
export function unwrap(bytes: Uint8Array, start: number, end: number): Unwrapped | Promise<Unwrapped> {
  const at = start + headerLength
  if (end - at < 9) throw new DatabaseError('ProtocolError', 'OP_COMPRESSED is cut short')
  const originalOpcode = readInt32(bytes, at)
  const length = readInt32(bytes, at + 4)
  const compressorId = bytes[at + 8]!
  if (originalOpcode === opcode.compressed)
    throw new DatabaseError('ProtocolError', 'OP_COMPRESSED inside OP_COMPRESSED')
  if (length < 0 || length > messageSizeMax - headerLength) {
    throw new DatabaseError(
      'ProtocolError',
      `OP_COMPRESSED declares ${length} bytes; the most is ${messageSizeMax - headerLength}`,
    )
  }
  const compressor = compressors[compressorId]
  if (compressor === undefined) throw new DatabaseError('ProtocolError', `compressor ${compressorId} is not known`)
  const finish = (content: Uint8Array): Unwrapped => {
    if (content.length !== length) {
      throw new DatabaseError('ProtocolError', `OP_COMPRESSED declares ${length} bytes and holds ${content.length}`)
    }
    const message = new Uint8Array(headerLength + length)
    message.set(bytes.subarray(start, start + headerLength))
    writeInt32(message, 0, message.length)
    writeInt32(message, 12, originalOpcode)
    message.set(content, headerLength)
    return { bytes: message, opcode: originalOpcode, compressorId }
  }
  try {
    const content = compressor.decompress(bytes.subarray(at + 9, end), length)
    return content instanceof Promise
      ? content.then(finish, (error: unknown) => {
          throw undecodable(compressor, error)
        })
      : finish(content)
  } catch (error) {
    throw error instanceof DatabaseError ? error : undecodable(compressor, error)
  }
}

function undecodable(compressor: Compressor, error: unknown): DatabaseError {
  return new DatabaseError(
    'ProtocolError',
    `${compressor.name} message cannot be decompressed: ${(error as Error).message}`,
  )
}

/** Wraps a reply for a client that sent its request with `compressorId`; small ones stay as they are, which every client takes. */
export function wrap(message: Uint8Array, compressorId: number): Uint8Array | Promise<Uint8Array> {
  const compressor = compressors[compressorId]
  if (compressor === undefined || message.length < compressBytesMin) return message
  const content = compressor.compress(message.subarray(headerLength))
  const finish = (compressed: Uint8Array): Uint8Array => {
    const wrapped = new Uint8Array(headerLength + 9 + compressed.length)
    writeHeader(wrapped, wrapped.length, readInt32(message, 4), readInt32(message, 8), opcode.compressed)
    writeInt32(wrapped, headerLength, readInt32(message, 12))
    writeInt32(wrapped, headerLength + 4, message.length - headerLength)
    wrapped[headerLength + 8] = compressorId
    wrapped.set(compressed, headerLength + 9)
    return wrapped
  }
  return content instanceof Promise ? content.then(finish) : finish(content)
}
