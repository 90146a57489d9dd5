/**
 * What a log entry did, event by event, before it is known who watches: ranges of the entry's payload, read once for all.
 */
import type { CollectionId, LogIndex } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { readUtf8 } from '../bson/utf8.ts'
import { getField, numberOf, readString, truthy } from '../bson/value.ts'
import { OperationReader, operationKind } from '../engine/operation.ts'
import { readCommit } from '../engine/session-records.ts'

export type ChangeType =
  | 'insert'
  | 'update'
  | 'replace'
  | 'delete'
  | 'create'
  | 'createIndexes'
  | 'dropIndexes'
  | 'modify'
  | 'rename'
  | 'drop'
  | 'dropDatabase'

export interface Namespace {
  readonly database: string
  /** Empty: the whole database. */
  readonly name: string
}

/** Bytes of the entry's payload. */
export interface Range {
  readonly start: number
  readonly end: number
}

export interface Change {
  readonly type: ChangeType
  /** Which one of its entry's it is, from 0. */
  readonly number: number
  readonly namespace: Namespace
  readonly collectionId: CollectionId
  /** Where the collection's 16 bytes are; undefined: it is about a database. */
  readonly uuidStart: number | undefined
  /** The inserted or replacing document, the operation on the catalog, or the event as it was noted. */
  readonly document: Range | undefined
  /** Of a deletion without a pre-image: `{_id}`. */
  readonly key: Range | undefined
  /** Of an update: `{_id}` and the description. */
  readonly description: Range | undefined
  readonly preImage: Range | undefined
  readonly patch: Patch | undefined
  /** Of a rename. */
  readonly to: Namespace | undefined
  /** Of a rename: where the uuid of the collection is that it replaced. */
  readonly droppedUuidStart: number | undefined
  /** Of createIndexes: the operations, one for each index. */
  readonly more: readonly Range[]
  /** A view, which only expanded events show. */
  readonly isView: boolean
}

export interface Patch extends Range {
  readonly head: number
  readonly tail: number
}

/** Who committed a transaction, and when. */
export interface Commit {
  readonly session: Uint8Array
  readonly txnNumber: bigint
  readonly wallMs: number
}

/** What is known of a part of an entry that is read part by part. */
export interface EntryPart {
  /** Of its first change. */
  readonly number: number
  readonly wallMs: number
  readonly transaction: Commit | undefined
  readonly isLast: boolean
}

/** An entry that is kept, or a part of one (see `entry-parts.ts`), with what it did. */
export class ChangeEntry {
  readonly index: LogIndex
  readonly timestamp: Timestamp
  /** The payload; nobody else's memory. */
  readonly bytes: Uint8Array
  wallMs = 0
  /** What it is the commit of. */
  transaction: Commit | undefined
  /** Undefined: it is the whole entry. */
  readonly part: EntryPart | undefined
  #changes: readonly Change[] | undefined
  /** Events built from it, by how they are to look and by number: shared by all who watch. */
  readonly built = new Map<number, Map<number, Uint8Array>>()

  constructor(index: LogIndex, timestamp: Timestamp, bytes: Uint8Array, part?: EntryPart) {
    this.part = part
    this.index = index
    this.timestamp = timestamp
    this.bytes = bytes
  }

  get changes(): readonly Change[] {
    this.#changes ??= readChanges(this)
    return this.#changes
  }
}

interface Noted extends Namespace {
  readonly uuidStart: number
}

type Growing = { -readonly [Key in keyof Change]: Change[Key] }

