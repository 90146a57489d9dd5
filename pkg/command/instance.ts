/**
 * What all commands of one database share, and the operations in progress on it.
 *
 * An operation is one command in progress: who asked, how long it may take, whether somebody killed it. Work that may
 * take long calls `due()` every some dozen steps and, when it says so, awaits `pause()`: other requests run, and a
 * killed or overdue operation ends there with the error that tells why.
 */
import { Detour } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex } from '../base/ids.ts'
import { timestampOf } from '../base/timestamp.ts'
import { TransientMap } from '../base/transient-map.ts'
import { ObjectIdGenerator } from '../bson/objectid.ts'
import { getField, truthy } from '../bson/value.ts'
import { ChangeFeed } from '../change/change-feed.ts'
import type { Collation } from '../collation/collation.ts'
import type { Engine } from '../engine/engine.ts'
import type { Workspace } from '../engine/workspace.ts'
import type { Timer } from '../io/clock.ts'
import type { World } from '../io/world.ts'
import { isOfCatalog } from '../mvcc/lock-table.ts'
import type { WriteConflict } from '../mvcc/write-conflict.ts'
import type { ExpressionOptions } from '../query/filter/operator.ts'
import { BatchPool } from './batch.ts'
import { CappedWaiters } from './capped.ts'
import { ClusterParameters } from './cluster-parameters.ts'
import {
  defaultReadConcern,
  defaultWriteConcern,
  type ReadConcern,
  type ReadLevel,
  type WriteConcern,
} from './concern.ts'
import { ConcernDefaults } from './concern-defaults.ts'
import type { ConnectionContext } from './context.ts'
import { Counters } from './counters.ts'
import { CursorRegistry } from './cursor.ts'
import { Detours } from './detours.ts'
import { type CommandFailure, FailPoint, type WriteFailure } from './fail-points.ts'
import { FairShare } from './fair-share.ts'
import { FsyncLock } from './fsync-lock.ts'
import { IndexFilters } from './index-filters.ts'
import { Parameters } from './parameters.ts'
import { Profiler } from './profiler.ts'
import { QuerySettings } from './query-settings.ts'
import { type QueryFigures, QueryStats } from './query-stats.ts'
import { ReplicaSet, type ReplicaSetOptions } from './replica-set.ts'
import type { RetryableWrite } from './retryable-write.ts'
import { type Session, SessionRegistry } from './session.ts'
import { aborted, type SessionTransaction, SessionTransactions } from './session-transaction.ts'
import type { Obstacle } from './settled.ts'
import { StatisticsRefresh } from './statistics-refresh.ts'
import { Stride } from './stride.ts'
import type { TransactionFields } from './transaction-fields.ts'
import { Turn } from './turn.ts'
import { dropUnfinishedOutput } from './unfinished-output.ts'
import { UsageByNamespace } from './usage.ts'
import { WriteBlock } from './write-block.ts'

export interface HostFacts {
  readonly hostname: string
  readonly platform: string
  readonly release: string
  readonly architecture: string
  readonly cpuCount: number
  readonly memoryBytes: number
  readonly pid: number
  readonly residentBytes: () => number
  /** That had to wait for a disk. */
  readonly pageFaults: () => number
}

export interface DatabaseOptions {
  /** LauraDB's own version. */
  readonly version: string
  /** The node presents itself as a replica set of one member. */
  readonly replicaSet?: ReplicaSetOptions | undefined
  /** How the server was started, for getCmdLineOpts. */
  readonly arguments?: readonly string[]
  readonly host?: HostFacts
  /** Told of every defect that surfaced in a command; the client gets InternalError. */
  readonly onInternalError?: (error: unknown, command: string) => void
  /** Asked to stop the server by the shutdown command; without it the command is refused. */
  readonly onShutdown?: () => void
  /** Told of slow operations, as the profiler would keep them. */
  readonly onSlowOperation?: (operation: Uint8Array) => void
  /** Asked to begin a new log file. */
  readonly onLogRotate?: () => void
  /** The last lines of the log, for getLog. */
  readonly recentLog?: () => readonly string[]
}

