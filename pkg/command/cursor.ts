/**
 * Cursors: results that did not fit the first reply, kept for getMore.
 *
 *   open ── getMore takes it ──> in use ── gives it back ──> open
 *    │                             │
 *    └── timeout, killCursors, end of its session, drop ──> closed   (in use: closed when given back)
 *
 * INVARIANTS
 *  (1) A cursor owns its rows and, through them, what they hold of the engine (a snapshot); closing it lets both go.
 *  (2) The rows of a cursor that is not in use are saved: writes and other readers may run.
 *  (3) An id is a positive 63-bit number that is not in use.
 */
import { DatabaseError } from '../base/errors.ts'
import type { Clock, Timer } from '../io/clock.ts'
import type { Random } from '../io/random.ts'
import type { Batch } from './batch.ts'
import type { QueryFigures } from './query-stats.ts'
import type { HeldRows } from './rows.ts'
import type { Session } from './session.ts'
import type { SessionTransaction } from './session-transaction.ts'

/** The end of rows to which more come. */
export interface Tailed {
  /** Whether there is a place to go on from: without one the cursor closes. */
  readonly hasPosition: boolean
  /** Whether more have come since the end was met. */
  readonly hasMore: boolean
  /** Rows that paused have met the end. */
  readonly waiting: boolean
  /** Nothing will ever come. */
  readonly finished: boolean
  /** A drop of the collection does not close the cursor: it tells of it. */
  readonly outlivesCollection: boolean
  /** Calls `wake` once, when more may have come; the answer takes it back. */
  wait(wake: () => void): () => void
  /** Where a change stream goes on after the batch; `exhausted`: the end was met. */
  resumeToken(batch: Batch, exhausted: boolean): Uint8Array | undefined
  /** When what was read may be told; undefined: at once. */
  settled(): Promise<void> | undefined
}

/** What makes a cursor tailable. */
export interface Tail {
  readonly rows: Tailed
  /** getMore waits for documents instead of answering with none. */
  readonly awaitData: boolean
}

/** Who opens or uses a cursor: an operation, as far as a cursor cares. */
export interface CursorUser {
  readonly body: Uint8Array | undefined
  readonly session: Session | undefined
  readonly statement: SessionTransaction | undefined
  readonly context: { readonly connectionId: number }
  readonly startedMs: number
  readonly hasDeadline: boolean
  readonly remainingMs: number
  kill(reason: DatabaseError): void
}

export class Cursor {
  readonly id: bigint
  readonly namespace: string
  readonly rows: HeldRows
  readonly session: Session | undefined
  /** The transaction that it reads in, and ends with. */
  readonly transaction: SessionTransaction | undefined
  readonly connectionId: number
  readonly noTimeout: boolean
  readonly tail: Tail | undefined
  /** The command that made it, for currentOp. */
  readonly originatingCommand: Uint8Array | undefined
  readonly createdMs: number
  /** Time left of the originating command's maxTimeMS, which bounds the work of all batches together. */
  timeLeftMs: number | undefined
  lastUseMs: number
  inUse: CursorUser | undefined = undefined
  killed = false
  /** Why the next getMore fails, when what the cursor reads is gone. */
  failure: DatabaseError | undefined = undefined
  returned = 0
  batches = 1
  /** Of a query that `$queryStats` will tell of, so far. */
  figures: QueryFigures | undefined = undefined

  constructor(
    id: bigint,
    namespace: string,
    rows: HeldRows,
    operation: CursorUser,
    noTimeout: boolean,
    tail: Tail | undefined,
  ) {
    this.id = id
    this.namespace = namespace
    this.rows = rows
    this.session = operation.session
    this.transaction = operation.statement
    this.connectionId = operation.context.connectionId
    this.noTimeout = noTimeout
    this.tail = tail
    this.originatingCommand = operation.body?.slice()
    this.createdMs = operation.startedMs
    this.lastUseMs = operation.startedMs
    this.timeLeftMs = operation.hasDeadline ? operation.remainingMs : undefined
  }
}

export interface CursorCounts {
  open: number
  noTimeout: number
  pinned: number
  timedOut: number
  totalOpened: number
}

export class CursorRegistry {
  readonly #clock: Clock
  readonly #random: Random
  readonly #timeoutMs: () => number
  readonly #cursors = new Map<bigint, Cursor>()
  #sweeper: Timer | undefined
  #timedOut = 0
  #opened = 0

  /** `timeoutMs` is asked at every sweep. */
  constructor(clock: Clock, random: Random, timeoutMs: () => number) {
    this.#clock = clock
    this.#random = random
    this.#timeoutMs = timeoutMs
  }

