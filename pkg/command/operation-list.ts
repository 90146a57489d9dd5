/** The operations in progress, as `currentOp` and `$currentOp` tell them. */
import { rawDocument } from '../bson/build.ts'
import { binaryValue, documentFields, getField, timestampValue } from '../bson/value.ts'
import type { ConnectionContext } from './context.ts'
import type { Cursor } from './cursor.ts'
import type { Instance } from './instance.ts'
import type { Operation } from './operation.ts'
import type { SessionTransaction } from './session-transaction.ts'

/** Who is listed besides those at work. */
export interface IdleOnes {
  /** The cursors that wait for their next getMore. */
  readonly cursors: boolean
  /** The connections on which nothing runs. */
  readonly connections: boolean
  /** The transactions between two of their statements. */
  readonly sessions: boolean
}

/** `operation`, which asks, comes first. */
export function operationList(operation: Operation, idle: IdleOnes): Readonly<Record<string, unknown>>[] {
  const { instance } = operation
  const active = [operation, ...instance.operations.values()]
  const shown = active.map(describe)
  if (idle.connections) {
    const busy = new Set(active.map(({ context }) => context))
    for (const context of instance.connections)
      if (!busy.has(context)) shown.push(describeConnection(context, instance, false))
  }
  if (idle.cursors)
    for (const cursor of instance.cursors)
      if (cursor.inUse === undefined) shown.push(describeIdleCursor(cursor, operation))
  if (idle.sessions)
    for (const transaction of instance.transactions.open)
      if (transaction.running === undefined) shown.push(describeIdleTransaction(transaction, operation))
  return shown
}

/** What is told of a connection, whether something runs on it or not. */
function describeConnection(context: ConnectionContext, instance: Instance, active: boolean): Record<string, unknown> {
  return {
    type: 'op',
    host: instance.host.hostname,
    desc: `conn${context.connectionId}`,
    connectionId: context.connectionId,
    client: context.remoteAddress === '' ? undefined : context.remoteAddress,
    appName: context.applicationName,
    clientMetadata: context.clientMetadata === undefined ? undefined : rawDocument(context.clientMetadata),
    active,
    currentOpTime: new Date(instance.world.clock.nowMs()).toISOString(),
  }
}

const longestCommand = 2048

function describe(operation: Operation): Record<string, unknown> {
  const { context, instance } = operation
  const runningMs = instance.world.clock.monotonicMs() - operation.startedMs
  return {
    ...describeConnection(context, instance, true),
    opid: operation.id,
    lsid: operation.session === undefined ? undefined : { id: binaryValue(operation.session.uuid, 4) },
    secs_running: BigInt(Math.floor(runningMs / 1000)),
    microsecs_running: BigInt(Math.round(runningMs * 1000)),
    op: opName(operation.command.name),
    ns: operation.namespace,
    ...shownCommands(operation),
    msg: operation.progress?.message,
    progress:
      operation.progress === undefined
        ? undefined
        : { done: operation.progress.done(), total: operation.progress.total },
    killPending: operation.killed ? true : undefined,
    numYields: operation.yields,
    waitingForLock: operation.isWaitingForLock,
    transaction: operation.statement === undefined ? undefined : describeTransaction(operation.statement, instance),
  }
}

/** A transaction between two of its statements: what it holds is held. */
function describeIdleTransaction(transaction: SessionTransaction, { instance }: Operation): Record<string, unknown> {
  return {
    type: 'idleSession',
    host: instance.host.hostname,
    desc: 'inactive transaction',
    active: false,
    lsid: transaction.session === undefined ? undefined : { id: binaryValue(transaction.session.uuid, 4) },
    transaction: describeTransaction(transaction, instance),
    waitingForLock: false,
  }
}

function describeTransaction(
  { number, startedMs, statementCount, transaction }: SessionTransaction,
  instance: Instance,
): Record<string, unknown> {
  const openMs = instance.world.clock.monotonicMs() - startedMs
  return {
    parameters: { txnNumber: number, autocommit: false },
    id: transaction.id,
    isolation: transaction.options.isolation,
    readTimestamp: timestampValue(transaction.readTimestamp),
    startWallClockTime: new Date(instance.world.clock.nowMs() - openMs).toISOString(),
    timeOpenMicros: BigInt(Math.round(openMs * 1000)),
    expiryTime: new Date(
      instance.world.clock.nowMs() - openMs + instance.parameters.transactionLifetimeLimitSeconds * 1000,
    ).toISOString(),
    statements: statementCount,
    bytesWritten: BigInt(transaction.cost),
    locks: instance.engine.locks.heldCount(transaction),
  }
}

/** The command at work, and of a getMore the one that made the cursor, whose comment is the getMore's if that has none. */
export function shownCommands({ body, originatingCommand }: Operation): Record<string, unknown> {
  if (body === undefined || originatingCommand === undefined) return { command: shownCommand(body) }
  const comment = getField(body, 'comment') === undefined ? getField(originatingCommand, 'comment') : undefined
  const commented = (): Record<string, unknown> =>
    Object.fromEntries([...documentFields(body)].map((field) => [field.name, field]))
  return {
    command: comment === undefined ? shownCommand(body) : { ...commented(), comment },
    originatingCommand: shownCommand(originatingCommand),
  }
}

/** A command as it is shown: the first fields only when it is long, and never the documents of a batch. */
export function shownCommand(body: Uint8Array | undefined): unknown {
  if (body === undefined) return {}
  return body.length <= longestCommand ? rawDocument(body) : { $truncated: `a command of ${body.length} bytes` }
}

function describeIdleCursor(cursor: Cursor, operation: Operation): Record<string, unknown> {
  const { clock } = operation.instance.world
  const wallMs = clock.nowMs() - clock.monotonicMs()
  return {
    type: 'idleCursor',
    host: operation.instance.host.hostname,
    connectionId: cursor.connectionId,
    ns: cursor.namespace,
    lsid: cursor.session === undefined ? undefined : { id: binaryValue(cursor.session.uuid, 4) },
    cursor: {
      cursorId: cursor.id,
      createdDate: new Date(wallMs + cursor.createdMs),
      lastAccessDate: new Date(wallMs + cursor.lastUseMs),
      nDocsReturned: BigInt(cursor.returned),
      nBatchesReturned: BigInt(cursor.batches),
      noCursorTimeout: cursor.noTimeout,
      tailable: cursor.tail !== undefined,
      awaitData: cursor.tail?.awaitData === true,
      originatingCommand: shownCommand(cursor.originatingCommand),
    },
  }
}

const opNames: Readonly<Record<string, string>> = {
  insert: 'insert',
  update: 'update',
  delete: 'remove',
  find: 'query',
  getMore: 'getmore',
}

export function opName(command: string): string {
  return Object.hasOwn(opNames, command) ? opNames[command]! : 'command'
}
