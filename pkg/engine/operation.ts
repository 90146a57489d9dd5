/**
 * The payload of a log entry: a sequence of operations that are applied together, at the entry's timestamp.
 *
 * All integers little endian; docs/format/log-entry.md has the same table.
 *
 *   kind u8 | ...
 *   1 insert       collection u32 | record u48 | document (BSON, its own length first)
 *   2 replace      collection u32 | record u48 | document
 *   3 patch        collection u32 | record u48 | kept head u32 | kept tail u32 | middle length u32 | middle bytes
 *                  (the new document = head of the version before it, then the middle, then its tail)
 *   4 remove       collection u32 | record u48
 *   5 createCollection   document {id, database, name, uuid, options, idIndex}
 *   6 dropCollection     document {id}
 *   7 renameCollection   document {id, database, name}
 *   8 modifyCollection   document {id, options}
 *   9 createIndex        document {id, definition}
 *  10 dropIndex          document {id, name}
 *  11 modifyIndex        document {id, name, definition}
 *  13 startIndexBuild    document {id, definition}: an index is being built, and is not one of the collection yet
 *  14 stopIndexBuild     document {id, name}: it will not be; createIndex ends a build, too
 *  12 session            length u32 | state u8 | name length u8 | number u64 | wall time in ms u48 | first statement u32 | count u32 |
 *                        name | result             (see session-records.ts)
 *
 * Notes, which change nothing and are there for change streams; each stands before the operation that it tells of:
 *
 *  64 moment       wall time in ms u48                   first in an entry that has notes
 *  65 namespace    collection u32 | uuid 16 bytes | length of the database's name u8, of the collection's u8 | both names
 *                  before the first operation of the entry on the collection, and after a rename
 *  66 described    length u32 | document {_id} | documents of updated fields, removed fields (array), truncated arrays (array),
 *                  disambiguated paths: what the patch that follows does
 *  67 preImage     document: how the replaced, patched or removed one was
 *  68 key          document {_id} of what is removed
 *  69 event        document: an event that no operation tells of by itself
 *
 * Replaying an operation on the state it was made on gives the state it made: record ids, ids of collections and uuids
 * are in it; index entries and pages are derived.
 */
import type { CollectionId, RecordId } from '../base/ids.ts'
import { copyBytes } from '../storage/copy.ts'
import type { LargePayload } from '../storage/large-payload.ts'

export const operationKind = {
  insert: 1,
  replace: 2,
  patch: 3,
  remove: 4,
  createCollection: 5,
  dropCollection: 6,
  renameCollection: 7,
  modifyCollection: 8,
  createIndex: 9,
  dropIndex: 10,
  modifyIndex: 11,
  session: 12,
  startIndexBuild: 13,
  stopIndexBuild: 14,
  moment: 64,
  namespace: 65,
  described: 66,
  preImage: 67,
  key: 68,
  event: 69,
} as const

/** Whether operations of this kind are notes: they change nothing. */
export function isNote(kind: number): boolean {
  return kind >= operationKind.moment
}

/** Bytes of an operation besides its document or middle, at most. */
export const operationOverheadMax = 32
/** Bytes of the notes that come before an operation besides their documents, at most. */
export const noteOverheadMax = 320

/** What writers have given back: an array outside of the heap costs more than most transactions write into it. */
const spareBytes: Uint8Array[] = []
const spareCountMax = 64
const spareLengthMax = 16 * 1024
const firstLength = 1024

const noBytes = new Uint8Array(0)

/** A writer that has spilled once does so often: it keeps a buffer of this size. */
const keptBytesMax = 4 * 1024 * 1024

/** Builds a payload; grows, and is reused from unit to unit. */
export class OperationWriter {
  /** What is in memory of it: bytes[0, length). */
  bytes: Uint8Array = noBytes
  length = 0
  count = 0
  /** Where the operations before those in memory are; undefined: all are in memory. */
  #spilled: LargePayload | undefined

  /** Lets go of what was written; how much it was is still known. */
  release(): void {
    if (this.bytes.length > 0 && this.bytes.length <= spareLengthMax && spareBytes.length < spareCountMax)
      spareBytes.push(this.bytes)
    this.bytes = noBytes
  }

  reset(): void {
    this.length = 0
    this.count = 0
    if (this.bytes.length > 64 * 1024 * 1024) this.bytes = noBytes
  }

