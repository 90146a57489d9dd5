/**
 * The only way to a command: every door and the embedded API come through here.
 *
 *   door:      bytes ── dispatch ── read fields ── parse ── run ── reply ── bytes
 *   embedded:                     a request  ── execute ── run ── a result
 *
 * Nothing is waited for unless a command must wait: what can be answered at once is answered in the caller's turn.
 */
import { AssertionError } from '../base/assert.ts'
import { DatabaseError } from '../base/errors.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { writeField } from '../bson/build.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, readString } from '../bson/value.ts'
import type { BsonWriter } from '../bson/writer.ts'
import type { Engine } from '../engine/engine.ts'
import type { World } from '../io/world.ts'
import { isCatalogConflict, type WriteConflict } from '../mvcc/write-conflict.ts'
import { Batch } from './batch.ts'
import { writeClusterTime } from './cluster-time.ts'
import { type ReadConcern, readsDurably } from './concern.ts'
import type { ConnectionContext } from './context.ts'
import type { AnyDefinition, Definition, Sequences } from './definition.ts'
import { labelsOf, writeConcernLabels } from './error-labels.ts'
import { databaseErrorOf, writeErrorFields } from './error-reply.ts'
import { type CommandFailure, failsAtOnce, isMeantFor } from './fail-points.ts'
import { applyGenericFields, generic } from './generic.ts'
import { restartIndexBuilds } from './index-building.ts'
import { type DatabaseOptions, Instance } from './instance.ts'
import { checkDatabaseName } from './namespace.ts'
import { Operation } from './operation.ts'
import { ReplyBuffer } from './reply-buffer.ts'
import { retryableWrite } from './retryable-write.ts'
import type { Session } from './session.ts'
import { endsTransaction, enterTransaction, leaveTransaction } from './session-transaction.ts'
import { begunAgain } from './settled.ts'
import { commandOf } from './table.ts'
import type { TransactionFields } from './transaction-fields.ts'

export interface CommandMessage {
  /** The whole command document with `$db`, validated. */
  readonly body: Uint8Array
  /** OP_MSG kind 1 sections by identifier: documents as subarrays, validated. */
  readonly sequences: Sequences
  readonly replyExpected: boolean
}

export class Database extends Instance {
  readonly #replies = new ReplyBuffer()
  /** Resolves when the indexes are built whose build the end of the last process cut off. */
  readonly indexBuilds: Promise<void>

  constructor(engine: Engine, world: World, options: DatabaseOptions) {
    super(engine, world, options)
    this.indexBuilds = restartIndexBuilds(this).catch((error: unknown) =>
      options.onInternalError?.(error, 'createIndexes'),
    )
  }

  /**
   * Runs the command that `message` holds and returns its reply: at once when nothing had to be waited for. A failed
   * command is a reply, too; a rejected promise is a defect.
   */
  dispatch(
    context: ConnectionContext,
    message: CommandMessage,
    setUp?: (operation: Operation) => void,
  ): Uint8Array | Promise<Uint8Array> {
    const { body } = message
    let definition: AnyDefinition | undefined
    let operation: Operation | undefined
    try {
      definition = commandOf(body)
      this.counters.requests++
      const { fields } = definition
      fields.read(body, 0)
      if (!fields.has(generic.$db)) throw new DatabaseError(40571, 'OP_MSG requests require a $db argument')
      const databaseName = readString(body, fields.start(generic.$db))
      checkDatabaseName(databaseName)
      operation = this.#begin(context, definition, databaseName, body)
      applyGenericFields(operation, fields)
      const { internalQueryStatsRateLimit } = this.parameters
      if (internalQueryStatsRateLimit !== 0)
        operation.figures = this.queryStats.begin(operation, internalQueryStatsRateLimit)
      if (setUp !== undefined) setUp(operation)
      const failure = this.failCommand.isOn ? this.#failureOf(operation, definition, body) : undefined
      if (failure !== undefined && failsAtOnce(failure)) return this.#failOnRequest(operation, definition, failure)
      const request = definition.parse(databaseName, message.sequences)
      fields.forget()
      if (!this.querySettings.isEmpty) this.querySettings.admit(databaseName, body)
      const reading = definition.readRest?.(operation, request)
      if (failure !== undefined) return this.#runAndFail(operation, definition, request, failure, reading)
      if (reading instanceof Promise) return this.#replyAfter(operation, definition, request, reading)
      const result = this.#run(operation, definition, request)
      if (result instanceof Promise) return this.#replyLater(operation, definition, result)
      this.#account(definition, operation, result)
      return this.#whenReadable(operation, this.#reply(operation, definition, result))
    } catch (error) {
      return this.#failure(definition, operation, error)
    }
  }

