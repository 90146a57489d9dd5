/**
 * The engine: one directory's log, data file, catalog and versioned maps as one database.
 *
 *   DIR/laura.lock   who has it open
 *   DIR/data.laura   pages, as of the last checkpoint
 *   DIR/log/         what came after
 *
 * A write: `write(body)` applies changes to the pages in memory and appends one log entry; `durable(index)` waits until it is on
 * disk. Recovery: open the checkpoint, replay the log. There is no undo: a change is applied only after everything that can refuse
 * it has been asked.
 *
 * INVARIANTS
 *  (1) A published checkpoint holds exactly the entries up to its log index, and those are durable in the log.
 *  (2) Entries that either superblock lacks are in the log.
 *  (3) After the first failed write or sync nothing is acknowledged any more.
 */
import { assert } from '../base/assert.ts'
import { mayDetour } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { CollectionId, LogIndex, Term } from '../base/ids.ts'
import { counterOf, HybridClock, secondsOf, type Timestamp, timestampMin } from '../base/timestamp.ts'
import { TransientMap } from '../base/transient-map.ts'
import type { DiskLock } from '../io/disk.ts'
import { TemporaryFiles } from '../io/temporary-files.ts'
import type { World } from '../io/world.ts'
import type { LockOwner, LockTable } from '../mvcc/lock-table.ts'
import type { Snapshot } from '../mvcc/snapshots.ts'
import { WriteConflict } from '../mvcc/write-conflict.ts'
import { isOutOfDiskSpace } from '../storage/data-file.ts'
import type { LargePayload } from '../storage/large-payload.ts'
import { Log, type LogEntry } from '../storage/log.ts'
import type { LogCursor } from '../storage/log-cursor.ts'
import { Store } from '../storage/store.ts'
import { commitLock } from './catalog-locks.ts'
import { ChangeNotes } from './change-notes.ts'
import { type CheckReport, checkInSlices } from './check.ts'
import { readPayload } from './checkpoint-payload.ts'
import { Checkpoints, type EngineHead } from './checkpoints.ts'
import type { Collection, StoredCollection } from './collection.ts'
import { type CollectionReport, checkCollection, type DocumentVisit } from './collection-check.ts'
import { makeDurableDirectory, takeLock } from './directory.ts'
import { historyStart } from './history.ts'
import { IndexBuild } from './index-build.ts'
import { type ListedLock, listLocks } from './lock-list.ts'
import { Maintenance } from './maintenance.ts'
import { OperationWriter, operationKind } from './operation.ts'
import type { EngineOptions, VacuumSettings } from './options.ts'
import { engineDefaults } from './options.ts'
import { Past } from './past.ts'
import { piecesOf } from './payload-pieces.ts'
import type { SessionRecords } from './session-records.ts'
import { SlicedCommit } from './sliced-commit.ts'
import { Standstill } from './standstill.ts'
import { State } from './state.ts'
import { type EngineStatistics, figuresOf } from './statistics.ts'
import { Transaction, type TransactionHost, type TransactionOptions, transactionDefaults } from './transaction.ts'
import type { Workspace } from './workspace.ts'
import { type WriteHost, WriteUnit } from './write-unit.ts'

const firstTerm = 1 as Term
const noPieces: Iterator<never> = [].values()

export class Engine implements Workspace {
  readonly isPast = false
  readonly world: World
  /** For what does not fit in memory: in a folder of the directory, empty at every start. */
  readonly temporaryFiles: TemporaryFiles
  readonly options: EngineOptions
  /** Called once with the failure after which nothing is acknowledged: the process should say why and exit. */
  onFailure: (error: Error) => void = () => undefined
  readonly #lock: DiskLock
  readonly #store: Store
  readonly #log: Log
  readonly #state: State
  readonly #clock: HybridClock
  readonly #operations = new OperationWriter()
  readonly #notes = new ChangeNotes(this.#operations)
  /** The first entry since which all entries have notes for change streams; 0: the last one has none. */
  #historyFrom = 0 as LogIndex
  readonly #maintenance: Maintenance
  readonly #transactionHost: TransactionHost
  /** Since when, at least, all versions are there that were not the last of their key: what earlier runs have kept. */
  #keptSince = timestampMin
  readonly #transactions = new TransientMap<number, Transaction>()
  #lastTransactionId = 0
  #term = firstTerm
  #lastTimestamp: Timestamp
  #writing = false
  #historyWindowMs: number
  #vacuumSettings: VacuumSettings
  #failure: Error | undefined
  #closing: Promise<void> | undefined
  readonly #standstill: Standstill
  readonly #checkpoints: Checkpoints
  /** That is running. */
  #unit: WriteUnit | undefined
  /** What it has begun to change that takes more than its turn. */
  #begun: SlicedCommit | undefined
  /** The entry that the last such unit makes, once all of it is there. */
  #entryToCome = 0 as LogIndex
  #replayedEntryCount = 0