const unknownHost: HostFacts = {
  hostname: 'localhost',
  platform: 'unknown',
  release: '',
  architecture: '',
  cpuCount: 1,
  memoryBytes: 0,
  pid: 0,
  residentBytes: () => 0,
  pageFaults: () => 0,
}

/** How often sessions are looked at. */
const sessionWatchMs = 60_000
const operationIdLimit = 0x7fffffff

/** What an operation knows of the command it runs. */
export interface Command {
  readonly name: string
  /** Read concerns other than local are accepted. */
  readonly readConcern?: boolean
  /** The read concern snapshot is accepted outside of transactions, too. */
  readonly snapshotReads?: boolean
  /** Throws for a read concern that what it asks for cannot be read with; its fields have been read. */
  readonly refuseReadConcern?: (level: ReadLevel) => void
  /** It may carry a transaction number and be sent again under it. */
  readonly retryableWrite?: boolean
  /** It changes data: it takes a write concern and waits for the disk. */
  readonly writeConcern?: boolean
  /** Belongs to the stable API, version 1. */
  readonly stable?: boolean
}

export class Instance {
  readonly engine: Engine
  readonly world: World
  readonly options: DatabaseOptions
  readonly host: HostFacts
  readonly parameters = new Parameters()
  readonly counters = new Counters()
  readonly sessions = new SessionRegistry(() => this.#expireSessionsLater())
  readonly transactions = new SessionTransactions()
  readonly cursors: CursorRegistry
  readonly batches = new BatchPool()
  readonly cappedWaiters = new CappedWaiters()
  readonly changeFeed: ChangeFeed
  readonly defaults: ConcernDefaults
  readonly clusterParameters: ClusterParameters
  readonly writeBlock: WriteBlock
  readonly failCommand: FailPoint<CommandFailure>
  readonly failWrite: FailPoint<WriteFailure>
  readonly fsyncLock = new FsyncLock()
  readonly indexFilters = new IndexFilters()
  readonly querySettings: QuerySettings
  readonly profiler = new Profiler()
  readonly queryStats = new QueryStats()
  readonly statistics: StatisticsRefresh
  readonly detours: Detours
  readonly usage = new UsageByNamespace()
  /** Of operations that take long. */
  readonly share: FairShare
  /** Of callers in this process. */
  readonly turn: Turn
  readonly objectIds: ObjectIdGenerator
  readonly connections = new Set<ConnectionContext>()
  /** Operations that wait for something, by id; one that is answered in its caller's turn is never seen here. */
  readonly operations = new TransientMap<number, Operation>()
  /** undefined: a standalone. */
  readonly replicaSet: ReplicaSet | undefined
  /** This run of the server, for the topologyVersion of hello. */
  readonly processId: Uint8Array
  /** How often what hello says of the node has changed in this run. */
  readonly topologyCounter: number
  readonly startedAtMs: number
  readonly startedMonotonicMs: number
  #sessionWatch: Timer | undefined
  #transactionWatch: Timer | undefined
  #lastOperationId = 0
  #closed = false

  constructor(engine: Engine, world: World, options: DatabaseOptions) {
    this.engine = engine
    this.changeFeed = new ChangeFeed(engine)
    this.world = world
    this.options = options
    this.host = options.host ?? unknownHost
    this.startedAtMs = world.clock.nowMs()
    this.startedMonotonicMs = world.clock.monotonicMs()
    this.parameters.force('minSnapshotHistoryWindowInSeconds', engine.historyWindowMs / 1000)
    this.parameters.onHistoryWindow = (seconds) => engine.keepHistory(seconds * 1000)
    this.share = new FairShare(world.clock)
    this.turn = new Turn(world.clock, this.share)
    this.statistics = new StatisticsRefresh(world.clock, engine, (error) =>
      options.onInternalError?.(error, 'statistics'),
    )
    this.detours = new Detours(world.threads, world.clock)
    this.defaults = new ConcernDefaults(engine)
    this.clusterParameters = new ClusterParameters(engine)
    this.writeBlock = new WriteBlock(engine)
    this.querySettings = new QuerySettings(engine)
    this.failCommand = new FailPoint(world.random)
    this.failWrite = new FailPoint(world.random)
    this.objectIds = new ObjectIdGenerator(world.random, () => world.clock.nowMs())
    this.processId = this.objectIds.next()
    // A member counts: started, recovered, elected.
    this.topologyCounter = options.replicaSet === undefined ? 0 : 6
    this.replicaSet = options.replicaSet === undefined ? undefined : this.#replicaSet(options.replicaSet)
    this.cursors = new CursorRegistry(world.clock, world.random, () => this.parameters.cursorTimeoutMillis)
    dropUnfinishedOutput(engine)
  }

  #replicaSet(options: ReplicaSetOptions): ReplicaSet {
    const { engine } = this
    engine.observeTime(timestampOf(this.nowSeconds(), 1))
    return new ReplicaSet(options, `${this.host.hostname}:27017`, this.objectIds.next(), engine.clusterTime)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  readonly nowSeconds = (): number => Math.floor(this.world.clock.nowMs() / 1000)

  nextOperationId(): number {
    if (this.#closed) throw new DatabaseError('ShutdownInProgress', 'The server is in quiesce mode and will shut down')
    this.#lastOperationId = this.#lastOperationId === operationIdLimit ? 1 : this.#lastOperationId + 1
    return this.#lastOperationId
  }

  /** Interrupts the operations that `matches` says; returns how many. */
  killOperations(matches: (operation: Operation) => boolean, reason: DatabaseError): number {
    let killed = 0
    for (const operation of this.operations.values()) {
      if (!matches(operation)) continue
      operation.kill(reason)
      killed++
    }
    return killed
  }

  transactionBegun(transaction: SessionTransaction): void {
    this.transactions.add(transaction)
    this.#watchTransactions()
  }

  /** A transaction has committed or was aborted: its cursors go with it. */
  transactionEnded(transaction: SessionTransaction): void {
    this.transactions.ended(transaction)
    this.cursors.killWhere((cursor) => cursor.transaction === transaction)
  }

  /** Ends the transaction, and with `reason` the statement that runs in it: what that reads is kept for it no longer. */
  abortTransaction(transaction: SessionTransaction, reason: DatabaseError = aborted(transaction.number)): void {
    transaction.running?.kill(reason)
    transaction.transaction.abort()
    this.transactionEnded(transaction)
  }

  /** While transactions are open, looks now and then whether one has outlived its time. */
  #watchTransactions(): void {
    if (this.#transactionWatch !== undefined || this.#closed) return
    this.#transactionWatch = this.world.clock.setTimer(1000, () => {
      this.#transactionWatch = undefined
      const deadlineMs = this.world.clock.monotonicMs() - this.parameters.transactionLifetimeLimitSeconds * 1000
      for (const transaction of this.transactions.open) {
        if (transaction.startedMs <= deadlineMs || transaction.state !== 'open')
          this.abortTransaction(transaction, lifetimeOver())
      }
      if (this.transactions.open.length > 0) this.#watchTransactions()
    })
  }

