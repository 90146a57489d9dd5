/**
 * A transaction: reads at one moment, keeps what it writes to itself, and becomes visible whole, by one log entry with one timestamp.
 *
 *   open ──commit──> committed          its operations are replayed on the maps and appended to the log, in one turn
 *     ├──commitLater──> being applied in slices (see sliced-commit.ts) ──> committed
 *     └────abort───> aborted            nothing of it ever was in a tree or in the log
 *
 * INVARIANTS
 *  (1) What it has written is locked until it ends, so that its operations fit the newest versions when they are replayed.
 *  (2) Under `snapshot` and `serializable` it writes only what nobody has changed since its snapshot.
 *  (3) What a `serializable` one has read is at its commit as it was in its snapshot, unless it has written nothing: so all that
 *      commit are as if one had come after the other, in the order of their commits.
 *  (4) `operations` are in the order in which they were made: each fits the state that those before it have left.
 */
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { DiskError } from '../io/disk.ts'
import type { World } from '../io/world.ts'
import type { LockStore } from '../mvcc/lock-store.ts'
import type { Lock, LockOwner, LockTarget } from '../mvcc/lock-table.ts'
import { type PendingIn, ReadLocks } from '../mvcc/read-locks.ts'
import { type ReadRange, ReadSet } from '../mvcc/read-set.ts'
import type { Snapshot } from '../mvcc/snapshots.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import { WriteConflict } from '../mvcc/write-conflict.ts'
import { WriteMemory, type WriteMemoryOptions } from '../mvcc/write-memory.ts'
import { type LargePayload, payloadBytesMax } from '../storage/large-payload.ts'
import { commitLock } from './catalog-locks.ts'
import type { ChangeNotes } from './change-notes.ts'
import type { Collection } from './collection.ts'
import { OperationWriter } from './operation.ts'
import type { Standstill } from './standstill.ts'
import type { State } from './state.ts'
import { type CatalogSight, TransactionCatalog } from './transaction-catalog.ts'
import type { Workspace } from './workspace.ts'
import { type WriteHost, WriteUnit } from './write-unit.ts'

export type Isolation = 'read committed' | 'snapshot' | 'serializable'

export interface TransactionOptions {
  readonly isolation: Isolation
  /** What a write does that meets another transaction's: fail with WriteConflict, or wait for its end. */
  readonly onConflict: 'abort' | 'wait'
  /**
   * Under `serializable`: what is read, keys and ranges, is locked until the end, so that others who would write there wait instead of it failing
   * at its commit. Each statement reads what was committed when it began; what earlier ones have read is as it was.
   */
  readonly readLocks: boolean
  /** How long it waits for one lock. */
  readonly lockTimeoutMs: number
  /** The moment to read at; undefined: that of its beginning. */
  readonly readAt?: Timestamp | undefined
}

export const transactionDefaults: TransactionOptions = {
  isolation: 'snapshot',
  onConflict: 'abort',
  readLocks: false,
  lockTimeoutMs: 5000,
}

/** What a transaction needs of the engine around it. */
export interface TransactionHost {
  readonly state: State
  readonly world: World
  /** The timestamp of the last write. */
  now(): Timestamp
  /** Throws SnapshotTooOld. */
  snapshotAt(timestamp: Timestamp): Snapshot
  /** A timestamp for what is written now. */
  nextTimestamp(): Timestamp
  /** For what change streams need to know; undefined while there is no change history. */
  notesFor(operations: OperationWriter): ChangeNotes | undefined
  /** Makes the transaction's operations one log entry and applies them. Throws, with nothing changed, when there is no room. */
  commit(transaction: Transaction): LogIndex
  /** As `commit`, of one that holds `commitLock`, a slice at a time; in this turn it begins, or throws. */
  commitInSlices(transaction: Transaction): Promise<LogIndex>
  /** While there is one, nothing can be committed. */
  readonly standstill: Pick<Standstill, 'over' | 'commit'>
  /** What is applied in one turn: see `EngineOptions`. */
  readonly sliceOperations: number
  readonly sliceBytes: number
  ended(transaction: Transaction): void
  /** Those that have not ended. */
  open(): readonly Transaction[]
  /** How much of what it writes a transaction keeps in memory. */
  readonly memoryBytes: number
  /** For the operations that are more than that. */
  newPayload(): LargePayload
  /** Makes sure that the data file has room for what so many bytes of operations do. Throws OutOfDiskSpace. */
  reserveSpace(bytes: number): void
  /** For what it sees of its own writes; its operations take the other half of `memoryBytes`. */
  readonly writeMemory: WriteMemoryOptions
  /** The disk failed under a large commit. */
  fail(error: unknown): void
}

