/**
 * An operation is one command in progress: who asked, how long it may take, whether somebody killed it. Work that may
 * take long calls `due()` every some dozen steps and, when it says so, awaits `pause()`: other requests run, and a
 * killed or overdue operation ends there with the error that tells why.
 */
import { Detour } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex } from '../base/ids.ts'
import { getField, truthy } from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import type { Workspace } from '../engine/workspace.ts'
import type { BegunLet } from '../expression/command-let.ts'
import { isCatalogConflict, WriteConflict } from '../mvcc/write-conflict.ts'
import type { ExpressionOptions } from '../query/filter/operator.ts'
import { type SetInMaking, SetIsDue } from '../query/filter/value-sets.ts'
import {
  defaultReadConcern,
  defaultWriteConcern,
  type ReadConcern,
  type ReadLevel,
  type WriteConcern,
} from './concern.ts'
import type { ConnectionContext } from './context.ts'
import type { Instance } from './instance.ts'
import type { QueryFigures } from './query-stats.ts'
import type { RetryableWrite } from './retryable-write.ts'
import type { Session } from './session.ts'
import type { SessionTransaction } from './session-transaction.ts'
import type { Obstacle } from './settled.ts'
import { Stride } from './stride.ts'
import type { TransactionFields } from './transaction-fields.ts'

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
  /** The variables of its `let`; undefined: it has none, or none was asked for. */
  begunLet: BegunLet | undefined = undefined
  /** Of its filters, those that take long. */
  sets: SetInMaking[] | undefined = undefined
  /** It, or a part of it, was begun before and had to wait. */
  isAgain = false
  /** Nothing has begun that would be done twice. */
  mayBeginAgain = true
  /** How the statement at work compares strings (see `chooseCollation`); undefined: by their bytes. */
  collation: Collation | undefined = undefined
  #nowMs: number | undefined = undefined
  #sliceStartMs: number
  /** How long it works before it lets others run. */
  #sliceMs: number
  readonly #stride: Stride
  #deadlineMs = Number.POSITIVE_INFINITY
  #killed: DatabaseError | undefined = undefined
  /** What it has come to and cannot go on before. */
  #obstacle: Obstacle | undefined = undefined
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

  /** An aggregation writes what it finds while it goes on finding. */
  beginWriting(): void {
    this.writes = true
    this.mayBeginAgain = false
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
      this.#obstacle !== undefined
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
    const obstacle = this.#obstacle
    if (obstacle !== undefined) {
      this.#obstacle = undefined
      return this.settle(obstacle)
    }
    this.check()
    this.yields++
    await this.statement?.transaction.entriesWritten
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

  /** Does `write`, which takes back what the operation has begun, now or as soon as others let it: whether or not it was killed. */
  async takeBack(write: () => void): Promise<void> {
    const { engine, world } = this.instance
    for (;;) {
      try {
        write()
        return
      } catch (error) {
        if (!(error instanceof WriteConflict) || error.target === undefined) throw error
        await engine.locks.wait(error.target, undefined, Number.POSITIVE_INFINITY, world.clock)
        await this.#untilWritable()
      }
    }
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
    if (obstacle instanceof SetIsDue) return this.#make(obstacle.set)
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

  /** Makes the set in slices, and keeps it. */
  async #make(set: SetInMaking): Promise<void> {
    while (!set.advance(this.stride)) if (this.passed(this.stride)) await this.pause()
    this.sets = [...(this.sets ?? []), set]
  }

  /** A pause is due, which lasts as `settle` does. */
  stopAt(obstacle: Obstacle): void {
    this.#obstacle = obstacle
    this.#stride.end()
  }

  /** What `advance` says; false when it needs something that has to be done elsewhere first: a pause is due. */
  untilDetour(advance: () => boolean): boolean {
    try {
      return advance()
    } catch (error) {
      if (!(error instanceof Detour)) throw error
      this.stopAt(error)
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

  /** Until what is in the way is gone, for a statement as long as its transaction waits. */
  async #waitOut(conflict: WriteConflict): Promise<void> {
    const { engine, world } = this.instance
    const { statement } = this
    const { target } = conflict
    if (statement === undefined) {
      if (target === undefined) return
      await this.locked(Number.POSITIVE_INFINITY, (timeoutMs, onWaiting) =>
        engine.locks.wait(target, undefined, timeoutMs, world.clock, onWaiting),
      )
      return
    }
    if (target === undefined) throw conflict
    await this.locked(this.#lockTimeoutMs(statement, conflict), (timeoutMs, onWaiting) =>
      statement.transaction.waitFor(target, timeoutMs, onWaiting),
    )
  }

  /**
   * Until `wait` is over, which may take `timeoutMs` for a lock. A kill, and the operation's own time limit, end that: throws what they throw, or
   * the LockTimeout of `wait`.
   */
  async locked<Result>(
    lockTimeoutMs: number,
    wait: (timeoutMs: number, onWaiting: (withdraw: () => void) => void) => Promise<Result>,
  ): Promise<Result> {
    this.check()
    const remainingMs = Math.max(1, this.remainingMs)
    try {
      return await wait(Math.min(lockTimeoutMs, remainingMs), (withdraw) => this.whenKilled(withdraw))
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.codeName !== 'LockTimeout') throw error
      this.check()
      throw remainingMs <= lockTimeoutMs ? timeIsOver() : error
    } finally {
      this.whenKilled(emptyAction)
    }
  }

  /** How long the statement waits for what is in its way; throws the conflict when it does not wait for that. */
  #lockTimeoutMs({ transaction }: SessionTransaction, conflict: WriteConflict): number {
    if (transaction.canWait(conflict)) return transaction.options.lockTimeoutMs
    if (!isCatalogConflict(conflict)) throw conflict
    const { maxTransactionLockRequestTimeoutMillis: timeoutMs } = this.instance.parameters
    return timeoutMs < 0 ? Number.POSITIVE_INFINITY : timeoutMs
  }

  /** `result`, once the log up to `logIndex` is as durable as the write concern asks. */
  acknowledge<Result>(result: Result, logIndex: LogIndex | undefined): Result | Promise<Result> {
    if (logIndex === undefined) return result
    const { engine } = this.instance
    if (!this.writeConcern.durable) return engine.seen(logIndex)?.then(() => result) ?? result
    return engine.durable(logIndex).then(() => result)
  }
}

function timeIsOver(): DatabaseError {
  return new DatabaseError('MaxTimeMSExpired', 'operation exceeded time limit')
}

function emptyAction(): void {
  // There is nothing to stop any more.
}
