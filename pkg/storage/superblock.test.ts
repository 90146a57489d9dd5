import { expect, it } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex, PageId, Term } from '../base/ids.ts'
import { type Timestamp, timestampMax } from '../base/timestamp.ts'
import { checksumOf } from './data-file.ts'
import {
  chooseSuperblock,
  decodeSuperblock,
  encodeSuperblock,
  payloadLengthMax,
  type Superblock,
} from './superblock.ts'

function superblock(epoch: number): Superblock {
  return {
    pageSize: 16384,
    epoch,
    meta: {
      logIndex: (2 ** 53 - 1) as LogIndex,
      term: 7 as Term,
      timestamp: timestampMax as Timestamp,
      catalogRoot: 0xffffffff as PageId,
      payload: new Uint8Array(payloadLengthMax).fill(1),
    },
    chunkCount: 3,
    root: { block: 0xfffffff0, length: 64, checksum: 0xdeadbeef },
  }
}
const zeros = new Uint8Array(4096)

it('reads back what was written, also the greatest numbers', () => {
  expect(decodeSuperblock(encodeSuperblock(superblock(9)))).toEqual(superblock(9))
  const empty = { ...superblock(1), meta: undefined }
  expect(decodeSuperblock(encodeSuperblock(empty))).toEqual(empty)
})

it('is invalid when any bit is wrong', () => {
  const bytes = encodeSuperblock(superblock(9))
  for (let i = 0; i < 4096; i += 3) {
    bytes[i]! ^= 1 << (i & 7)
    expect(decodeSuperblock(bytes)).toBeUndefined()
    bytes[i]! ^= 1 << (i & 7)
  }
})

it('holds in the slot with the greater epoch that is valid', () => {
  const four = encodeSuperblock(superblock(4))
  const five = encodeSuperblock(superblock(5))
  expect(chooseSuperblock('data', four, five).newest).toBe(1)
  expect(chooseSuperblock('data', five, four).newest).toBe(0)
  expect(chooseSuperblock('data', four, zeros).newest).toBe(0)
  expect(chooseSuperblock('data', zeros, four).newest).toBe(1)
  expect(() => chooseSuperblock('data', zeros, zeros)).toThrow('neither of its two superblocks is valid')
})

it('of another format version is refused, not taken for damage', () => {
  const bytes = encodeSuperblock(superblock(5))
  const view = new DataView(bytes.buffer)
  view.setUint32(8, 2, true)
  view.setUint32(12, 0, true)
  view.setUint32(12, checksumOf(bytes, 0, 4096), true)
  for (const [a, b] of [
    [bytes, zeros],
    [encodeSuperblock(superblock(4)), bytes],
  ] as const) {
    try {
      chooseSuperblock('data', a, b)
      expect.fail('it was taken')
    } catch (error) {
      expect(error).toBeInstanceOf(DatabaseError)
      expect((error as DatabaseError).codeName).toBe('UnsupportedFormat')
    }
  }
})