  /**
   * Runs a command from a request that was built in this process. Throws, or rejects with, a DatabaseError.
   * The result of a cursor command is a `Batch`: give it back to `batches` once its documents were taken.
   */
  execute<Request, Result>(
    context: ConnectionContext,
    definition: Definition<Request, Result>,
    databaseName: string,
    request: Request,
    setUp?: (operation: Operation) => void,
  ): Result | Promise<Result> {
    const erased = definition as AnyDefinition
    const operation = this.#begin(context, erased, databaseName, undefined)
    if (setUp !== undefined) setUp(operation)
    try {
      const result = this.#run(operation, erased, request) as Result | Promise<Result>
      if (result instanceof Promise) return this.#awaited(operation, erased, result)
      this.#account(erased, operation, result)
      return result
    } catch (error) {
      throw this.#counted(erased, error)
    }
  }

  #begin(
    context: ConnectionContext,
    definition: AnyDefinition,
    databaseName: string,
    body: Uint8Array | undefined,
  ): Operation {
    if (definition.adminOnly === true && databaseName !== 'admin')
      throw new DatabaseError('Unauthorized', `${definition.name} may only be run against the admin database.`)
    return new Operation(
      this.nextOperationId(),
      this,
      context,
      definition,
      databaseName,
      body,
      this.world.clock.monotonicMs(),
    )
  }

  #run(operation: Operation, definition: AnyDefinition, request: unknown): unknown {
    if (operation.writes && !endsTransaction(definition.name))
      this.writeBlock.refuse(operation.databaseName, definition.name)
    if (operation.transaction !== undefined)
      return this.#runInSession(operation, operation.transaction, definition, request)
    if (operation.statement !== undefined) return this.#runJoined(operation, definition, request)
    return this.#runFreely(operation, definition, request)
  }

  /** Runs a command that has a number in its session: alone among those. */
  #runInSession(
    operation: Operation,
    { txnNumber, statement }: TransactionFields,
    definition: AnyDefinition,
    request: unknown,
  ): unknown {
    const session = operation.session!
    const run = (): unknown => {
      if (statement !== undefined) return this.#runStatement(operation, session, definition, request)
      operation.retry = retryableWrite(operation, session, txnNumber)
      return this.#runFreely(operation, definition, request)
    }
    const giveBack = (): void => {
      session.checkIn()
      if (session.endsLater) this.sessions.end(session.key)
    }
    const waiting = session.checkOut(operation)
    const runAndGiveBack = (): unknown => {
      let result: unknown
      try {
        result = run()
      } catch (error) {
        giveBack()
        throw error
      }
      if (result instanceof Promise) return result.finally(giveBack)
      giveBack()
      return result
    }
    // One that is killed while it waits never had the session: it is not its to give back.
    return waiting === undefined ? runAndGiveBack() : waiting.then(runAndGiveBack)
  }

  #runStatement(operation: Operation, session: Session, definition: AnyDefinition, request: unknown): unknown {
    // What ends a transaction is no part of it.
    if (endsTransaction(definition.name)) return this.#runFreely(operation, definition, request)
    enterTransaction(operation, session)
    return this.#runJoined(operation, definition, request)
  }

  /** A statement of a transaction: when it fails, the transaction is aborted. */
  #runJoined(operation: Operation, definition: AnyDefinition, request: unknown): unknown {
    let result: unknown
    try {
      result = this.#runOnceFree(operation, definition, request)
    } catch (error) {
      leaveTransaction(operation, true)
      throw error
    }
    if (result instanceof Promise || operation.statement!.transaction.owesEntries)
      return this.#leaveAfter(operation, result)
    leaveTransaction(operation, false)
    return result
  }

  async #leaveAfter(operation: Operation, running: unknown): Promise<unknown> {
    try {
      const result = await running
      await operation.statement!.transaction.entriesWritten
      leaveTransaction(operation, false)
      return result
    } catch (error) {
      leaveTransaction(operation, true)
      throw error
    }
  }

  /** A statement waits for a collection or a name that others have, unless it has written by then. */
  #runOnceFree(operation: Operation, definition: AnyDefinition, request: unknown): unknown {
    const { transaction } = operation.statement!
    const writtenBefore = transaction.cost
    const run = (): unknown => definition.run(operation, request)
    const mayRunAgain = (error: WriteConflict): boolean =>
      transaction.cost === writtenBefore && (isCatalogConflict(error) || transaction.readLocks !== undefined)
    return begunAgain(operation, run, mayRunAgain)
  }

  /** A change of a collection's definition waits for the transactions that use it. */
  #runFreely(operation: Operation, definition: AnyDefinition, request: unknown): unknown {
    return begunAgain(operation, () => {
      if (operation.readConcern.level === 'snapshot')
        operation.workspace = this.engine.asOf(this.#snapshotTime(operation.readConcern))
      return this.#runNow(operation, definition, request)
    })
  }

  /** The moment at which a command with this read concern reads: the one it names, or now. */
  #snapshotTime({ at, after }: ReadConcern): Timestamp {
    if (at !== undefined) return at
    const { lastTimestamp } = this.engine
    const now = this.replicaSet?.lastPosition(lastTimestamp) ?? lastTimestamp
    return after !== undefined && after > now ? after : now
  }

  #runNow(operation: Operation, definition: AnyDefinition, request: unknown): unknown {
    if (definition.writeConcern !== true || !this.fsyncLock.held) return definition.run(operation, request)
    if (definition.changesNothing?.(operation) === true) return definition.run(operation, request)
    return this.fsyncLock.released(operation).then(() => definition.run(operation, request))
  }

  #failureOf(operation: Operation, definition: AnyDefinition, body: Uint8Array): CommandFailure | undefined {
    const { context, databaseName } = operation
    const namespace = (): string => {
      const [first] = documentFields(body)
      return first?.type === bsonType.string ? `${databaseName}.${readString(first.bytes, first.start)}` : databaseName
    }
    return this.failCommand.hit((failure) => isMeantFor(failure, definition.name, context.applicationName, namespace))
  }

  async #failOnRequest(operation: Operation, definition: AnyDefinition, failure: CommandFailure): Promise<Uint8Array> {
    if (failure.blockMs > 0) await this.#sleep(operation, failure.blockMs)
    if (failure.closesConnection) operation.context.drop?.()
    const { errorCode = 'InternalError', errorLabels } = failure
    return this.#failure(
      definition,
      operation,
      new DatabaseError(errorCode, `Failing command via 'failCommand' failpoint`, {}, errorLabels ?? []),
      errorLabels === undefined ? 'count' : 'as it is',
    )
  }

  /** Carries the command out, after the time it must wait, and tells of a write concern that was not met. */
  async #runAndFail(
    operation: Operation,
    definition: AnyDefinition,
    request: unknown,
    failure: CommandFailure,
    reading: void | Promise<void>,
  ): Promise<Uint8Array> {
    try {
      await reading
      if (failure.blockMs > 0) await this.#sleep(operation, failure.blockMs)
      const result = await this.#awaited(
        operation,
        definition,
        Promise.resolve(this.#run(operation, definition, request)),
      )
      return await this.#whenReadable(operation, this.#reply(operation, definition, result, failure))
    } catch (error) {
      return this.#failure(definition, operation, error, error instanceof DatabaseError ? 'counted' : 'count')
    }
  }

  #sleep(operation: Operation, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.world.clock.setTimer(ms, resolve)
      operation.whenKilled(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #reply(operation: Operation, definition: AnyDefinition, result: unknown, failure?: CommandFailure): Uint8Array {
    const writer = this.#replies.begin()
    writer.beginDocument()
    if (operation.readConcern.level === 'snapshot' && operation.statement === undefined)
      this.#replyOfSnapshot(operation, definition, result, writer)
    else definition.reply(result, writer)
    if (failure?.writeConcernError !== undefined) {
      writer.document('writeConcernError', failure.writeConcernError)
      const labels = failure.errorLabels ?? writeConcernLabels(failure.writeConcernError, operation)
      if (labels.length > 0) writeField(writer, 'errorLabels', labels)
    } else if (operation.writeConcern.unmet !== undefined) {
      writeField(writer, 'writeConcernError', operation.writeConcern.unmet)
    }
    if (operation.repliesForView) writer.int32('ok', 1)
    else writer.double('ok', 1)
    if (this.replicaSet !== undefined)
      writeClusterTime(writer, this.engine, this.replicaSet, operation.readConcern.after)
    writer.end()
    return this.#replies.take()
  }

  /** Tells the moment that was read at, too: in the cursor, or beside what is none. */
  #replyOfSnapshot(operation: Operation, definition: AnyDefinition, result: unknown, writer: BsonWriter): void {
    const at = operation.workspace.lastTimestamp
    if (result instanceof Batch) result.atClusterTime = at
    definition.reply(result, writer)
    if (!(result instanceof Batch)) writer.timestamp('atClusterTime', at)
  }

  /** The reply, once what was read for it is as durable as the read concern asks. */
  #whenReadable(operation: Operation, reply: Uint8Array): Uint8Array | Promise<Uint8Array> {
    // A transaction's commit waits for what it has read, too.
    if (!readsDurably(operation.readConcern) || operation.statement !== undefined) return reply
    const { lastIndex, durableIndex } = this.engine
    if (durableIndex >= lastIndex) return reply
    return this.engine.durable(lastIndex).then(
      () => reply,
      (error: unknown) => this.#failure(undefined, operation, error),
    )
  }

  /** Runs a command of which the rest is still being read. */
  #replyAfter(
    operation: Operation,
    definition: AnyDefinition,
    request: unknown,
    reading: Promise<void>,
  ): Promise<Uint8Array> {
    const running = reading.then(() => this.#run(operation, definition, request))
    return this.#replyLater(operation, definition, running)
  }

  async #replyLater(operation: Operation, definition: AnyDefinition, running: Promise<unknown>): Promise<Uint8Array> {
    try {
      const result = await this.#awaited(operation, definition, running)
      return await this.#whenReadable(operation, this.#reply(operation, definition, result))
    } catch (error) {
      return this.#failure(definition, operation, error, 'counted')
    }
  }

  /** Not an async function: of those who wait for one sync, each would take several turns of the microtask queue. */
  #awaited<Result>(operation: Operation, definition: AnyDefinition, running: Promise<Result>): Promise<Result> {
    this.operations.set(operation.id, operation)
    return running.then(
      (result) => {
        this.operations.delete(operation.id)
        this.#account(definition, operation, result)
        return result
      },
      (error: unknown) => {
        this.operations.delete(operation.id)
        throw this.#counted(definition, error)
      },
    )
  }

  #account(definition: AnyDefinition, operation: Operation, result: unknown): void {
    const ms = this.world.clock.monotonicMs() - operation.startedMs - operation.waitedMs
    this.counters.finished(definition.name, definition.kind, ms)
    if (operation.namespace !== operation.databaseName)
      this.usage.record(operation.namespace, definition.name, definition.kind, ms)
    this.profiler.finished(operation, ms)
    if (operation.figures !== undefined) this.queryStats.replied(operation, operation.figures, result, ms)
  }

  /** Counts a failure, and tells of it when it is a defect. */
  #counted(definition: AnyDefinition | undefined, error: unknown): DatabaseError {
    if (definition !== undefined) this.counters.failed(definition.name)
    const known = databaseErrorOf(error)
    if (known !== undefined) {
      this.counters.userErrors++
      return known
    }
    this.counters.internalErrors++
    this.options.onInternalError?.(error, definition?.name ?? '')
    const what = error instanceof Error ? error.message : String(error)
    const kind = error instanceof AssertionError ? 'invariant does not hold' : 'internal error'
    return new DatabaseError('InternalError', `${kind}: ${what}`)
  }

  /** The reply that tells of an error. `how`: whether it has been counted, and whether its labels are said already. */
  #failure(
    definition: AnyDefinition | undefined,
    operation: Operation | undefined,
    error: unknown,
    how: 'count' | 'counted' | 'as it is' = 'count',
  ): Uint8Array {
    const known = how === 'counted' ? (error as DatabaseError) : this.#counted(definition, error)
    const writer = this.#replies.begin()
    writer.beginDocument()
    writeErrorFields(writer, known, how === 'as it is' ? known.labels : labelsOf(known, operation))
    if (this.replicaSet !== undefined) writeClusterTime(writer, this.engine, this.replicaSet, undefined)
    writer.end()
    return this.#replies.take()
  }
}
