/** What all commands of one database share, and the operations in progress on it. */
import { DatabaseError } from '../base/errors.ts'
import { timestampOf } from '../base/timestamp.ts'
import { TransientMap } from '../base/transient-map.ts'
import { ObjectIdGenerator } from '../bson/objectid.ts'
import { ChangeFeed } from '../change/change-feed.ts'
import type { Engine } from '../engine/engine.ts'
import type { Timer } from '../io/clock.ts'
import type { World } from '../io/world.ts'
import { BatchPool } from './batch.ts'
import { CappedWaiters } from './capped.ts'
import { ClusterParameters } from './cluster-parameters.ts'
import { ConcernDefaults } from './concern-defaults.ts'
import type { ConnectionContext } from './context.ts'
import { Counters } from './counters.ts'
import { CursorRegistry } from './cursor.ts'
import { Detours } from './detours.ts'
import { type CommandFailure, FailPoint, type WriteFailure } from './fail-points.ts'
import { FairShare } from './fair-share.ts'
import { FsyncLock } from './fsync-lock.ts'
import { IndexFilters } from './index-filters.ts'
import type { Operation } from './operation.ts'
import { Parameters } from './parameters.ts'
import { Profiler } from './profiler.ts'
import { QuerySettings } from './query-settings.ts'
import { QueryStats } from './query-stats.ts'
import { ReplicaSet, type ReplicaSetOptions } from './replica-set.ts'
import { SessionRegistry } from './session.ts'
import { aborted, type SessionTransaction, SessionTransactions } from './session-transaction.ts'
import { StatisticsRefresh } from './statistics-refresh.ts'
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
    this.parameters.showVacuum(engine.vacuumSettings)
    this.parameters.onVacuum = (change) => engine.tuneVacuum(change)
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