  /**
   * Opens the database in `directory` (relative to the disk's root), making it when it is not there.
   * Throws DBPathInUse, DataCorruptionDetected (with file and offset) or UnsupportedFormat.
   */
  static async open(world: World, directory: string, options: Partial<EngineOptions> = {}): Promise<Engine> {
    const all = { ...engineDefaults, ...options }
    makeDurableDirectory(world, directory)
    const lock = takeLock(world, directory)
    let engine: Engine | undefined
    try {
      engine = new Engine(world, directory, all, lock)
      if (engine.#checkpoints.index < 0) await engine.checkpoint()
      if (all.changeHistory === 'on') engine.keepChangeHistory()
      engine.#maintenance.start()
      return engine
    } catch (error) {
      if (engine === undefined) lock.release()
      else await engine.#letGo(error)
      throw error
    }
  }

  private constructor(world: World, directory: string, options: EngineOptions, lock: DiskLock) {
    this.world = world
    this.temporaryFiles = new TemporaryFiles(world.disk, world.clock, `${directory}/tmp`)
    this.options = options
    this.#lock = lock
    const { store, meta } = Store.open(world, `${directory}/data.laura`, options)
    this.#store = store
    this.#clock = new HybridClock(() => world.clock.nowMs())
    this.#lastTimestamp = meta?.timestamp ?? (0 as Timestamp)
    if (meta !== undefined) this.#term = meta.term
    const from = ((meta?.logIndex ?? 0) + 1) as LogIndex
    let replayedBytes = 0
    try {
      const catalogTree = meta === undefined ? store.createTree() : store.openTree(meta.catalogRoot)
      const state = new State(store, catalogTree, options)
      this.#state = state
      if (meta !== undefined) {
        state.load()
        const { nextCollectionId, sessionRoot, historyFrom, keptSince } = readPayload(meta.payload)
        this.#keptSince = keptSince ?? meta.timestamp
        const next = Math.max(state.nextCollectionId, nextCollectionId)
        state.nextCollectionId = next as typeof state.nextCollectionId
        if (sessionRoot !== undefined) state.sessions.load(sessionRoot)
        this.#historyFrom = historyFrom
      }
      this.#historyWindowMs = options.historyWindowMs
      this.#vacuumSettings = options
      if (options.historyWindowMs > 0)
        state.snapshots.keepHistorySince(historyStart(world.clock.nowMs(), options.historyWindowMs))
      const logOptions = { segmentSizeBytes: options.logSegmentBytes, from, windowBytes: options.logWindowBytes }
      this.#log = Log.open(world, `${directory}/log`, logOptions, (entry) => {
        state.replay(entry)
        const noted = entry.bytes[entry.start] === operationKind.moment
        if (!noted) this.#historyFrom = 0 as LogIndex
        else if (this.#historyFrom === 0) this.#historyFrom = entry.index
        this.#lastTimestamp = entry.timestamp
        this.#term = entry.term
        replayedBytes += entry.source?.length ?? entry.end - entry.start
        this.#replayedEntryCount++
      })
    } catch (error) {
      store.close()
      throw error
    }
    if (options.changeHistory === 'off') this.#historyFrom = 0 as LogIndex
    this.#clock.observe(this.#lastTimestamp)
    this.#log.onFailure = (error) => this.#fail(error)
    store.onFailure = (error) => this.#fail(error)
    this.#maintenance = new Maintenance(this, this.#state, store)
    const refuseFailed = (): void => {
      if (this.#failure !== undefined) throw this.#failureError()
    }
    const fail = (error: unknown): void => this.fail(error)
    const { clock } = world
    this.#standstill = new Standstill({
      clock,
      sliceOperations: options.commitSliceOperations,
      sliceBytes: options.commitSliceBytes,
      refuseFailed,
      fail,
    })
    const head = (): EngineHead => ({
      term: this.#term,
      timestamp: this.#lastTimestamp,
      historyFrom: this.#historyFrom,
      oldestReadable: this.oldestReadable,
    })
    this.#checkpoints = new Checkpoints(
      {
        store,
        log: this.#log,
        state: this.#state,
        standstill: this.#standstill,
        clock,
        options,
        head,
        refuseFailed,
        fail,
      },
      meta?.logIndex ?? (-1 as LogIndex),
      replayedBytes,
    )
    this.#state.postponing = (collection) => this.#postpones(collection)
    this.#transactionHost = {
      standstill: this.#standstill,
      state: this.#state,
      world,
      now: () => this.#lastTimestamp,
      snapshotAt: (timestamp) => this.snapshotAt(timestamp),
      nextTimestamp: () => this.#clock.next(),
      notesFor: (operations) => (this.#historyFrom === 0 ? undefined : new ChangeNotes(operations)),
      commit: (transaction) => this.#commit(transaction),
      commitInSlices: (transaction) => this.#commitInSlices(transaction),
      sliceOperations: options.commitSliceOperations,
      sliceBytes: options.commitSliceBytes,
      ended: (transaction) => this.#transactions.delete(transaction.id),
      open: () => this.#transactions.values(),
      memoryBytes: options.transactionMemoryBytes,
      newPayload: () => this.#log.newPayload(),
      reserveSpace: (bytes) => store.ensureSpace(bytes),
      writeMemory: {
        limitBytes: Math.floor(options.transactionMemoryBytes / 2),
        pageSizeBytes: options.pageSizeBytes,
        newFile: () => this.temporaryFiles.open(),
      },
      fail,
    }
  }

  collection(database: string, name: string): StoredCollection | undefined {
    return this.#state.catalog.get(database, name)
  }

  /** Sorted by name. */
  databases(): string[] {
    return this.#state.catalog.databases()
  }

  /** Sorted by name. */
  collections(database: string): StoredCollection[] {
    return this.#state.catalog.collections(database)
  }

  /** A database whose name differs from this only in case, which MongoDB refuses beside it. */
  databaseDifferingInCase(database: string): string | undefined {
    return this.#state.catalog.databaseDifferingInCase(database)
  }

  /** A snapshot of this moment: what is written later is not seen at its timestamp, and what it needs is kept. */
  snapshot(): Snapshot {
    return this.#state.snapshots.open(this.#lastTimestamp)
  }

  /**
   * A snapshot of a moment in the past; one that nobody has written after is that of now. Throws SnapshotTooOld when versions of that
   * moment may be gone, WriteConflict while a commit that belongs to it is being applied.
   */
  snapshotAt(timestamp: Timestamp): Snapshot {
    const commit = this.#standstill.commit
    if (commit !== undefined && timestamp >= commit) throw new WriteConflict(commitLock)
    if (timestamp < this.#lastTimestamp && timestamp < this.oldestReadable) {
      throw new DatabaseError(
        'SnapshotTooOld',
        `Read timestamp Timestamp(${secondsOf(timestamp)}, ${counterOf(timestamp)}) is older than the oldest available timestamp.`,
      )
    }
    return this.#state.snapshots.open(timestamp)
  }

  /** Whether a collection had the name at `at`, a moment that can still be read, and lost it since. */
  lostName(database: string, name: string, at: Timestamp): boolean {
    return this.#state.lostName(database, name, at)
  }

  /** The database as it was at `timestamp`. Throws SnapshotTooOld. */
  asOf(timestamp: Timestamp): Past {
    return new Past(this, timestamp)
  }

  /** How long superseded versions are kept for reads of the past; 0: only while a reader needs them. */
  get historyWindowMs(): number {
    return this.#historyWindowMs
  }

  /** Changes how long superseded versions are kept from now on; what is gone stays gone. */
  keepHistory(windowMs: number): void {
    this.#keptSince = this.oldestReadable
    this.#historyWindowMs = windowMs
    const { snapshots } = this.#state
    snapshots.keepHistorySince(windowMs === 0 ? undefined : historyStart(this.world.clock.nowMs(), windowMs))
    snapshots.releaseCount++
  }

  /** When vacuum looks for superseded versions, and when it sweeps them. */
  get vacuumSettings(): VacuumSettings {
    return this.#vacuumSettings
  }

  /** Changes when vacuum works from now on. */
  tuneVacuum(change: Partial<VacuumSettings>): void {
    this.#vacuumSettings = { ...this.#vacuumSettings, ...change }
  }

  /** The oldest moment that can be read: all versions since are there. */
  get oldestReadable(): Timestamp {
    const kept = this.#state.snapshots.historyFrom ?? this.#lastTimestamp
    return Math.max(kept, this.#keptSince) as Timestamp
  }

  /** The timestamp of the last write: reading at it gives the latest state. */
  get lastTimestamp(): Timestamp {
    return this.#lastTimestamp
  }

  /** What sessions have done under their transaction numbers. */
  get sessions(): SessionRecords {
    return this.#state.sessions
  }

  /** The greatest timestamp given out, brought by recovery or told by `observeTime`: the next entry's is greater. */
  get clusterTime(): Timestamp {
    return this.#clock.last
  }

  /** Another node or a client knows of this timestamp: none up to it is given out any more. */
  observeTime(timestamp: Timestamp): void {
    this.#clock.observe(timestamp)
  }

  /** Every entry up to this one is on disk. */
  get durableIndex(): LogIndex {
    return this.#log.durableIndex
  }

  /** Of what has been written, though it may not be seen yet. */
  get lastIndex(): LogIndex {
    return Math.max(this.#log.lastIndex, this.#entryToCome) as LogIndex
  }

  /** The last entry whose changes are seen. */
  get lastSeenIndex(): LogIndex {
    return this.#log.lastIndex
  }

  /** Log bytes written since the last checkpoint: what a restart now would replay. */
  get bytesSinceCheckpoint(): number {
    return this.#checkpoints.bytesSince
  }

  get isFailed(): boolean {
    return this.#failure !== undefined
  }

  /**
   * Runs `body`, whose changes become one log entry; `logIndex` is that entry, or the last one when nothing changed. When `body`
   * throws, what it had changed by then stays changed and logged (each call of the unit is all or nothing by itself).
   * Durable only after `durable(logIndex)`. Throws WriteConflict, with nothing changed, while a commit is being applied in slices.
   * A change of a document with more index entries than are written in a turn is such a commit: it is seen once they are there (`seen`), and
   * others write after it. Where it is not the only one, it or the next throws WriteConflict, to be made in a unit of its own (in its place,
   * `inPlace`, it is made at once).
   */
  write<Result>(body: (unit: WriteUnit) => Result): { result: Result; logIndex: LogIndex } {
    this.#refuseWrites()
    assert(!this.#writing, 'write units do not nest')
    this.#writing = true
    const operations = this.#operations
    operations.reset()
    const notes = this.#historyFrom === 0 ? undefined : this.#notes
    const timestamp = this.#clock.next()
    const unit = new WriteUnit(this.#state, operations, timestamp, this.world.random, this.#host, notes)
    this.#unit = unit
    let result: Result
    try {
      try {
        result = body(unit)
      } finally {
        unit.settle()
      }
    } catch (error) {
      if (this.#failure === undefined) this.#endUnit(timestamp)
      throw error
    } finally {
      this.#writing = false
      this.#unit = undefined
    }
    if (this.#failure !== undefined) throw this.#failureError()
    return { result, logIndex: this.#endUnit(timestamp) }
  }

  #endUnit(timestamp: Timestamp): LogIndex {
    const begun = this.#begun
    if (begun === undefined) return this.#append(this.#operations, timestamp)
    this.#begun = undefined
    begun.finishTurn()
    const index = (this.#log.lastIndex + 1) as LogIndex
    this.#entryToCome = index
    const append = (): LogIndex => this.#append(this.#operations, timestamp)
    this.#standstill.apply(begun, append, true).catch((error: unknown) => this.fail(error))
    return index
  }

  /** A unit is about to change more index entries than are written in one turn: see `EntryHost`. */
  #postpones(collection: StoredCollection): boolean {
    const unit = this.#unit
    if (unit === undefined || unit.isWhole || !mayDetour()) return false
    // What the changes before it have superseded would be gone.
    if (this.#operations.count > 0) throw new WriteConflict(commitLock)
    this.#begun = new SlicedCommit(this.#state, noPieces, unit.timestamp, this.snapshot())
    this.#begun.foresee(collection)
    return true
  }

  /** When the changes of an entry, which `write` has told, are seen by those who read what is newest; undefined: they are. */
  seen(index: LogIndex): Promise<void> | undefined {
    return index > this.#log.lastIndex ? this.#standstill.over : undefined
  }

  /** Begins a transaction: see `Transaction`. */
  begin(options: Partial<TransactionOptions> = {}): Transaction {
    this.#refuseUse()
    this.#lastTransactionId++
    const transaction = new Transaction(
      this.#lastTransactionId,
      { ...transactionDefaults, ...options },
      this.#transactionHost,
    )
    this.#transactions.set(transaction.id, transaction)
    return transaction
  }

  /** The transactions that have not ended. */
  get transactions(): readonly Transaction[] {
    return this.#transactions.values()
  }

  /** The locks of open transactions in words. */
  listLocks(): ListedLock[] {
    return listLocks(this.#state)
  }

  get locks(): LockTable {
    return this.#state.locks
  }

  /**
   * Begins an index that is built slice by slice while writes go on: call `slice` until it returns true, then
   * `WriteUnit.finishIndexBuilds`; or `abandon` it.
   */
  beginIndexBuild(collection: Collection, definition: Uint8Array): IndexBuild {
    // What a commit in slices has applied by now would be missing in the index.
    this.#refuseWrites()
    assert(!this.#writing, 'an index build begins outside of write units')
    const stored = this.#state.catalog.byId(collection.id)
    assert(stored === collection, 'an index is built for a collection of the database')
    const snapshot = this.snapshot()
    const index = this.#state.beginBuild(stored, definition, snapshot.timestamp)
    return new IndexBuild(stored, index, snapshot, {
      now: () => this.#lastTimestamp,
      reserve: (bytes) => this.#store.ensureSpace(bytes),
      drop: (from, dropped) => this.#state.dropBuild(from, dropped),
      isApplying: () => this.#standstill.over !== undefined,
    })
  }

  /**
   * From the next entry on the log says what change streams need, also after a restart. Throws IllegalOperation when the engine was
   * told to keep no such history.
   */
  keepChangeHistory(): void {
    if (this.#historyFrom !== 0) return
    if (this.options.changeHistory === 'off')
      throw new DatabaseError(
        'IllegalOperation',
        'change streams are off: the database was opened without change history',
      )
    this.#refuseWrites()
    // An entry of its own, so that the next start knows, whatever comes in between.
    this.#historyFrom = (this.#log.lastIndex + 1) as LogIndex
    this.write((unit) => unit.noteEvent('', undefined, {}))
  }

  /** The first entry that change streams can tell of; 0: there is no change history. */
  get oldestChange(): LogIndex {
    return this.#historyFrom === 0 ? this.#historyFrom : (Math.max(this.#historyFrom, this.#log.firstIndex) as LogIndex)
  }

  /** Reads the durable entries from `from` on, which must not lie before `oldestChange`. */
  readLog(from: LogIndex): LogCursor {
    return this.#log.cursor(from)
  }

  /** The first entry whose timestamp may be `timestamp` or later: no earlier one's is. */
  firstEntryNear(timestamp: Timestamp): LogIndex {
    return this.#log.firstEntryNear(timestamp)
  }

  /** `onEntry` hears of every entry once it is durable, in order; its bytes are lent for the call. undefined: nobody listens. */
  set onDurable(onEntry: ((entry: LogEntry) => void) | undefined) {
    this.#log.onDurable = onEntry
  }

  /** The collection with this id, whatever its name is now. */
  collectionById(id: CollectionId): Collection | undefined {
    return this.#state.catalog.byId(id)
  }

  /** Resolves when the entry is on disk; rejects when it never will be. */
  durable(index: LogIndex): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failureError())
    const seen = this.seen(index)
    return seen === undefined ? this.#log.durable(index) : seen.then(() => this.durable(index))
  }

  /** Writes what is in memory to the data file. One runs at a time; a call during one, or during a commit in slices, waits. */
  checkpoint(): Promise<void> {
    return this.#checkpoints.run()
  }

  get isCheckpointing(): boolean {
    return this.#checkpoints.running !== undefined
  }

  /** Drops every version that no reader can ask for; returns how many entries went. */
  vacuum(): Promise<number> {
    return this.#maintenance.vacuum()
  }

  /**
   * Walks everything: pages, trees, records, index entries, counts. Others read meanwhile, and writes and checkpoints wait. Rejects with
   * ShutdownInProgress when the engine is closed before its end.
   */
  async check(): Promise<CheckReport> {
    const owner: LockOwner = { id: 0, cost: Number.POSITIVE_INFINITY, locks: [] }
    const { locks } = this.#state
    const { space, key, mode } = commitLock
    if (!locks.take(space, key, mode, owner))
      await locks.wait(commitLock, owner, Number.POSITIVE_INFINITY, this.world.clock)
    try {
      while (this.isCheckpointing || this.#standstill.over !== undefined) {
        await this.#checkpoints.running?.catch(() => undefined)
        await this.#standstill.over
      }
      this.#refuseUse()
      return await this.#standstill.during(() =>
        checkInSlices(this.#state, this.#store, this.world.clock, () => this.#refuseUse()),
      )
    } finally {
      locks.release(owner)
    }
  }

  /**
   * Checks the records, index entries and counts of one collection as they are now, a little at a time: when `due` says so,
   * `pause` is awaited, which lets others run and throws to end it. Rejects with QueryPlanKilled when the collection is dropped.
   */
  async checkCollection(
    collection: Collection,
    due: () => boolean,
    pause: () => Promise<void>,
    visit?: DocumentVisit,
  ): Promise<CollectionReport> {
    const snapshot = this.snapshot()
    try {
      return await checkCollection(collection, snapshot.timestamp, due, pause, visit)
    } finally {
      snapshot.release()
    }
  }

  statistics(): EngineStatistics {
    const parts = { store: this.#store, log: this.#log, state: this.#state, maintenance: this.#maintenance }
    return {
      ...figuresOf(parts, this.world.clock.nowMs()),
      checkpointIndex: this.#checkpoints.index,
      checkpointCount: this.#checkpoints.count,
      bytesSinceCheckpoint: this.bytesSinceCheckpoint,
      replayedEntryCount: this.#replayedEntryCount,
      openTransactionCount: this.#transactions.size,
    }
  }

  /**
   * Makes everything durable, checkpoints, and lets go of the directory. Writes are refused from here on. On a full disk there is no
   * checkpoint: the log has what it lacks. Rejects with the failure of an engine that has failed; the directory is free then, too.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const transaction of this.#transactions.values()) transaction.abort()
    this.#maintenance.stop()
    try {
      await this.#standstill.over
      await this.#maintenance.idle()
      if (this.#failure === undefined) await this.checkpoint().catch(unlessFull)
    } finally {
      // One that goes on after a failure still writes.
      while (this.isCheckpointing) await Promise.allSettled([this.#checkpoints.running])
      try {
        await this.#log.close()
      } finally {
        this.#store.close()
        this.#lock.release()
      }
    }
    if (this.#failure !== undefined) throw this.#failureError()
  }

  /** Gives up an engine that could not be opened. */
  async #letGo(error: unknown): Promise<void> {
    this.fail(error)
    await Promise.allSettled([this.close()])
  }

  #append(operations: OperationWriter, timestamp: Timestamp): LogIndex {
    if (operations.count === 0) return this.#log.lastIndex
    this.#lastTimestamp = timestamp
    this.#checkpoints.bytesSince += operations.length
    let index: LogIndex
    try {
      index = this.#log.append(this.#term, timestamp, operations.bytes, operations.length)
    } catch (error) {
      // The pages have been changed: what the log lacks must not get into the data file.
      this.fail(error)
      throw error
    }
    operations.reset()
    this.#maintenance.wrote()
    return index
  }

  #commit(transaction: Transaction): LogIndex {
    const { operations } = transaction
    if (operations.count === 0) return this.#log.lastIndex
    this.#ensureCommit(transaction)
    const { spilled } = operations
    const timestamp = this.#clock.next()
    this.#writing = true
    try {
      if (spilled === undefined) this.#state.apply(operations.bytes, 0, operations.length, timestamp)
      else this.#state.applyLarge(spilled, timestamp)
    } catch (error) {
      this.fail(error)
      throw error
    } finally {
      this.#writing = false
    }
    return spilled === undefined ? this.#append(operations, timestamp) : this.#appendLarge(spilled, timestamp)
  }

  /** Throws when the transaction cannot be committed now. */
  #ensureCommit({ operations, isNoted }: Transaction): void {
    this.#refuseWrites()
    // Change history began meanwhile: from there on every entry has notes.
    if (isNoted !== (this.#historyFrom !== 0)) throw new WriteConflict(undefined)
    assert(!this.#writing, 'a transaction commits outside of write units')
    // What is spilled has its place in the log.
    if (operations.spilled === undefined) this.#log.ensureSpace(operations.length)
    this.#store.ensureSpace(operations.sizeBytes)
  }

  async #commitInSlices(transaction: Transaction): Promise<LogIndex> {
    this.#ensureCommit(transaction)
    const { operations } = transaction
    const { spilled, bytes, length } = operations
    const pieces = spilled === undefined ? [{ bytes, end: length }].values() : piecesOf(spilled)
    const timestamp = this.#clock.next()
    const commit = new SlicedCommit(this.#state, pieces, timestamp, this.snapshot())
    const append = (): LogIndex =>
      spilled === undefined ? this.#append(operations, timestamp) : this.#appendLarge(spilled, timestamp)
    return this.#standstill.apply(commit, append, false)
  }

  #appendLarge(payload: LargePayload, timestamp: Timestamp): LogIndex {
    this.#lastTimestamp = timestamp
    this.#checkpoints.bytesSince += payload.length
    try {
      return this.#log.appendLarge(this.#term, timestamp, payload)
    } catch (error) {
      // As in `#append`.
      this.fail(error)
      throw error
    } finally {
      this.#maintenance.wrote()
    }
  }

  #refuseUse(): void {
    if (this.#failure !== undefined) throw this.#failureError()
    if (this.#closing !== undefined) throw new DatabaseError('ShutdownInProgress', 'the database is closing')
  }

  /** Throws while nothing may be written: WriteConflict when that passes. */
  #refuseWrites(): void {
    this.#refuseUse()
    if (this.#standstill.over !== undefined) throw new WriteConflict(commitLock)
  }

  /** When others may write again, who have to wait for a commit in slices or a check; undefined: now. */
  get writable(): Promise<void> | undefined {
    return this.#standstill.over
  }

  readonly #host: WriteHost = {
    nowMs: () => this.world.clock.nowMs(),
    begin: () => {
      if (this.#begun !== undefined && mayDetour()) throw new WriteConflict(commitLock)
    },
    reserve: (logBytes) => {
      const ahead = Math.max(logBytes, 2 * this.#operations.length)
      this.#log.ensureSpace(ahead)
      this.#store.ensureSpace(ahead)
      return ahead
    },
    halfDone: (error) => this.fail(error),
  }

  /** Something went wrong after which the state in memory or on disk cannot be trusted: nothing is acknowledged any more. */
  fail(error: unknown): void {
    this.#fail(error instanceof Error ? error : new Error(String(error)))
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#maintenance.stop()
    this.#log.fail(error)
    this.onFailure(error)
  }

  #failureError(): DatabaseError {
    return new DatabaseError(
      'InterruptedAtShutdown',
      `the database stopped after a disk failure: ${this.#failure?.message}`,
    )
  }
}

function unlessFull(error: unknown): void {
  if (!isOutOfDiskSpace(error)) throw error
}
