import { writeFields } from '../../bson/build.ts'
import { documentFields, doubleValue, int64Value, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { type Definition, defineCommand } from '../definition.ts'
import { anyType, commandFields, genericFields } from '../fields.ts'
import type { Instance } from '../instance.ts'
import type { Operation } from '../operation.ts'
import { truthyAt } from '../truth.ts'
import { mongoVersion } from '../version.ts'
import { memberFields } from './hello.ts'

const fields = commandFields('serverStatus', { serverStatus: { type: anyType } }, { strict: false })

/** Sections by name, as they were asked for or not. */
type Sections = ReadonlyMap<string, boolean>

type Section = Readonly<Record<string, unknown>>

/** Figures of the running server. */
export const serverStatus: Definition<Sections, Section> = defineCommand({
  name: 'serverStatus',
  help: 'figures of the running server',
  kind: 'commands',
  fields,
  parse: (): Sections => {
    const sections = new Map<string, boolean>()
    for (const { name, type, bytes, start } of documentFields(fields.bytes)) {
      if (name === 'serverStatus' || Object.hasOwn(genericFields, name)) continue
      sections.set(name, truthyAt(type, bytes, start))
    }
    return sections
  },
  run: (operation: Operation, sections: Sections): Section => {
    const { instance } = operation
    const status: Record<string, unknown> = header(instance)
    const all = sections.get('all') === true
    for (const [name, section] of Object.entries(builders)) {
      if (sections.get(name) ?? (all || !hiddenSections.has(name))) status[name] = section(instance)
    }
    const { replicaSet } = instance
    if (replicaSet !== undefined && sections.get('repl') !== false)
      status['repl'] = memberFields(instance, replicaSet, operation.context, 'isWritablePrimary')
    return status
  },
  reply: (status: Section, writer: BsonWriter) => writeFields(writer, status),
})

/** Shown only when asked for. */
const hiddenSections: ReadonlySet<string> = new Set(['mirroredReads'])

function long(n: number): Value {
  return int64Value(Math.round(n))
}

function header(instance: Instance): Record<string, unknown> {
  const uptimeMs = instance.world.clock.monotonicMs() - instance.startedMonotonicMs
  return {
    host: instance.host.hostname,
    version: mongoVersion,
    process: 'laura',
    service: ['laura'],
    pid: long(instance.host.pid),
    uptime: doubleValue(uptimeMs / 1000),
    uptimeMillis: long(uptimeMs),
    uptimeEstimate: long(uptimeMs / 1000),
    localTime: new Date(instance.world.clock.nowMs()),
  }
}

const builders: Readonly<Record<string, (instance: Instance) => unknown>> = {
  asserts: ({ counters }) => ({
    regular: counters.internalErrors,
    warning: 0,
    msg: 0,
    user: counters.userErrors,
    tripwire: 0,
    rollovers: 0,
  }),
  catalogStats: (instance) => ({
    collections: collectionCount(instance),
    capped: 0,
    clustered: 0,
    timeseries: 0,
    views: 0,
    internalCollections: 0,
    internalViews: 0,
  }),
  connections: (instance) => ({
    current: instance.connections.size,
    available: Math.max(0, connectionsMax - instance.connections.size),
    totalCreated: instance.counters.connectionsCreated,
    rejected: 0,
    active: new Set([...instance.operations.values()].map((operation) => operation.context)).size,
    threaded: 0,
  }),
  extra_info: ({ host }) => ({ note: 'fields vary by platform', page_faults: long(host.pageFaults()) }),
  globalLock: (instance) => ({
    totalTime: long((instance.world.clock.monotonicMs() - instance.startedMonotonicMs) * 1000),
    currentQueue: { total: 0, readers: 0, writers: 0 },
    activeClients: {
      total: instance.operations.size,
      readers: countKind(instance, 'reads'),
      writers: countKind(instance, 'writes'),
    },
  }),
  locks: () => ({}),
  logicalSessionRecordCache: (instance) => ({ activeSessionsCount: instance.sessions.size }),
  mem: (instance) => {
    const megabytes = Math.round(instance.host.residentBytes() / 1048576)
    return { bits: 64, resident: megabytes, virtual: megabytes, supported: true }
  },
  metrics: (instance) => {
    const cursors = instance.cursors.counts()
    const { counters } = instance
    return {
      commands: Object.fromEntries(
        [...counters.commands].map(([name, { total, failed }]) => [name, { failed: long(failed), total: long(total) }]),
      ),
      cursor: {
        timedOut: long(cursors.timedOut),
        totalOpened: long(cursors.totalOpened),
        open: { noTimeout: long(cursors.noTimeout), pinned: long(cursors.pinned), total: long(cursors.open) },
      },
      document: {
        deleted: long(counters.deleted),
        inserted: long(counters.inserted),
        returned: long(counters.returned),
        updated: long(counters.updated),
      },
    }
  },
  mirroredReads: () => ({ seen: long(0), sent: long(0) }),
  network: ({ counters }) => ({
    bytesIn: long(counters.bytesIn),
    bytesOut: long(counters.bytesOut),
    physicalBytesIn: long(counters.bytesIn),
    physicalBytesOut: long(counters.bytesOut),
    numRequests: long(counters.requests),
  }),
  opLatencies: ({ counters }) =>
    Object.fromEntries(
      Object.entries(counters.latencies).map(([kind, { operations, ms }]) => [
        kind,
        { latency: long(ms * 1000), ops: long(operations) },
      ]),
    ),
  opcounters: ({ counters }) => ({
    insert: long(counters.insert),
    query: long(counters.query),
    update: long(counters.update),
    delete: long(counters.delete),
    getmore: long(counters.getmore),
    command: long(counters.latencies.commands.operations),
  }),
  opcountersRepl: () => ({
    insert: long(0),
    query: long(0),
    update: long(0),
    delete: long(0),
    getmore: long(0),
    command: long(0),
  }),
  storageEngine: () => ({
    name: 'lauradb',
    supportsCommittedReads: true,
    readOnly: false,
    persistent: true,
    backupCursorOpen: false,
  }),
  transactions: ({ transactions }) => {
    const { open } = transactions
    const active = open.filter(({ running }) => running !== undefined).length
    return {
      retriedCommandsCount: long(0),
      currentActive: long(active),
      currentInactive: long(open.length - active),
      currentOpen: long(open.length),
      totalStarted: long(transactions.startedCount),
      totalCommitted: long(transactions.committedCount),
      totalAborted: long(transactions.abortedCount),
    }
  },
  lauradb: (instance) => ({ version: instance.options.version, engine: longs(instance.engine.statistics()) }),
}

const connectionsMax = 1_000_000

/** Every number of a flat structure as a long. */
function longs(figures: object): Section {
  return Object.fromEntries(
    Object.entries(figures).map(([name, figure]) => [name, typeof figure === 'number' ? long(figure) : figure]),
  )
}

function countKind(instance: Instance, kind: 'reads' | 'writes'): number {
  let count = 0
  for (const operation of instance.operations.values())
    if ((operation.command.writeConcern === true) === (kind === 'writes')) count++
  return count
}

function collectionCount({ engine }: Instance): number {
  return engine.databases().reduce((count, database) => count + engine.collections(database).length, 0)
}
