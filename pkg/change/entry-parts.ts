/**
 * An entry of the log that is too large to be kept in memory, read part by part: each part is an entry by itself to those who watch, whose changes go
 * on being numbered. Where the parts begin and end makes no difference to what is told of the entry, nor to the numbers.
 *
 *   whole   moment | namespace a | change | change | namespace b | change | ... | change | session
 *   parts   moment | namespace a | change | change
 *           moment | namespace a | namespace b | change | ... | change          (what was noted before comes again)
 *           moment | namespace a | namespace b | session
 *
 * INVARIANTS
 *  (1) A part ends right behind an operation on a record, or with the entry: notes are with what they tell of, and operations that make one
 *      event are in one part.
 *  (2) When the transaction was committed, and by whom, is known before the first part is given: its end says so.
 */
import type { CollectionId } from '../base/ids.ts'
import { isNote, OperationReader, operationKind } from '../engine/operation.ts'
import { type Piece, piecesOf } from '../engine/payload-pieces.ts'
import { readCommit } from '../engine/session-records.ts'
import type { LogEntry, PayloadSource } from '../storage/log-reader.ts'
import { ChangeEntry, type Commit } from './change.ts'

const nothing = new Uint8Array(0)

export class EntryParts {
  readonly #entry: Pick<LogEntry, 'index' | 'timestamp'>
  readonly #source: PayloadSource
  #pieces: Iterator<Piece>
  /** Of the payload, by the pieces taken. */
  #taken = 0
  #commit: Commit | undefined
  #isScanned = false
  #wallMs = 0
  /** The note with which the entry begins, then the last one of each namespace, in their order. */
  #moment: Uint8Array = nothing
  readonly #namespaces = new Map<CollectionId, Uint8Array>()
  /** Bytes behind the end of the last part. */
  #rest: Uint8Array = nothing
  #number = 0
  #isOver = false

  /** `source` has to be readable until the last part has been given. */
  constructor(entry: Pick<LogEntry, 'index' | 'timestamp'>, source: PayloadSource) {
    this.#entry = entry
    this.#source = source
    this.#pieces = piecesOf(source)
  }

  /** Does a little; undefined: there is no part yet, or, when `isOver`, no more. */
  next(): ChangeEntry | undefined {
    if (!this.#isScanned) this.#scan()
    else if (!this.#isOver) return this.#part()
    return undefined
  }

  /** The last part has been given. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Looks at one piece for what the entry says of itself. */
  #scan(): void {
    const piece = this.#pieces.next()
    if (piece.done === true) {
      this.#isScanned = true
      this.#pieces = piecesOf(this.#source)
      return
    }
    const { bytes, end } = piece.value
    const reader = new OperationReader(bytes, 0, end)
    for (let at = 0; reader.next(); at = reader.position) {
      if (reader.kind === operationKind.moment) {
        this.#moment = bytes.slice(at, reader.position)
        this.#wallMs = reader.wallMs
      } else if (reader.kind === operationKind.session) {
        const commit = readCommit(bytes, reader.start)
        if (commit !== undefined) this.#commit = { ...commit, session: commit.session.slice() }
      }
    }
  }

  #part(): ChangeEntry | undefined {
    const piece = this.#pieces.next()
    const { bytes, end } = piece.done === true ? { bytes: nothing, end: 0 } : piece.value
    const isFirst = this.#taken === this.#rest.length
    this.#taken += end
    const isLast = this.#taken === this.#source.length
    const read = joined([this.#rest, bytes.subarray(0, end)])
    const head = isFirst ? [] : [this.#moment, ...this.#namespaces.values()]
    const cut = isLast ? read.length : lastCut(read)
    this.#rest = read.subarray(cut)
    if (cut === 0 && !isLast) return undefined
    this.#noteNamespaces(read, cut)
    const { index, timestamp } = this.#entry
    const part = new ChangeEntry(index, timestamp, joined([...head, read.subarray(0, cut)]), {
      number: this.#number,
      wallMs: this.#commit?.wallMs ?? this.#wallMs,
      transaction: this.#commit,
      isLast,
    })
    this.#number += part.changes.length
    this.#isOver = isLast
    return part
  }

  #noteNamespaces(bytes: Uint8Array, end: number): void {
    const reader = new OperationReader(bytes, 0, end)
    for (let at = 0; reader.next(); at = reader.position) {
      if (reader.kind !== operationKind.namespace) continue
      // The one noted last comes last.
      this.#namespaces.delete(reader.collection)
      this.#namespaces.set(reader.collection, bytes.slice(at, reader.position))
    }
  }
}

/** Where the last operation on a record ends. */
function lastCut(bytes: Uint8Array): number {
  const reader = new OperationReader(bytes, 0, bytes.length)
  let cut = 0
  while (reader.next()) if (!isNote(reader.kind) && reader.kind < operationKind.createCollection) cut = reader.position
  return cut
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
