/**
 * Builds an index over the live records of a collection: extract all keys, sort them, load the tree from left to right.
 *
 * The keys are held in memory as bytes side by side (a key of 20 bytes costs about 40), and sorted by their place.
 */
import type { RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMax } from '../base/timestamp.ts'
import { compareBytes } from '../bson/key.ts'
import type { Index } from '../index/index.ts'
import { presentValue } from '../index/index.ts'
import { recordIdLength, writeRecordId } from '../index/record-id.ts'
import { versionSuffixLength, writeVersion } from '../mvcc/version-key.ts'
import type { Collection } from './collection.ts'
import { duplicateKeyError } from './duplicate-key.ts'

/** Throws DuplicateKey when the index is unique and two records share a key. The index's tree must be empty. */
export function buildIndex(collection: Collection, index: Index, at: Timestamp): void {
  const keys = collectKeys(collection, index)
  const order = new Uint32Array(keys.count)
  for (let i = 0; i < keys.count; i++) order[i] = i
  order.sort((a, b) => keys.compare(a, b))
  if (index.unique) refuseDuplicates(collection, index, keys, order)
  let next = 0
  let key = new Uint8Array(256)
  const id = new Uint8Array(recordIdLength)
  index.map.tree.bulkLoad((entry) => {
    if (next === order.length) return false
    const i = order[next++]!
    const length = keys.ends[i]! - keys.starts[i]!
    if (key.length < length + recordIdLength + versionSuffixLength) key = new Uint8Array(length * 2 + 64)
    key.set(keys.bytes.subarray(keys.starts[i]!, keys.ends[i]!))
    let end = length
    if (index.unique) {
      writeRecordId(id, 0, keys.recordIds[i]! as RecordId)
      entry.value = id
      entry.valueEnd = recordIdLength
    } else {
      end = writeRecordId(key, end, keys.recordIds[i]! as RecordId)
      entry.value = presentValue
      entry.valueEnd = 1
    }
    entry.valueStart = 0
    entry.key = key
    entry.keyLength = writeVersion(key, end, at)
    return true
  })
  index.map.newest = at
}

class CollectedKeys {
  bytes = new Uint8Array(64 * 1024)
  length = 0
  count = 0
  starts = new Float64Array(1024)
  ends = new Float64Array(1024)
  recordIds = new Float64Array(1024)

  add(from: Uint8Array, start: number, end: number, recordId: RecordId): void {
    if (this.count === this.starts.length) {
      this.starts = grown(this.starts)
      this.ends = grown(this.ends)
      this.recordIds = grown(this.recordIds)
    }
    const length = end - start
    if (this.length + length > this.bytes.length) {
      const bytes = new Uint8Array(Math.max(this.bytes.length * 2, this.length + length))
      bytes.set(this.bytes.subarray(0, this.length))
      this.bytes = bytes
    }
    for (let i = 0; i < length; i++) this.bytes[this.length + i] = from[start + i]!
    this.starts[this.count] = this.length
    this.length += length
    this.ends[this.count] = this.length
    this.recordIds[this.count] = recordId
    this.count++
  }

  compare(a: number, b: number): number {
    const order = compareBytes(this.bytes, this.starts[a]!, this.ends[a]!, this.bytes, this.starts[b]!, this.ends[b]!)
    return order !== 0 ? order : this.recordIds[a]! - this.recordIds[b]!
  }
}

function collectKeys(collection: Collection, index: Index): CollectedKeys {
  const collected = new CollectedKeys()
  const cursor = collection.scan(timestampMax)
  while (cursor.next()) {
    index.extract(cursor.bytes, cursor.start, index.keys)
    const { keys } = index
    for (let i = 0; i < keys.count; i++)
      collected.add(keys.writer.bytes, keys.starts[i]!, keys.ends[i]!, cursor.recordId)
    if (keys.multikey) index.multikey = true
  }
  return collected
}

function refuseDuplicates(collection: Collection, index: Index, keys: CollectedKeys, order: Uint32Array): void {
  for (let at = 1; at < order.length; at++) {
    const a = order[at - 1]!
    const b = order[at]!
    if (compareBytes(keys.bytes, keys.starts[a]!, keys.ends[a]!, keys.bytes, keys.starts[b]!, keys.ends[b]!) !== 0)
      continue
    const ref = { bytes: keys.bytes, start: 0, end: 0 }
    collection.read(keys.recordIds[b]! as RecordId, timestampMax, ref)
    const document = ref.bytes.slice(ref.start, ref.end)
    index.extract(document, 0, index.keys)
    const i = indexOfKey(index, keys, b)
    throw duplicateKeyError(collection, index, document, i)
  }
}

function indexOfKey(index: Index, keys: CollectedKeys, at: number): number {
  const set = index.keys
  for (let i = 0; i < set.count; i++) {
    const order = compareBytes(
      set.writer.bytes,
      set.starts[i]!,
      set.ends[i]!,
      keys.bytes,
      keys.starts[at]!,
      keys.ends[at]!,
    )
    if (order === 0) return i
  }
  return 0
}

function grown(array: Float64Array): Float64Array<ArrayBuffer> {
  const bigger = new Float64Array(array.length * 2)
  bigger.set(array)
  return bigger
}