  /** Of the whole payload. */
  get sizeBytes(): number {
    return this.length + (this.#spilled?.length ?? 0)
  }

  get spilled(): LargePayload | undefined {
    return this.#spilled
  }

  /**
   * Moves the first `bytesMax` bytes of what is in memory to disk, at first to what `open` gives. Throws OutOfDiskSpace, with nothing
   * changed.
   */
  spill(open: () => LargePayload, bytesMax = Number.POSITIVE_INFINITY): void {
    this.#spilled ??= open()
    if (this.length === 0) return
    const count = Math.min(this.length, bytesMax)
    this.#spilled.append(this.bytes, count)
    this.bytes.copyWithin(0, count, this.length)
    this.length -= count
    if (this.length === 0 && this.bytes.length > keptBytesMax) this.bytes = new Uint8Array(keptBytesMax)
  }

  insert(collection: CollectionId, record: RecordId, document: Uint8Array): void {
    this.#head(operationKind.insert, collection, record, document.length)
    this.#bytes(document, 0, document.length)
  }

  replace(collection: CollectionId, record: RecordId, document: Uint8Array): void {
    this.#head(operationKind.replace, collection, record, document.length)
    this.#bytes(document, 0, document.length)
  }

  patch(collection: CollectionId, record: RecordId, head: number, tail: number, document: Uint8Array): void {
    const middle = document.length - head - tail
    this.#head(operationKind.patch, collection, record, middle + 12)
    this.#uint32(head)
    this.#uint32(tail)
    this.#uint32(middle)
    this.#bytes(document, head, head + middle)
  }

  remove(collection: CollectionId, record: RecordId): void {
    this.#head(operationKind.remove, collection, record, 0)
  }

  /** What a write did to its session's record: a body of `encodeSessionWrite`. */
  session(body: Uint8Array): void {
    this.catalog(operationKind.session, body)
  }

  /** A catalog operation: kinds 5 to 11, 13 and 14. */
  catalog(kind: number, document: Uint8Array): void {
    this.#document(kind, document, 0, document.length)
    this.count++
  }

  /** The note with which an entry that has notes begins. */
  moment(wallMs: number): void {
    this.#reserve(7)
    this.bytes[this.length++] = operationKind.moment
    this.#uint32(wallMs >>> 0)
    const high = Math.floor(wallMs / 0x100000000)
    this.bytes[this.length++] = high
    this.bytes[this.length++] = high >>> 8
  }

  /** `note`: what `namespaceNote` made of the collection. */
  namespace(note: Uint8Array): void {
    this.#reserve(note.length)
    this.#bytes(note, 0, note.length)
  }

  /** A note of one document: an image, a key or an event. */
  note(kind: number, bytes: Uint8Array, start: number, end: number): void {
    this.#document(kind, bytes, start, end)
  }

  /** A note that is an event by itself. */
  event(document: Uint8Array): void {
    this.#document(operationKind.event, document, 0, document.length)
    this.count++
  }

  /** What the patch that follows does: the key's document and those of the description, end to end. */
  described(documents: Uint8Array, length: number): void {
    this.#reserve(length + 5)
    this.bytes[this.length++] = operationKind.described
    this.#uint32(length)
    this.#bytes(documents, 0, length)
  }

  #document(kind: number, bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start + 1)
    this.bytes[this.length++] = kind
    this.#bytes(bytes, start, end)
  }

  #head(kind: number, collection: CollectionId, record: RecordId, more: number): void {
    this.#reserve(more + 11)
    const bytes = this.bytes
    const at = this.length
    bytes[at] = kind
    bytes[at + 1] = collection
    bytes[at + 2] = collection >>> 8
    bytes[at + 3] = collection >>> 16
    bytes[at + 4] = collection >>> 24
    const low = record >>> 0
    const high = Math.floor(record / 0x100000000)
    bytes[at + 5] = low
    bytes[at + 6] = low >>> 8
    bytes[at + 7] = low >>> 16
    bytes[at + 8] = low >>> 24
    bytes[at + 9] = high
    bytes[at + 10] = high >>> 8
    this.length = at + 11
    this.count++
  }

  #uint32(n: number): void {
    const bytes = this.bytes
    const at = this.length
    bytes[at] = n
    bytes[at + 1] = n >>> 8
    bytes[at + 2] = n >>> 16
    bytes[at + 3] = n >>> 24
    this.length = at + 4
  }

  #bytes(source: Uint8Array, start: number, end: number): void {
    if (start === 0 && end === source.length) this.bytes.set(source, this.length)
    else copyBytes(source, start, end, this.bytes, this.length)
    this.length += end - start
  }

  #reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.bytes.length) return
    if (this.bytes.length === 0 && needed <= firstLength) {
      this.bytes = spareBytes.pop() ?? new Uint8Array(firstLength)
      return
    }
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, needed))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }
}