/** What one entry of the log can have; the commit adds the session's record. */
const operationsBytesMax = payloadBytesMax - 1024 * 1024
/** Once it spills, it does so in pieces of this size. */
const spilledPieceBytes = 1024 * 1024
/** What is larger is written to disk before it is appended to the log: that would take some milliseconds. */
const appendBytesMax = 4 * 1024 * 1024
/** Of a transaction that begins to spill, so much goes to disk at once: some milliseconds. */
const firstSpillBytes = 4 * 1024 * 1024
/** Room in the data file is made in such steps, of some milliseconds. */
const reservedStepBytes = 2 * 1024 * 1024
/** Of many index entries so many are written between two looks at the clock, and for so long in one turn. */
const entriesPerLook = 64
const entrySliceMs = 4
/** So much is written before it is looked again how much is in memory. */
const reservedAheadBytes = 64 * 1024

export class Transaction implements Workspace, CatalogSight, LockOwner {
  // What it reads of the newest is its own and its snapshot's.
  readonly isPast = false
  readonly id: number
  readonly options: TransactionOptions
  readonly startedMs: number
  readonly operations = new OperationWriter()
  readonly locks: Lock[] = []
  /** What it sees of its own writes. */
  readonly memory: WriteMemory
  readonly #host: TransactionHost
  readonly #catalog: TransactionCatalog
  #snapshot: Snapshot
  /** What it has read, under `serializable`. */
  readonly reads: ReadSet | undefined
  readonly readLocks: ReadLocks | undefined
  readonly #reader: { readonly from: number } | undefined
  /** What somebody else's commit had applied by then is not among the recent writes since its beginning. */
  readonly #beganWhileApplying: boolean
  #unit: WriteUnit | undefined
  #notes: ChangeNotes | undefined
  #state: 'open' | 'committed' | 'aborted' = 'open'
  #committing = false
  #applying = false