function readChanges(entry: ChangeEntry): readonly Change[] {
  const { bytes } = entry
  if (bytes[0] !== operationKind.moment) return []
  const first = entry.part?.number ?? 0
  const changes: Growing[] = []
  const namespaces = new Map<CollectionId, Noted>()
  const reader = new OperationReader(bytes, 0, bytes.length)
  let description: Range | undefined
  let preImage: Range | undefined
  let key: Range | undefined
  let noted: Noted | undefined
  const add = (type: ChangeType, id: CollectionId, range: Range | undefined): Growing | undefined => {
    const namespace = namespaces.get(id)
    if (namespace === undefined) return undefined
    const change: Growing = {
      type,
      number: first + changes.length,
      namespace,
      collectionId: id,
      uuidStart: namespace.uuidStart,
      document: range,
      key,
      description,
      preImage,
      patch: undefined,
      to: undefined,
      droppedUuidStart: undefined,
      more: [],
      isView: false,
    }
    changes.push(change)
    description = preImage = key = undefined
    return change
  }
  while (reader.next()) {
    const range = { start: reader.start, end: reader.end }
    switch (reader.kind) {
      case operationKind.moment:
        entry.wallMs = reader.wallMs
        break
      case operationKind.namespace:
        noted = {
          database: readUtf8(bytes, reader.start, reader.nameStart),
          name: readUtf8(bytes, reader.nameStart, reader.end),
          uuidStart: reader.uuidStart,
        }
        namespaces.set(reader.collection, noted)
        break
      case operationKind.described:
        description = range
        break
      case operationKind.preImage:
        preImage = range
        break
      case operationKind.key:
        key = range
        break
      case operationKind.insert:
        add('insert', reader.collection, range)
        break
      case operationKind.replace:
        add(description === undefined ? 'replace' : 'update', reader.collection, range)
        break
      case operationKind.patch: {
        const change = add('update', reader.collection, undefined)
        if (change !== undefined) change.patch = { ...range, head: reader.head, tail: reader.tail }
        break
      }
      case operationKind.remove:
        add('delete', reader.collection, undefined)
        break
      case operationKind.session: {
        const commit = readCommit(bytes, reader.start)
        if (commit === undefined) break
        entry.transaction = commit
        // It happened when it was committed, not when its first write was made.
        entry.wallMs = commit.wallMs
        break
      }
      case operationKind.event:
        addNoted(changes, first + changes.length, bytes, range, noted)
        break
      default:
        addCatalog(changes, bytes, reader.kind, range, add)
    }
  }
  if (entry.part !== undefined) {
    entry.wallMs = entry.part.wallMs
    entry.transaction = entry.part.transaction
  }
  return changes
}

function addCatalog(
  changes: Growing[],
  bytes: Uint8Array,
  kind: number,
  range: Range,
  add: (type: ChangeType, id: CollectionId, range: Range) => Growing | undefined,
): void {
  const id = numberOf(getField(bytes, 'id', range.start)!) as CollectionId
  const last = changes.at(-1)
  switch (kind) {
    case operationKind.createCollection: {
      const options = getField(bytes, 'options', range.start)!
      const change = add('create', id, range)
      if (change !== undefined) change.isView = getField(bytes, 'viewOn', options.start) !== undefined
      return
    }
    case operationKind.dropCollection: {
      const view = getField(bytes, 'view', range.start)
      const change = add('drop', id, range)
      if (change !== undefined) change.isView = view !== undefined && truthy(view)
      return
    }
    case operationKind.renameCollection: {
      const to = { database: textAt(bytes, range.start, 'database'), name: textAt(bytes, range.start, 'name') }
      // The collection whose name is taken over goes without an event of its own.
      const taken = last?.type === 'drop' && isSame(last.namespace, to) ? changes.pop() : undefined
      const change = add('rename', id, range)
      if (change === undefined) return
      change.to = to
      change.droppedUuidStart = taken?.uuidStart
      return
    }
    case operationKind.createIndex:
      if (last?.type === 'createIndexes' && last.collectionId === id) last.more = [...last.more, range]
      else add('createIndexes', id, range)
      return
    case operationKind.dropIndex:
      add('dropIndexes', id, range)
      return
    default:
      // What modifies is told by a note.
      return
  }
}

function addNoted(changes: Growing[], number: number, bytes: Uint8Array, range: Range, noted: Noted | undefined): void {
  const type = getField(bytes, 'operationType', range.start)
  // One that marks the beginning of history, or tells of a collection without a name.
  if (type === undefined) return
  const database = textAt(bytes, range.start, 'db')
  const isDatabase = readString(bytes, type.start) === 'dropDatabase'
  if (!isDatabase && noted === undefined) return
  changes.push({
    type: isDatabase ? 'dropDatabase' : 'modify',
    number,
    namespace: isDatabase ? { database, name: '' } : noted!,
    collectionId: 0 as CollectionId,
    uuidStart: isDatabase ? undefined : noted!.uuidStart,
    document: range,
    key: undefined,
    description: undefined,
    preImage: undefined,
    patch: undefined,
    to: undefined,
    droppedUuidStart: undefined,
    more: [],
    isView: false,
  })
}

export function isSame(a: Namespace, b: Namespace): boolean {
  return a.name === b.name && a.database === b.database
}

function textAt(bytes: Uint8Array, start: number, name: string): string {
  return readString(bytes, getField(bytes, name, start)!.start)
}