  /** Ends a session: its cursors are closed and its operations interrupted, but for `except`. */
  endSession(key: string, except?: Operation): void {
    const transaction = this.sessions.get(key)?.transaction
    this.sessions.end(key)
    const reason = new DatabaseError('Interrupted', 'operation was interrupted because its session was killed')
    if (transaction !== undefined) this.abortTransaction(transaction, reason)
    this.cursors.killWhere((cursor) => cursor.session?.key === key)
    this.killOperations((operation) => operation !== except && operation.session?.key === key, reason)
  }

  /** While there are sessions, looks every minute which of them nobody uses any more. */
  #expireSessionsLater(): void {
    if (this.#sessionWatch !== undefined || this.#closed) return
    this.#sessionWatch = this.world.clock.setTimer(sessionWatchMs, () => {
      this.#sessionWatch = undefined
      for (const session of this.sessions.expire(this.world.clock.monotonicMs())) this.endSession(session.key)
      if (this.sessions.size > 0) this.#expireSessionsLater()
    })
  }

  /** Counts a connection until it closes; its operations are interrupted then. */
  connect(context: ConnectionContext): void {
    this.connections.add(context)
    this.counters.connectionsCreated++
    context.onClose(() => {
      this.connections.delete(context)
      if (this.operations.size === 0) return
      this.killOperations(
        (operation) => operation.context === context && !operation.command.writeConcern,
        new DatabaseError('ClientDisconnect', 'operation was interrupted because a client disconnected'),
      )
    })
  }

  /** Kills what runs and closes the cursors; the engine stays open. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#transactionWatch?.cancel()
    const reason = new DatabaseError('InterruptedAtShutdown', 'interrupted at shutdown')
    for (const transaction of this.transactions.open) this.abortTransaction(transaction, reason)
    this.killOperations(() => true, reason)
    this.cursors.close()
    this.detours.close()
    this.statistics.close()
  }
}

function lifetimeOver(): DatabaseError {
  return new DatabaseError('TransactionExceededLifetimeLimitSeconds', 'operation was interrupted')
}

function timeIsOver(): DatabaseError {
  return new DatabaseError('MaxTimeMSExpired', 'operation exceeded time limit')
}

function emptyAction(): void {
  // There is nothing to stop any more.
}

export class Operation {
  readonly id: number
  readonly instance: Instance
  readonly context: ConnectionContext
  readonly command: Command
  /** `$db`. */
  readonly databaseName: string
  /** The command document for currentOp; undefined for embedded requests. */
  readonly body: Uint8Array | undefined
  readonly startedMs: number
  writeConcern: WriteConcern = defaultWriteConcern
  readConcern: ReadConcern = defaultReadConcern
  session: Session | undefined = undefined
  /** The command's number in its session; undefined: it has none. */
  transaction: TransactionFields | undefined = undefined
  /** Where a retryable write's statements are looked up and recorded. */
  retry: RetryableWrite | undefined = undefined
  /** The open transaction that it is a statement of. */
  statement: SessionTransaction | undefined = undefined
  /** What it reads and changes: the database as it is now, or as its transaction sees it. */
  workspace: Workspace
  /** What the command works on, for currentOp. */
  namespace: string
  /** Of a getMore the command that made the cursor, for currentOp and the profiler. */
  originatingCommand: Uint8Array | undefined = undefined
  /** What a view has was put into a reply of another form, whose `ok` MongoDB writes as a whole number. */
  repliesForView = false
  /** Whoever asked looks at every document that a cursor gives, as an object. */
  wantsObjects = false
  /** Of a query that `$queryStats` will tell of. */
  figures: QueryFigures | undefined = undefined
  yields = 0
  /** It changes the database itself, not a transaction: after a pause that has to be possible. */
  writes: boolean
  isWaitingForLock = false
  /** Time spent waiting because the client asked for it: no part of how long the command took. */
  waitedMs = 0
  /** How far long work has come, for currentOp. */
  progress: { readonly message: string; readonly done: () => number; readonly total: number } | undefined
  /** What its expressions may name, once that has been read. */
  expressions: ExpressionOptions | undefined = undefined
  /** How the statement at work compares strings (see `chooseCollation`); undefined: by their bytes. */
  collation: Collation | undefined = undefined
  #nowMs: number | undefined = undefined
  #sliceStartMs: number
  /** How long it works before it lets others run. */
  #sliceMs: number
  readonly #stride: Stride
  #deadlineMs = Number.POSITIVE_INFINITY
  #killed: DatabaseError | undefined = undefined
  #detour: Detour | undefined = undefined
  #onKill: (() => void) | undefined = undefined

  constructor(
    id: number,
    instance: Instance,
    context: ConnectionContext,
    command: Command,
    databaseName: string,
    body: Uint8Array | undefined,
    nowMs: number,
  ) {
    this.id = id
    this.instance = instance
    this.workspace = instance.engine
    this.context = context
    this.command = command
    this.databaseName = databaseName
    this.body = body
    this.startedMs = nowMs
    // An aggregation says so when it has a stage that does.
    this.writes = command.writeConcern === true && command.name !== 'aggregate'
    this.#sliceStartMs = nowMs
    this.#sliceMs = instance.share.sliceMs
    this.#stride = new Stride(nowMs)
    this.namespace = databaseName
  }

  /** What `$$NOW` is throughout the command, in milliseconds since the epoch. */
  get nowMs(): number {
    this.#nowMs ??= this.instance.world.clock.nowMs()
    return this.#nowMs
  }

  /** `bypassEmptyTsReplacement` of the command. */
  get keepsEmptyTimestamps(): boolean {
    const option = this.body === undefined ? undefined : getField(this.body, 'bypassEmptyTsReplacement')
    return option !== undefined && truthy(option)
  }

  /** `maxTimeMs`: how long the operation may take from its beginning; 0 for no limit. */
  limitTime(maxTimeMs: number): void {
    this.#deadlineMs = maxTimeMs === 0 ? Number.POSITIVE_INFINITY : this.startedMs + maxTimeMs
  }

  get hasDeadline(): boolean {
    return this.#deadlineMs !== Number.POSITIVE_INFINITY
  }

  /** Time left before the deadline, in milliseconds. */
  get remainingMs(): number {
    return this.#deadlineMs - this.instance.world.clock.monotonicMs()
  }

  get killed(): boolean {
    return this.#killed !== undefined
  }

  /** Ends the operation at its next pause. The first reason stays. */
  kill(reason: DatabaseError): void {
    this.#killed ??= reason
    this.#onKill?.()
  }

  /** Called at once when the operation is killed: for one that waits rather than works. */
  whenKilled(action: () => void): void {
    this.#onKill = action
  }

  /** Whether it is time to `pause()`. */
  due(): boolean {
    return this.#isDue(this.instance.world.clock.monotonicMs())
  }

  /** How much may be done before the next call of `passed`. */
  get stride(): number {
    return this.#stride.size
  }

  /** As `due`, to be asked after so many units of work: the clock is looked at when enough of them have been done. */
  passed(units = 1): boolean {
    const stride = this.#stride
    if (!stride.passed(units)) return false
    const nowMs = this.instance.world.clock.monotonicMs()
    const isDue = this.#isDue(nowMs)
    stride.looked(nowMs, isDue)
    return isDue
  }

  #isDue(nowMs: number): boolean {
    return (
      nowMs - this.#sliceStartMs >= this.#sliceMs ||
      nowMs >= this.#deadlineMs ||
      this.#killed !== undefined ||
      this.#detour !== undefined
    )
  }

  /** Throws when the operation was killed or its time is over. */
  check(): void {
    if (this.#killed !== undefined) throw this.#killed
    if (this.#deadlineMs !== Number.POSITIVE_INFINITY && this.instance.world.clock.monotonicMs() >= this.#deadlineMs)
      throw timeIsOver()
  }

  /** Lets other requests run, then goes on with a fresh slice, or throws as `check` does. */
  async pause(): Promise<void> {
    const detour = this.#detour
    if (detour !== undefined) {
      this.#detour = undefined
      return this.detour(detour)
    }
    this.check()
    this.yields++
    const { share, world } = this.instance
    await share.pause(world.clock.monotonicMs() - this.#sliceStartMs)
    if (this.writes && this.statement === undefined) await this.#untilWritable()
    this.#beginSlice()
    this.check()
  }

  #beginSlice(): void {
    this.#sliceStartMs = this.instance.world.clock.monotonicMs()
    this.#sliceMs = this.instance.share.sliceMs
  }

  /** One that is killed meanwhile waits, too: what it has begun may have to be taken back. */
  async #untilWritable(): Promise<void> {
    const { engine } = this.instance
    if (engine.writable === undefined) return
    this.isWaitingForLock = true
    while (engine.writable !== undefined) await engine.writable
    this.isWaitingForLock = false
  }

  /** A write that failed ends the transaction that it is a statement of; false: there is none. */
  failStatement(): boolean {
    if (this.statement === undefined) return false
    this.statement.transaction.abort()
    return true
  }

  /**
   * After a write that met an open transaction's, or is long: resolves when it is worth trying again. Throws the conflict when it is the
   * statement's transaction that does not wait, MaxTimeMSExpired and what else ends an operation.
   */
  async settle(obstacle: Obstacle): Promise<void> {
    if (obstacle instanceof Detour) return this.detour(obstacle)
    this.isWaitingForLock = true
    try {
      await this.#waitOut(obstacle)
    } finally {
      this.isWaitingForLock = false
    }
    // It was others who worked meanwhile.
    this.#beginSlice()
    await this.pause()
  }

  /** The next pause lasts until the work has been done by another thread. */
  takeDetour(detour: Detour): void {
    this.#detour = detour
    this.#stride.end()
  }

  /** What `advance` says; false when it needs something that has to be done elsewhere first: a pause is due. */
  untilDetour(advance: () => boolean): boolean {
    try {
      return advance()
    } catch (error) {
      if (!(error instanceof Detour)) throw error
      this.takeDetour(error)
      return false
    }
  }

  /** Has the work done by another thread, which ends when the operation is killed or its time is over: throws what ended it. */
  async detour({ task, keep }: Detour): Promise<void> {
    this.check()
    const { clock } = this.instance.world
    const errand = this.instance.detours.run(task)
    let isOver = false
    const end = (): void => {
      isOver = true
      errand.cancel()
    }
    const timer = this.hasDeadline ? clock.setTimer(this.remainingMs, end, true) : undefined
    this.whenKilled(errand.cancel)
    try {
      keep(await errand.done)
    } catch (error) {
      this.check()
      throw isOver ? timeIsOver() : error
    } finally {
      timer?.cancel()
      this.whenKilled(emptyAction)
    }
    this.#beginSlice()
    await this.pause()
  }

  async #waitOut(conflict: WriteConflict): Promise<void> {
    const { engine, world } = this.instance
    const { statement } = this
    const { target } = conflict
    if (statement !== undefined) {
      if (target === undefined) throw conflict
      const { transaction } = statement
      if (transaction.canWait(conflict)) await transaction.waitFor(target)
      else if (isOfCatalog(target)) await transaction.waitFor(target, this.#catalogLockTimeoutMs)
      else throw conflict
    } else if (target !== undefined) {
      const timeoutMs = Math.max(1, this.remainingMs)
      try {
        await engine.locks.wait(target, undefined, timeoutMs, world.clock, (withdraw) => this.whenKilled(withdraw))
      } catch (error) {
        // It was killed, or its time is over, which `check` says in the right words.
        if (!(error instanceof DatabaseError) || error.codeName !== 'LockTimeout') throw error
      }
    }
  }

  /** How long a statement of a transaction that does not wait for records does so for a collection or a name. */
  get #catalogLockTimeoutMs(): number {
    const { maxTransactionLockRequestTimeoutMillis: timeoutMs } = this.instance.parameters
    return timeoutMs < 0 ? this.remainingMs : Math.min(timeoutMs, this.remainingMs)
  }

  /** `result`, once the log up to `logIndex` is as durable as the write concern asks. */
  acknowledge<Result>(result: Result, logIndex: LogIndex | undefined): Result | Promise<Result> {
    if (logIndex === undefined || !this.writeConcern.durable) return result
    return this.instance.engine.durable(logIndex).then(() => result)
  }
}