  constructor(id: number, options: TransactionOptions, host: TransactionHost) {
    this.id = id
    this.options = options
    this.#host = host
    this.startedMs = host.world.clock.monotonicMs()
    this.memory = new WriteMemory(host.writeMemory)
    this.#snapshot = host.snapshotAt(options.readAt ?? host.now())
    this.#beganWhileApplying = host.standstill.commit !== undefined
    if (options.isolation === 'serializable') {
      const { locks, snapshots } = host.state
      this.#reader = snapshots.recentWrites.enter()
      this.reads = new ReadSet(this.readTimestamp, this.#reader.from)
      const pendingIn: PendingIn = (map, range) => this.#pendingIn(map, range)
      if (options.readLocks) this.readLocks = new ReadLocks(locks, snapshots.recentWrites, this, pendingIn)
    }
    this.#catalog = new TransactionCatalog(host.state, this)
  }

  get state(): 'open' | 'committed' | 'aborted' {
    return this.#state
  }

  /** The moment at which it reads what others have written. */
  get readTimestamp(): Timestamp {
    return this.#snapshot.timestamp
  }

  get lastTimestamp(): Timestamp {
    return this.#snapshot.timestamp
  }

  /** Bytes it would put into the log: what is lost when it is aborted. */
  get cost(): number {
    return this.operations.sizeBytes
  }

  newLockStore(): LockStore {
    return this.memory.newLockStore()
  }

  /** What it has written is not all in memory. */
  get isSpilled(): boolean {
    return this.operations.spilled !== undefined
  }

  /** Whether `commit` takes a short turn, and nothing is in its way; else `commitLater`. */
  get commitsAtOnce(): boolean {
    return (
      !this.hasWritten ||
      (this.#isSmall && this.#host.standstill.over === undefined && !this.#host.state.locks.hasRanges)
    )
  }

  get #isSmall(): boolean {
    const { operations } = this
    const { sliceOperations, sliceBytes } = this.#host
    if (operations.spilled !== undefined || this.#catalog.hasLargeChanges) return false
    return operations.count <= sliceOperations && operations.length <= sliceBytes
  }

  /** It cannot be aborted any more: its commit has begun to change what is stored. */
  get isApplying(): boolean {
    return this.#applying
  }

  get hasWritten(): boolean {
    return this.operations.count > 0
  }

  collection(database: string, name: string): Collection | undefined {
    this.#refuseEnded()
    this.#completeEntries()
    return this.#catalog.find(database, name)
  }

  /** Under `read committed`, and where reads are locked, a moment of its own for each statement. */
  beginStatement(): void {
    if (this.options.isolation !== 'read committed' && this.readLocks === undefined) return
    // What it would be held against later is not told apart from what it sees.
    if (this.readLocks !== undefined && this.#host.standstill.commit !== undefined) return
    const now = this.#host.now()
    if (now === this.#snapshot.timestamp) return
    this.reads?.moveTo(now, this.#host.state.snapshots.recentWrites.next)
    this.#snapshot.release()
    this.#snapshot = this.#host.state.snapshots.open(now)
    // A change is made against what the statement has read, not against what was there at the first write.
    this.#unit?.moveTo(this.#host.nextTimestamp())
    this.#catalog.refresh()
  }

  /** For what reads on after its statement: the transaction's own snapshot may move, and ends with it. */
  snapshot(): Snapshot {
    return this.#host.state.snapshots.open(this.#snapshot.timestamp)
  }

  /** Runs `body`; what it writes is seen by this transaction only. Throws WriteConflict, and what else a write unit throws. */
  write<Result>(body: (unit: WriteUnit) => Result): { result: Result; logIndex: LogIndex } {
    this.#refuseEnded()
    if (this.#committing) throw beingCommitted(this.id)
    this.#completeEntries()
    // One unit for all: what a commit logs is one entry.
    this.#unit ??= this.#newUnit()
    return { result: body(this.#unit), logIndex: 0 as LogIndex }
  }

  #completeEntries(): void {
    if (this.#catalog.hasPostponed) this.#catalog.writePostponed(Number.POSITIVE_INFINITY)
  }

  /** Whether its last change has index entries that were too many for one turn, and are not written yet. */
  get owesEntries(): boolean {
    return this.#catalog.hasPostponed
  }

  /** Has these entries written; undefined: they are there. */
  get entriesWritten(): Promise<void> | undefined {
    return this.owesEntries ? this.#writeEntries() : undefined
  }

  async #writeEntries(): Promise<void> {
    const { clock } = this.#host.world
    do {
      await clock.yield()
      const endMs = clock.monotonicMs() + entrySliceMs
      while (this.#state === 'open' && this.#catalog.hasPostponed && clock.monotonicMs() < endMs)
        this.#catalog.writePostponed(entriesPerLook)
    } while (this.#state === 'open' && this.#catalog.hasPostponed)
  }

  #newUnit(): WriteUnit {
    const { world } = this.#host
    this.#notes = this.#host.notesFor(this.operations)
    return new WriteUnit(
      this.#catalog,
      this.operations,
      this.#host.nextTimestamp(),
      world.random,
      this.#unitHost,
      this.#notes,
    )
  }

  /** Whether its operations have the notes that change streams need. */
  get isNoted(): boolean {
    return this.#notes !== undefined
  }

  lock(space: number, key: string): void {
    this.#refuseEnded()
    if (!this.#host.state.locks.take(space, key, 'write', this)) throw new WriteConflict({ space, key, mode: 'write' })
  }

  share({ space, key }: LockTarget): void {
    this.#refuseEnded()
    if (!this.#host.state.locks.take(space, key, 'read', this)) throw new WriteConflict({ space, key, mode: 'read' })
  }

  /** Whether waiting may help a write that met the conflict. */
  canWait(conflict: WriteConflict): boolean {
    return this.options.onConflict === 'wait' && conflict.target !== undefined
  }

  /**
   * Until the lock that was in the way is the transaction's own. Rejects with LockTimeout, or WriteConflict after a deadlock. `onWaiting`: see
   * `LockTable.wait`.
   */
  async waitFor(target: LockTarget, timeoutMs: number, onWaiting: (withdraw: () => void) => void): Promise<void> {
    this.#refuseEnded()
    await this.#host.state.locks.wait(target, this, timeoutMs, this.#host.world.clock, onWaiting)
    this.#refuseEnded()
    this.beginStatement()
  }

  /** What its session's record is to say once it has committed: a body of `encodeSessionWrite`, in the same entry. */
  recordSession(body: Uint8Array): void {
    if (this.#committing) throw beingCommitted(this.id)
    if (this.hasWritten) this.operations.session(body)
  }

  /**
   * As `commit`, for one that is large, or while another is being applied: without holding up others for longer than a slice. Nothing can
   * be written in the transaction any more. Rejects with OutOfDiskSpace, WriteConflict, and NoSuchTransaction when it is aborted before
   * its turn has come; it is aborted in any case then. `timeoutMs`, `onWaiting`: of each wait for a lock, as in `LockTable.wait`.
   */
  async commitLater(
    timeoutMs = Number.POSITIVE_INFINITY,
    onWaiting?: (withdraw: () => void) => void,
  ): Promise<LogIndex> {
    const { locks } = this.#host.state
    const wait = (target: LockTarget): Promise<void> =>
      locks.wait(target, this, timeoutMs, this.#host.world.clock, onWaiting)
    this.#refuseEnded()
    if (this.#committing) throw beingCommitted(this.id)
    this.#committing = true
    try {
      await this.#prepare()
      await this.#leaveRanges(wait)
      if (!this.#isSmall || this.#host.standstill.over !== undefined) await this.#turnToCommit(wait)
      // One document may have so much to it that its write goes on for some turns, too.
      while (this.#host.standstill.over !== undefined) await this.#host.standstill.over
      this.#refuseEnded()
    } catch (error) {
      this.abort()
      throw this.#refusal(error)
    }
    if (this.#isSmall) return this.commit()
    this.#snapshot.release()
    try {
      this.#validateReads()
      this.#applying = true
      const logIndex = await this.#host.commitInSlices(this)
      this.#end('committed')
      return logIndex
    } catch (error) {
      this.#end('aborted')
      throw error
    }
  }

  /** Brings operations that are too many for memory to disk, and makes room for what they do. */
  async #prepare(): Promise<void> {
    const { operations } = this
    const { clock } = this.#host.world
    if (operations.spilled === undefined && operations.length <= appendBytesMax) return
    do {
      operations.spill(() => this.#host.newPayload(), spilledPieceBytes)
      await clock.yield()
      this.#refuseEnded()
    } while (operations.length > 0)
    await operations.spilled!.finishAsync()
    for (let bytes = 0; bytes < operations.sizeBytes; bytes += reservedStepBytes) {
      this.#refuseEnded()
      this.#host.reserveSpace(bytes)
      await clock.yield()
    }
  }

  #pendingIn(map: VersionedMap, range: ReadRange): ReturnType<PendingIn> {
    for (const other of this.#host.open()) {
      if (other === this || !other.hasWritten) continue
      const key = other.#catalog.firstWritten(map, range, this)
      if (key !== undefined) return { owner: other, key }
    }
    return undefined
  }

  /** Until nobody else has locked a range in which it has written. Who locks one later, and has not seen that, fails at its own commit. */
  async #leaveRanges(wait: (target: LockTarget) => Promise<void>): Promise<void> {
    const { locks } = this.#host.state
    while (locks.hasRanges) {
      const target = this.#catalog.writtenInRange(this)
      if (target === undefined) return
      await wait(target)
      this.#refuseEnded()
    }
  }

  /** Until nobody else's commit is being applied and those who waited for that have had a turn. */
  async #turnToCommit(wait: (target: LockTarget) => Promise<void>): Promise<void> {
    this.#refuseEnded()
    const { locks } = this.#host.state
    const { clock } = this.#host.world
    const { space, key, mode } = commitLock
    if (!locks.take(space, key, mode, this)) await wait(commitLock)
    if (!this.#isSmall) {
      await clock.yield()
      await clock.yield()
    }
  }

  /**
   * Makes what it has written visible, all at once; durable after `Engine.durable` of the result. When it cannot (OutOfDiskSpace) it is
   * aborted.
   */
  commit(): LogIndex {
    this.#refuseEnded()
    // What nobody else holds back need not be kept beside the new versions.
    this.#snapshot.release()
    try {
      this.#completePayload()
      if (this.hasWritten || this.readLocks !== undefined) this.#validateReads()
      const logIndex = this.#host.commit(this)
      this.#end('committed')
      return logIndex
    } catch (error) {
      this.#end('aborted')
      throw error
    }
  }

  #completePayload(): void {
    const { operations } = this
    if (operations.spilled === undefined) return
    try {
      operations.spill(() => this.#host.newPayload())
      operations.spilled.finish()
    } catch (error) {
      throw this.#refusal(error)
    }
  }

  /** Of an error of the disk: a full one is told to who writes, any other is final, as the log's errors are. */
  #refusal(error: unknown): unknown {
    if (error instanceof DatabaseError) return error
    if (error instanceof DiskError && error.code === 'ENOSPC')
      return new DatabaseError('OutOfDiskSpace', 'there is no space left on the disk for the transaction')
    this.#host.fail(error)
    return error
  }

  /** Forgets what it has written. Safe to call twice; without effect on one that is being applied, which commits. */
  abort(): void {
    if (this.#state === 'open' && !this.#applying) this.#end('aborted')
  }

  /** Throws WriteConflict when what was read has been written since, by anyone. */
  #validateReads(): void {
    const { reads } = this
    if (reads === undefined) return
    const { recentWrites } = this.#host.state.snapshots
    if (this.#beganWhileApplying) throw new WriteConflict(undefined)
    const written = recentWrites.find(this.#reader!.from, (map, key, number) => reads.includes(map, key, number))
    if (written !== undefined || !this.#catalog.stillMissing) throw new WriteConflict(undefined)
  }

  #end(state: 'committed' | 'aborted'): void {
    this.#state = state
    this.#snapshot.release()
    const { locks, snapshots } = this.#host.state
    if (this.#reader !== undefined) snapshots.recentWrites.leave(this.#reader)
    // After a commit it is the log's.
    this.operations.spilled?.discard()
    this.memory.close()
    locks.interrupt(this, () => noSuchTransaction(this.id))
    locks.release(this)
    this.operations.release()
    this.#host.ended(this)
  }

  #refuseEnded(): void {
    if (this.#state !== 'open') throw noSuchTransaction(this.id)
  }

  readonly #unitHost: WriteHost = {
    nowMs: () => this.#host.world.clock.nowMs(),
    begin: () => undefined,
    reserve: (bytes) => {
      if (bytes > operationsBytesMax)
        throw new DatabaseError(
          'TransactionTooLarge',
          `Total size of all transaction operations must be less than ${operationsBytesMax}. Actual size is ${bytes}`,
        )
      const { operations } = this
      this.memory.refuseFull()
      const room = Math.floor(this.#host.memoryBytes / 2)
      const limit = operations.spilled === undefined ? room : Math.min(room, spilledPieceBytes)
      if (operations.length >= limit) {
        try {
          operations.spill(() => this.#host.newPayload(), firstSpillBytes)
        } catch (error) {
          throw this.#refusal(error)
        }
      }
      return bytes + Math.min(room, reservedAheadBytes)
    },
    // Only the transaction's own view is half done, and goes with it.
    halfDone: () => this.abort(),
  }
}

function beingCommitted(id: number): DatabaseError {
  return new DatabaseError('ConflictingOperationInProgress', `Transaction ${id} is being committed`)
}

function noSuchTransaction(id: number): DatabaseError {
  return new DatabaseError('NoSuchTransaction', `Transaction ${id} has ended`)
}
