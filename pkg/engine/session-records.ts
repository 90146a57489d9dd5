/**
 * Session records: for every session that has written under a transaction number, the last number, and what each statement
 * of it did, so that a statement which comes again is answered and not done again. A record changes in the log entry
 * of the write it tells of; so it is there after a crash exactly when the write is.
 *
 * They are in a tree of their own, whose root the checkpoint's payload names:
 *
 *   key                                                          value
 *   session (length u8, bytes) | 0                               head: timestamp u64 | number u64 | wall time in ms u48 | state u8 |
 *                                                                0 u8 | first statement u32 | count u32 | result
 *   session (length u8, bytes) | 1 | number u64 | first u32      count u32 | result                     (big endian in the key)
 *
 * The head holds the first statement, or run of statements, of the number; further ones have entries of their own. An
 * entry of an older number means nothing and is swept away later; so is a whole record some time after its last write.
 *
 * INVARIANTS
 *  (1) A statement is recorded at most once under a number.
 *  (2) The number of a session only grows while its record lives.
 */
import type { PageId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { compareBytes } from '../bson/bytes.ts'
import { readInt64, readUint32, writeInt32, writeInt64 } from '../bson/little-endian.ts'
import type { Store } from '../storage/store.ts'
import type { Tree, ValueRef } from '../storage/tree.ts'

/** What the last number of a session was used for. */
export const sessionState = { retryableWrite: 0, committed: 1, aborted: 2 } as const

export interface SessionWrite {
  /** The bytes that name the session, at most 255. */
  readonly session: Uint8Array
  readonly txnNumber: bigint
  /** Of `sessionState`. */
  readonly state: number
  readonly wallMs: number
  /** The statements done: `count` of them from `first`; a count of 0 for what has none. */
  readonly first: number
  readonly count: number
  /** What the caller wants to know of them later. */
  readonly result: Uint8Array
}

export interface SessionHead {
  readonly session: Uint8Array
  readonly txnNumber: bigint
  readonly state: number
  /** Of the last entry that wrote the record. */
  readonly timestamp: Timestamp
  readonly wallMs: number
}

/** Bytes of an operation's body before the session's name. */
const bodyHead = 28
/** Bytes of a head before its result, and where in it the statement and the count are. */
const headHead = 32
const headFirst = 24
const headCount = 28
/** What ends the key of a head, and what follows the name in the key of a statement. */
const headMark = 0
const statementMark = 1
const none = new Uint8Array(0)

/** The body of the log operation: length u32 | state u8 | name length u8 | number u64 | wall time u48 | first u32 | count u32 | name | result. */
export function encodeSessionWrite(write: SessionWrite): Uint8Array {
  const { session, result } = write
  const bytes = new Uint8Array(bodyHead + session.length + result.length)
  writeInt32(bytes, 0, bytes.length)
  bytes[4] = write.state
  bytes[5] = session.length
  writeInt64(bytes, 6, write.txnNumber)
  writeUint48(bytes, 14, write.wallMs)
  writeInt32(bytes, 20, write.first)
  writeInt32(bytes, 24, write.count)
  bytes.set(session, bodyHead)
  bytes.set(result, bodyHead + session.length)
  return bytes
}

/** What the body at `start` of a log operation says of its transaction; undefined: it tells of no committed one. */
export function readCommit(
  bytes: Uint8Array,
  start: number,
): { readonly session: Uint8Array; readonly txnNumber: bigint; readonly wallMs: number } | undefined {
  if (bytes[start + 4] !== sessionState.committed) return undefined
  const name = start + bodyHead
  return {
    session: bytes.subarray(name, name + bytes[start + 5]!),
    txnNumber: readInt64(bytes, start + 6),
    wallMs: readUint32(bytes, start + 14) + (bytes[start + 18]! | (bytes[start + 19]! << 8)) * 2 ** 32,
  }
}

export class SessionRecords {
  readonly #store: Store
  #tree: Tree | undefined
  readonly #key = new Uint8Array(1 + 255 + 1 + 8 + 4)
  #keyLength = 0
  readonly #found: ValueRef = { bytes: none, start: 0, end: 0 }
  /** The last key the sweep has looked at; undefined: it begins anew. */
  #sweptTo: Uint8Array | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** The root page of the tree; undefined: there are no records yet. */
  get root(): PageId | undefined {
    return this.#tree?.root
  }

  /** Takes up the tree of the last checkpoint. */
  load(root: PageId): void {
    this.#tree = this.#store.openTree(root)
  }

  /** Applies the body of a log operation at `bytes[start, end)`. */
  apply(bytes: Uint8Array, start: number, end: number, at: Timestamp): void {
    this.#tree ??= this.#store.createTree()
    const nameLength = bytes[start + 5]!
    const resultStart = start + bodyHead + nameLength
    this.#headKey(bytes, start + bodyHead, nameLength)
    const number = readInt64(bytes, start + 6)
    const found = this.#found
    const goesOn =
      this.#tree.get(this.#key, this.#keyLength, found) &&
      readInt64(found.bytes, found.start + 8) === number &&
      readUint32(found.bytes, found.start + headCount) > 0
    const head = goesOn ? found.bytes.slice(found.start, found.end) : new Uint8Array(headHead + end - resultStart)
    writeInt64(head, 0, at)
    writeInt64(head, 8, number)
    head.set(bytes.subarray(start + 14, start + 20), 16)
    head[22] = bytes[start + 4]!
    if (!goesOn) {
      head.set(bytes.subarray(start + 20, start + bodyHead), headFirst)
      head.set(bytes.subarray(resultStart, end), headHead)
    }
    this.#tree.put(this.#key, this.#keyLength, head, 0, head.length)
    if (!goesOn || readUint32(bytes, start + 24) === 0) return
    this.#statementKey(number, readUint32(bytes, start + 20))
    const entry = new Uint8Array(4 + end - resultStart)
    entry.set(bytes.subarray(start + 24, start + bodyHead))
    entry.set(bytes.subarray(resultStart, end), 4)
    this.#tree.put(this.#key, this.#keyLength, entry, 0, entry.length)
  }

  /** What is known of a session; undefined: it has not written, or long ago. */
  head(session: Uint8Array): SessionHead | undefined {
    if (this.#tree === undefined) return undefined
    this.#headKey(session, 0, session.length)
    const found = this.#found
    if (!this.#tree.get(this.#key, this.#keyLength, found)) return undefined
    return headAt(session, found.bytes, found.start)
  }

  /** The result of a statement that was done under `txnNumber`; undefined: it was not. */
  result(session: Uint8Array, txnNumber: bigint, statement: number): Uint8Array | undefined {
    if (this.#tree === undefined) return undefined
    this.#headKey(session, 0, session.length)
    const found = this.#found
    if (!this.#tree.get(this.#key, this.#keyLength, found)) return undefined
    const { bytes, start, end } = found
    if (readInt64(bytes, start + 8) !== txnNumber) return undefined
    if (isWithin(statement, readUint32(bytes, start + headFirst), readUint32(bytes, start + headCount)))
      return bytes.slice(start + headHead, end)
    return this.#laterResult(txnNumber, statement)
  }

  /** As `result`, of a statement that is not in the head; the key is the head's. */
  #laterResult(txnNumber: bigint, statement: number): Uint8Array | undefined {
    this.#statementKey(txnNumber, statement + 1)
    const cursor = this.#tree!.cursor()
    try {
      if (!cursor.seekBefore(this.#key, this.#keyLength)) return undefined
      cursor.readKey()
      const { key, keyLength } = cursor
      if (keyLength !== this.#keyLength || compareBytes(key, 0, keyLength - 4, this.#key, 0, keyLength - 4) !== 0)
        return undefined
      const value = cursor.readValue()
      const first = readBigEndian(key, keyLength - 4)
      if (!isWithin(statement, first, readUint32(value.bytes, value.start))) return undefined
      return value.bytes.slice(value.start + 4, value.end)
    } finally {
      cursor.close()
    }
  }

  /** Up to `countMax` sessions' records in the order of their names, those after `session` (undefined: from the first). */
  headsAfter(session: Uint8Array | undefined, countMax: number): SessionHead[] {
    const heads: SessionHead[] = []
    if (this.#tree === undefined) return heads
    const cursor = this.#tree.cursor()
    try {
      if (session !== undefined) this.#headKey(session, 0, session.length)
      let found = session === undefined ? cursor.first() : cursor.seek(this.#key, this.#keyLength)
      for (; found && heads.length < countMax; found = cursor.next()) {
        cursor.readKey()
        if (!isHead(cursor.key, cursor.keyLength)) continue
        const name = cursor.key.slice(1, cursor.keyLength - 1)
        if (session !== undefined && compareBytes(name, 0, name.length, session, 0, session.length) === 0) continue
        const value = cursor.readValue()
        heads.push(headAt(name, value.bytes, value.start))
      }
    } finally {
      cursor.close()
    }
    return heads
  }

  /**
   * Looks at some `entryCountMax` entries and drops those that mean nothing: of records last written before `untilMs`, and of
   * numbers before the last. True when it has come to the end; the next call begins anew. Not logged: what a replay brings back is dropped again.
   */
  sweepSlice(untilMs: number, entryCountMax: number): { readonly complete: boolean; readonly removed: number } {
    if (this.#tree === undefined) return { complete: true, removed: 0 }
    const cursor = this.#tree.cursor()
    let removed = 0
    /** The session whose entries come now, and its number; without a number all of its entries go. */
    let current: { readonly key: Uint8Array; readonly number: bigint | undefined } | undefined
    try {
      const from = this.#sweptTo
      let found = from === undefined ? cursor.first() : cursor.seek(from, from.length)
      for (let looked = 0; found; looked++) {
        cursor.readKey()
        const { key, keyLength } = cursor
        const atHead = isHead(key, keyLength)
        // A slice ends between records, unless one is very long.
        if (looked >= entryCountMax && (atHead || looked >= 4 * entryCountMax)) {
          this.#sweptTo = key.slice(0, keyLength)
          return { complete: false, removed }
        }
        const nameEnd = 1 + key[0]!
        let stale: boolean
        if (atHead) {
          const value = cursor.readValue()
          stale = readUint48(value.bytes, value.start + 16) < untilMs
          current = { key: key.slice(0, nameEnd), number: stale ? undefined : readInt64(value.bytes, value.start + 8) }
        } else {
          if (current === undefined || compareBytes(current.key, 0, nameEnd, key, 0, nameEnd) !== 0) {
            current = { key: key.slice(0, nameEnd), number: this.#numberOf(key, nameEnd) }
          }
          stale = current.number !== readBigEndian64(key, nameEnd + 1)
        }
        if (stale) {
          cursor.remove()
          removed++
          found = cursor.valid
        } else found = cursor.next()
      }
      this.#sweptTo = undefined
      return { complete: true, removed }
    } finally {
      cursor.close()
    }
  }

  /** The number in the head of the session that `key[0, nameEnd)` begins with. */
  #numberOf(key: Uint8Array, nameEnd: number): bigint | undefined {
    return this.head(key.slice(1, nameEnd))?.txnNumber
  }

  #headKey(name: Uint8Array, start: number, length: number): void {
    const key = this.#key
    key[0] = length
    for (let i = 0; i < length; i++) key[1 + i] = name[start + i]!
    key[1 + length] = headMark
    this.#keyLength = length + 2
  }

  /** From the key of a head to that of a statement of the same session. */
  #statementKey(number: bigint, first: number): void {
    const key = this.#key
    const at = 1 + key[0]!
    key[at] = statementMark
    const high = Number(number >> 32n)
    const low = Number(number & 0xffffffffn)
    writeBigEndian(key, at + 1, high)
    writeBigEndian(key, at + 5, low)
    writeBigEndian(key, at + 9, first)
    this.#keyLength = at + 13
  }
}

function headAt(session: Uint8Array, bytes: Uint8Array, start: number): SessionHead {
  return {
    session,
    timestamp: Number(readInt64(bytes, start)) as Timestamp,
    txnNumber: readInt64(bytes, start + 8),
    wallMs: readUint48(bytes, start + 16),
    state: bytes[start + 22]!,
  }
}

function isHead(key: Uint8Array, keyLength: number): boolean {
  return keyLength === key[0]! + 2
}

function isWithin(statement: number, first: number, count: number): boolean {
  return statement >= first && statement < first + count
}

function writeUint48(bytes: Uint8Array, at: number, n: number): void {
  writeInt32(bytes, at, n >>> 0)
  const high = Math.floor(n / 0x100000000)
  bytes[at + 4] = high
  bytes[at + 5] = high >>> 8
}

function readUint48(bytes: Uint8Array, at: number): number {
  return (bytes[at + 4]! | (bytes[at + 5]! << 8)) * 0x100000000 + readUint32(bytes, at)
}

function writeBigEndian(bytes: Uint8Array, at: number, n: number): void {
  bytes[at] = n >>> 24
  bytes[at + 1] = n >>> 16
  bytes[at + 2] = n >>> 8
  bytes[at + 3] = n
}

function readBigEndian(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function readBigEndian64(bytes: Uint8Array, at: number): bigint {
  return (BigInt(readBigEndian(bytes, at)) << 32n) | BigInt(readBigEndian(bytes, at + 4))
}