/** The namespace note of a collection, which is the same until it is renamed. */
export function namespaceNote(id: CollectionId, uuid: Uint8Array, database: string, name: string): Uint8Array {
  const databaseBytes = utf8.encode(database)
  const nameBytes = utf8.encode(name)
  const note = new Uint8Array(namesStart + databaseBytes.length + nameBytes.length)
  note[0] = operationKind.namespace
  new DataView(note.buffer).setUint32(1, id, true)
  note.set(uuid, 5)
  note[namesStart - 2] = databaseBytes.length
  note[namesStart - 1] = nameBytes.length
  note.set(databaseBytes, namesStart)
  note.set(nameBytes, namesStart + databaseBytes.length)
  return note
}

const utf8 = new TextEncoder()
/** Where the names begin in a namespace note. */
const namesStart = 1 + 4 + 16 + 2

/** Where the operation at `at` ends, as far as can be told from bytes[at, end): when it is beyond `end`, at least there. */
export function endOfOperation(bytes: Uint8Array, at: number, end: number): number {
  const kind = bytes[at]!
  const fixed = fixedLength(kind)
  if (at + fixed > end || kind === operationKind.moment || kind === operationKind.remove) return at + fixed
  if (kind === operationKind.namespace) return at + fixed + bytes[at + fixed - 2]! + bytes[at + fixed - 1]!
  // The length comes last. That of a document includes its own four bytes.
  const length = new DataView(bytes.buffer, bytes.byteOffset + at + fixed - 4).getUint32(0, true)
  return (
    at + fixed + (kind === operationKind.patch || kind === operationKind.described ? length : Math.max(0, length - 4))
  )
}

/** Bytes of an operation up to and with the lengths that say where it ends. */
function fixedLength(kind: number): number {
  switch (kind) {
    case operationKind.remove:
      return 11
    case operationKind.insert:
    case operationKind.replace:
      return 15
    case operationKind.patch:
      return 23
    case operationKind.moment:
      return 7
    case operationKind.namespace:
      return namesStart
    default:
      return 5
  }
}

/** Reads a payload operation by operation; `next()` moves to the next one and fills the fields that its kind has. */
export class OperationReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number
  kind = 0
  collection = 0 as CollectionId
  record = 0 as RecordId
  head = 0
  tail = 0
  /** The document or documents, the middle of a patch, or the names of a namespace note end to end: `bytes[start..end)`. */
  start = 0
  end = 0
  /** Of a namespace note: where the collection's name begins, and where the 16 bytes of its uuid do. */
  nameStart = 0
  uuidStart = 0
  /** Of a moment: milliseconds since the epoch. */
  wallMs = 0

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  next(): boolean {
    if (this.#at >= this.#end) return false
    this.kind = this.#bytes[this.#at++]!
    if (isNote(this.kind)) {
      this.#note()
      return true
    }
    if (this.kind >= operationKind.createCollection) {
      this.#document()
      return true
    }
    this.collection = this.#uint32() as CollectionId
    const low = this.#uint32()
    const high = this.#bytes[this.#at]! | (this.#bytes[this.#at + 1]! << 8)
    this.#at += 2
    this.record = (high * 0x100000000 + low) as RecordId
    if (this.kind === operationKind.patch) {
      this.head = this.#uint32()
      this.tail = this.#uint32()
      const middle = this.#uint32()
      this.start = this.#at
      this.end = this.#at += middle
    } else if (this.kind !== operationKind.remove) this.#document()
    return true
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Where the next operation begins. */
  get position(): number {
    return this.#at
  }

  #note(): void {
    const bytes = this.#bytes
    switch (this.kind) {
      case operationKind.moment: {
        const low = this.#uint32()
        this.wallMs = (bytes[this.#at]! | (bytes[this.#at + 1]! << 8)) * 0x100000000 + low
        this.#at += 2
        return
      }
      case operationKind.namespace:
        this.collection = this.#uint32() as CollectionId
        this.uuidStart = this.#at
        this.#at += 18
        this.start = this.#at
        this.nameStart = this.start + bytes[this.#at - 2]!
        this.end = this.#at = this.nameStart + bytes[this.#at - 1]!
        return
      case operationKind.described: {
        const length = this.#uint32()
        this.start = this.#at
        this.end = this.#at += length
        return
      }
      default:
        this.#document()
    }
  }

  #document(): void {
    const start = this.#at
    const length = this.#uint32()
    this.start = start
    this.end = start + length
    this.#at = this.end
  }

  #uint32(): number {
    const bytes = this.#bytes
    const at = this.#at
    this.#at = at + 4
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  }
}
