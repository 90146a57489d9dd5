/**
 * The superblock: everything that must agree, in one checksummed block. Two slots at the head of the data file,
 * written in turn, so that a torn one leaves the other.
 *
 *   offset  size  field (little endian)
 *   0       8     magic "LAURADB" and a line feed
 *   8       4     format version, 1
 *   12      4     CRC-32 of the whole block with this field zero
 *   16      4     page size in bytes
 *   20      4     1: the meta fields below were given by a checkpoint; 0: the file is new
 *   24      8     epoch (generation): of two valid superblocks the greater one holds
 *   32      8     log index applied
 *   40      8     term
 *   48      8     timestamp
 *   56      4     catalog root page
 *   60      4     chunks of the page map
 *   64      4     page map root extent: block
 *   68      4       length in bytes
 *   72      4       CRC-32
 *   76      4     payload length
 *   80      ...   payload (opaque to storage)
 *
 * Magic, version and checksum keep their place and meaning in every version.
 */
import { assert } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex, PageId, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { checksumOf } from './data-file.ts'
import { blockSize } from './extents.ts'

/** What a checkpoint says about the state it holds. */
export interface CheckpointMeta {
  readonly logIndex: LogIndex
  readonly term: Term
  readonly timestamp: Timestamp
  readonly catalogRoot: PageId
  /** At most `payloadLengthMax` bytes, opaque to storage. */
  readonly payload: Uint8Array
}

export interface Superblock {
  readonly pageSize: number
  readonly epoch: number
  readonly meta: CheckpointMeta | undefined
  readonly chunkCount: number
  readonly root: { readonly block: number; readonly length: number; readonly checksum: number }
}

export const formatVersion = 1
const magic = new TextEncoder().encode('LAURADB\n')
const fixedLength = 80
export const payloadLengthMax = blockSize - fixedLength
const noPayload = new Uint8Array(0)

export function encodeSuperblock(superblock: Superblock): Uint8Array {
  const bytes = new Uint8Array(blockSize)
  const view = new DataView(bytes.buffer)
  const { meta, root } = superblock
  const payload = meta?.payload ?? noPayload
  assert(payload.length <= payloadLengthMax, 'the payload of a checkpoint fits into the superblock')
  bytes.set(magic)
  view.setUint32(8, formatVersion, true)
  view.setUint32(16, superblock.pageSize, true)
  view.setUint32(20, meta === undefined ? 0 : 1, true)
  view.setBigUint64(24, BigInt(superblock.epoch), true)
  view.setBigUint64(32, BigInt(meta?.logIndex ?? 0), true)
  view.setBigUint64(40, BigInt(meta?.term ?? 0), true)
  view.setBigUint64(48, BigInt(meta?.timestamp ?? 0), true)
  view.setUint32(56, meta?.catalogRoot ?? 0, true)
  view.setUint32(60, superblock.chunkCount, true)
  view.setUint32(64, root.block, true)
  view.setUint32(68, root.length, true)
  view.setUint32(72, root.checksum, true)
  view.setUint32(76, payload.length, true)
  bytes.set(payload, fixedLength)
  view.setUint32(12, checksumOf(bytes, 0, blockSize), true)
  return bytes
}

/** A slot's content: a superblock, `'other version'` for a whole one of an unknown format, or undefined if it is none. */
export function decodeSuperblock(bytes: Uint8Array): Superblock | 'other version' | undefined {
  for (let i = 0; i < magic.length; i++) if (bytes[i] !== magic[i]) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, blockSize)
  const copy = bytes.slice(0, blockSize)
  copy.fill(0, 12, 16)
  if (checksumOf(copy, 0, blockSize) !== view.getUint32(12, true)) return undefined
  if (view.getUint32(8, true) !== formatVersion) return 'other version'
  const meta =
    view.getUint32(20, true) === 0
      ? undefined
      : {
          logIndex: Number(view.getBigUint64(32, true)) as LogIndex,
          term: Number(view.getBigUint64(40, true)) as Term,
          timestamp: Number(view.getBigUint64(48, true)) as Timestamp,
          catalogRoot: view.getUint32(56, true) as PageId,
          payload: copy.slice(fixedLength, fixedLength + view.getUint32(76, true)),
        }
  return {
    pageSize: view.getUint32(16, true),
    epoch: Number(view.getBigUint64(24, true)),
    meta,
    chunkCount: view.getUint32(60, true),
    root: {
      block: view.getUint32(64, true),
      length: view.getUint32(68, true),
      checksum: view.getUint32(72, true),
    },
  }
}

/** The content of both slots as read at open. */
export interface SuperblockPair {
  readonly slots: readonly [Superblock | undefined, Superblock | undefined]
  /** The slot that holds. */
  readonly newest: 0 | 1
}

/** Decides which slot holds. Throws UnsupportedFormat or DataCorruptionDetected when none does. `path`: for messages. */
export function chooseSuperblock(path: string, first: Uint8Array, second: Uint8Array): SuperblockPair {
  const decoded = [decodeSuperblock(first), decodeSuperblock(second)] as const
  if (decoded.includes('other version')) {
    throw new DatabaseError(
      'UnsupportedFormat',
      `data file ${path} has a format version that this program does not know (it knows ${formatVersion})`,
      { file: path, offset: decoded[0] === 'other version' ? 0 : blockSize },
    )
  }
  const a = decoded[0] as Superblock | undefined
  const b = decoded[1] as Superblock | undefined
  if (a === undefined && b === undefined) {
    throw new DatabaseError(
      'DataCorruptionDetected',
      `data file ${path} is damaged at offset 0: neither of its two superblocks is valid`,
      { file: path, offset: 0 },
    )
  }
  const newest = a === undefined || (b !== undefined && b.epoch > a.epoch) ? 1 : 0
  return { slots: [a, b], newest }
}