  [Symbol.iterator](): Iterator<Cursor> {
    return this.#cursors.values()
  }

  counts(): CursorCounts {
    let noTimeout = 0
    let pinned = 0
    for (const cursor of this.#cursors.values()) {
      if (cursor.noTimeout) noTimeout++
      if (cursor.inUse !== undefined) pinned++
    }
    return { open: this.#cursors.size, noTimeout, pinned, timedOut: this.#timedOut, totalOpened: this.#opened }
  }

  /** Keeps `rows`, already saved, under a new id. */
  open(operation: CursorUser, namespace: string, rows: HeldRows, noTimeout: boolean, tail?: Tail): Cursor {
    const cursor = new Cursor(this.#newId(), namespace, rows, operation, noTimeout, tail)
    this.#cursors.set(cursor.id, cursor)
    this.#opened++
    this.#sweepLater()
    return cursor
  }

  get(id: bigint): Cursor | undefined {
    const cursor = this.#cursors.get(id)
    return cursor === undefined || cursor.killed ? undefined : cursor
  }

  /** The cursor for a getMore; CursorNotFound when there is none. */
  find(id: bigint): Cursor {
    const cursor = this.get(id)
    if (cursor === undefined) throw new DatabaseError('CursorNotFound', `cursor id ${id} not found`)
    return cursor
  }

  take(cursor: Cursor, operation: CursorUser): void {
    if (cursor.failure !== undefined) {
      this.#close(cursor)
      throw cursor.failure
    }
    if (cursor.inUse !== undefined) throw new DatabaseError('CursorInUse', `cursor id ${cursor.id} is already in use`)
    cursor.inUse = operation
  }

  giveBack(cursor: Cursor): void {
    cursor.inUse = undefined
    cursor.lastUseMs = this.#clock.monotonicMs()
    if (cursor.killed) this.#close(cursor)
  }

  /** Closes a cursor; one that is in use is closed when its operation ends, which is interrupted. */
  kill(cursor: Cursor): void {
    cursor.killed = true
    if (cursor.inUse !== undefined) {
      cursor.inUse.kill(new DatabaseError('CursorKilled', 'operation was interrupted because the cursor was killed'))
      return
    }
    this.#close(cursor)
    cursor.figures?.end(this.#clock.nowMs())
  }

  /**
   * What the cursors of `namespaces` read is gone: they let go of it now, and their next getMore says why.
   * Errors: QueryPlanKilled, then.
   */
  failAll(namespaces: ReadonlySet<string>, why: string): void {
    for (const cursor of this.#cursors.values()) {
      if (!namespaces.has(cursor.namespace) || cursor.tail?.rows.outlivesCollection === true) continue
      cursor.failure = new DatabaseError('QueryPlanKilled', why)
      if (cursor.inUse === undefined) cursor.rows.close()
      else cursor.inUse.kill(cursor.failure)
    }
  }

  /** Kills the cursors that `matches` says; returns how many. */
  killWhere(matches: (cursor: Cursor) => boolean): number {
    let killed = 0
    for (const cursor of [...this.#cursors.values()]) {
      if (!matches(cursor)) continue
      this.kill(cursor)
      killed++
    }
    return killed
  }

  /** Closes everything; no cursor can be opened afterwards. */
  close(): void {
    this.#sweeper?.cancel()
    this.#sweeper = undefined
    this.killWhere(() => true)
  }

  #close(cursor: Cursor): void {
    this.#cursors.delete(cursor.id)
    cursor.rows.close()
  }

  #newId(): bigint {
    for (;;) {
      const bytes = this.#random.bytes(8)
      let id = BigInt(bytes[0]! & 0x7f)
      for (let i = 1; i < 8; i++) id = (id << 8n) | BigInt(bytes[i]!)
      if (id !== 0n && !this.#cursors.has(id)) return id
    }
  }

  #sweepLater(): void {
    if (this.#sweeper !== undefined || this.#cursors.size === 0) return
    this.#sweeper = this.#clock.setTimer(sweepIntervalMs, () => {
      this.#sweeper = undefined
      this.sweep()
      this.#sweepLater()
    })
  }

  /** Closes the cursors that nobody used for the timeout. */
  sweep(): void {
    const deadline = this.#clock.monotonicMs() - this.#timeoutMs()
    this.#timedOut += this.killWhere(
      (cursor) => cursor.inUse === undefined && !cursor.noTimeout && cursor.lastUseMs <= deadline,
    )
  }
}

const sweepIntervalMs = 4000
