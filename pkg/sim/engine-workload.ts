/**
 * A random workload on one engine, with its model beside it: documents inserted, replaced and removed, collections and indexes
 * made, renamed and dropped, checkpoints, vacuum and open snapshots, some writes waited for and some not; and transactions open
 * beside all that, which are there whole or not at all.
 */
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex, RecordId } from '../base/ids.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import type { Collection } from '../engine/collection.ts'
import { Engine } from '../engine/engine.ts'
import type { IndexBuild } from '../engine/index-build.ts'
import type { EngineOptions } from '../engine/options.ts'
import type { Transaction } from '../engine/transaction.ts'
import type { Workspace } from '../engine/workspace.ts'
import type { WriteUnit } from '../engine/write-unit.ts'
import type { Snapshot } from '../mvcc/snapshots.ts'
import { compileIndexFilter } from '../query/index-filter.ts'
import { difference, type Model, type ModelState } from './model.ts'
import type { SeededRandom } from './random.ts'
import type { SimulatedWorld } from './world.ts'

/** Everything small, so that a short run splits pages, evicts, changes segments and checkpoints often. */
export const smallEngine: Partial<EngineOptions> = {
  cacheSizeBytes: 256 * 1024,
  pageSizeBytes: 4096,
  logSegmentBytes: 16 * 1024,
  logWindowBytes: 1024,
  transactionMemoryBytes: 1500,
  commitSliceOperations: 2,
  checkpointLogBytes: 12 * 1024,
  checkpointIntervalMs: 40,
  vacuumIntervalMs: 10,
  vacuumEntries: 5,
  vacuumRestMs: 20,
  compileFilter: compileIndexFilter,
}

/** What may come of a build when others write and drop. */
const buildFailures: ReadonlySet<string> = new Set([
  'WriteConflict',
  'DuplicateKey',
  'OutOfDiskSpace',
  'NamespaceNotFound',
  'IndexBuildAborted',
])

/** What may come of a write beside others. */
const writeFailures: ReadonlySet<string> = new Set([
  'DuplicateKey',
  'OutOfDiskSpace',
  'WriteConflict',
  'SnapshotUnavailable',
])

type Change = (state: Map<string, Map<string, string>>) => void

interface OpenTransaction {
  readonly transaction: Transaction
  readonly changes: Change[]
}

const names = ['a', 'b', 'c']
const emptyOptions = buildDocument({})

/** One of each kind of index. */
const definitions = [
  { v: 2, key: { group: 1 }, name: 'group' },
  { v: 2, key: { tags: -1 }, name: 'tags' },
  { v: 2, key: { group: 1, tags: 1, text: -1 }, name: 'compound' },
  { v: 2, key: { 'pairs.x': 1, 'pairs.y': -1 }, name: 'pairs' },
  { v: 2, key: { group: 1, text: 1 }, name: 'unique', unique: true },
  { v: 2, key: { rare: 1 }, name: 'sparse', sparse: true },
  { v: 2, key: { rare: 1, group: 1 }, name: 'uniqueSparse', sparse: true, unique: true },
  { v: 2, key: { text: 1 }, name: 'partial', partialFilterExpression: { group: { $gt: 4 } } },
  { v: 2, key: { text: 'hashed', group: 1 }, name: 'hashed' },
  { v: 2, key: { '$**': 1 }, name: 'wildcard' },
  { v: 2, key: { group: 1, 'pairs.$**': 1 }, name: 'compoundWildcard' },
]

export class EngineWorkload {
  readonly engine: Engine
  readonly #model: Model
  readonly #random: SeededRandom
  readonly #world: SimulatedWorld
  readonly #pending: Promise<unknown>[] = []
  #snapshots: Snapshot[] = []
  #builds: IndexBuild[] = []
  readonly #transactions: OpenTransaction[] = []
  #failure: unknown

  constructor(world: SimulatedWorld, engine: Engine, model: Model) {
    this.#world = world
    this.engine = engine
    this.#model = model
    this.#random = world.random
  }

  /** Runs `steps` random steps; throws what the disk threw. */
  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      if (this.#failure !== undefined) throw this.#failure
      await this.#step()
    }
    for (const build of this.#builds) build.abandon()
    for (const { transaction } of this.#transactions) transaction.abort()
    for (const snapshot of this.#snapshots) snapshot.release()
    await Promise.all(this.#pending)
    if (this.#failure !== undefined) throw this.#failure
  }

  async #step(): Promise<void> {
    if (this.engine.writable !== undefined && this.#random.integer(3) === 0) this.#look()
    if (this.#builds.length > 0 && this.#random.integer(3) === 0) this.#advanceBuild()
    const draw = this.#random.integer(100)
    if (draw < 3) this.#beginBuild()
    else if (draw < 20) await this.#transactionStep()
    else if (draw < 80) await this.#writeStep()
    else if (draw < 84) this.#background(this.engine.checkpoint())
    else if (draw < 87) this.#snapshots.push(this.engine.snapshot())
    else if (draw < 90) this.#snapshots.splice(this.#random.integer(this.#snapshots.length + 1), 1)[0]?.release()
    else if (draw < 92) this.#background(this.engine.vacuum())
    else if (draw < 97) await this.#world.clock.yield()
    else await this.#world.clock.sleep(this.#random.next() * 20)
  }

  /** Begins a transaction, writes in one, or ends it. */
  async #transactionStep(): Promise<void> {
    const random = this.#random
    const at = random.integer(3)
    const open = this.#transactions[at]
    if (open === undefined) {
      const isolation = random.integer(3) === 0 ? 'serializable' : 'snapshot'
      this.#transactions.push({ transaction: this.engine.begin({ isolation }), changes: [] })
      return
    }
    const { transaction, changes } = open
    const draw = random.integer(10)
    if (draw < 5) {
      const count = 1 + random.integer(3)
      try {
        for (let i = 0; i < count; i++) transaction.write((unit) => this.#changeRecord(unit, transaction, changes))
        return
      } catch (error) {
        if (!isOneOf(error, writeFailures)) throw error
        transaction.abort()
      }
    } else if (draw < 9) {
      this.#transactions.splice(at, 1)
      const atOnce = transaction.commitsAtOnce || (this.engine.writable === undefined && random.integer(4) === 0)
      // What is applied in slices goes on beside the steps that follow.
      if (atOnce) await this.#commit(open, () => transaction.commit())
      else this.#background(this.#commit(open, () => transaction.commitLater()))
      return
    } else transaction.abort()
    this.#transactions.splice(at, 1)
  }

  async #commit({ changes }: OpenTransaction, commit: () => LogIndex | Promise<LogIndex>): Promise<void> {
    try {
      const committed = commit()
      const logIndex = committed instanceof Promise ? await committed : committed
      this.#record(logIndex, changes)
      const durable = this.engine.durable(logIndex).then(() => this.#model.acknowledge(logIndex))
      if (this.#random.integer(3) === 0) await durable
      else this.#background(durable)
    } catch (error) {
      if (!isOneOf(error, writeFailures)) throw error
    }
  }

  /** While a commit is being applied nothing of it is seen. */
  #look(): void {
    const wrong = difference(this.#model.current, contentsOf(this.engine))
    if (wrong !== undefined) throw new Error(`while a commit is applied: ${wrong}`)
    for (const { name, documentCount } of this.engine.collections('db')) {
      const expected = this.#model.current.get(name)!.size
      if (documentCount !== expected) throw new Error(`${name} is said to have ${documentCount}, not ${expected}`)
    }
  }

  async #writeStep(): Promise<void> {
    const before = this.engine.lastIndex
    const changes: Change[] = []
    try {
      const { logIndex } = this.engine.write((unit) => {
        const count = this.#random.integer(10) === 0 ? 1 + this.#random.integer(30) : 1
        const gathers = count > 1 && this.#random.integer(2) === 0
        if (gathers) for (const collection of this.engine.collections('db')) unit.gather(collection)
        for (let i = 0; i < count; i++) {
          if (gathers) this.#changeRecord(unit, this.engine, changes)
          else this.#change(unit, changes)
        }
      })
      this.#record(logIndex, changes)
      const durable = this.engine.durable(logIndex).then(() => this.#model.acknowledge(logIndex))
      if (this.#random.integer(3) === 0) await durable
      else this.#background(durable)
    } catch (error) {
      if (this.engine.lastIndex > before) this.#record(this.engine.lastIndex, changes)
      if (!isOneOf(error, writeFailures)) throw error
    }
  }

  #record(logIndex: LogIndex, changes: readonly Change[]): void {
    const seen = this.engine.seen(logIndex)
    if (seen !== undefined) {
      this.#background(
        seen.then(() => {
          if (logIndex <= this.engine.lastSeenIndex) this.#record(logIndex, changes)
        }),
      )
      return
    }
    if (logIndex === this.#model.lastIndex) return
    this.#model.record(logIndex, (state) => {
      for (const change of changes) change(state)
    })
  }

  #change(unit: WriteUnit, changes: Change[]): void {
    const name = names[this.#random.integer(names.length)]!
    const collection = this.engine.collection('db', name)
    if (collection === undefined) {
      unit.createCollection('db', name, emptyOptions)
      changes.push((state) => state.set(name, new Map()))
      return
    }
    const draw = this.#random.integer(200)
    if (draw < 190) this.#changeRecord(unit, this.engine, changes)
    else if (draw < 194) this.#toggleIndex(unit, collection)
    else if (draw < 196) {
      const target = names[this.#random.integer(names.length)]!
      if (this.engine.collection('db', target) !== undefined) return
      unit.renameCollection(collection, 'db', target)
      changes.push((state) => {
        state.set(target, state.get(name)!)
        state.delete(name)
      })
    } else if (draw < 197) {
      unit.dropCollection(collection)
      changes.push((state) => state.delete(name))
    }
  }

  /** Inserts, replaces or removes a document; makes the collection when there is none. */
  #changeRecord(unit: WriteUnit, workspace: Workspace, changes: Change[]): void {
    const name = names[this.#random.integer(names.length)]!
    const collection = workspace.collection('db', name)
    const draw = this.#random.integer(19)
    if (collection === undefined) {
      unit.createCollection('db', name, emptyOptions)
      changes.push((state) => state.set(name, new Map()))
    } else if (draw < 10) this.#insert(unit, collection, changes)
    else if (draw < 15) this.#update(unit, collection, changes)
    else this.#remove(unit, collection, changes)
  }

  #document(id: number): Uint8Array {
    const random = this.#random
    const size =
      random.integer(40) === 0 ? 5000 + random.integer(9000) : random.integer(random.integer(4) === 0 ? 600 : 60)
    const tags = Array.from({ length: random.integer(4) }, () => random.integer(6))
    const pairs = Array.from({ length: random.integer(3) }, () => ({ x: random.integer(3), y: random.integer(3) }))
    return buildDocument({
      _id: id,
      group: random.integer(3) === 0 ? random.integer(8) / 2 : random.integer(8),
      tags,
      pairs,
      rare: random.integer(8) === 0 ? random.integer(50) : undefined,
      text: 'x'.repeat(size) + random.integer(1000),
    })
  }

  #insert(unit: WriteUnit, collection: Collection, changes: Change[]): void {
    const id = this.#random.integer(120)
    const document = this.#document(id)
    const { name } = collection
    unit.insert(collection, document)
    changes.push((state) => state.get(name)!.set(String(id), textOf(document, 0, document.length)))
  }

  #update(unit: WriteUnit, collection: Collection, changes: Change[]): void {
    const found = this.#anyRecord(collection)
    if (found === undefined) return
    const document = this.#document(found.id)
    const { name } = collection
    unit.update(collection, found.recordId, document)
    changes.push((state) => state.get(name)!.set(String(found.id), textOf(document, 0, document.length)))
  }

  #remove(unit: WriteUnit, collection: Collection, changes: Change[]): void {
    const found = this.#anyRecord(collection)
    if (found === undefined) return
    const { name } = collection
    unit.remove(collection, found.recordId)
    changes.push((state) => state.get(name)!.delete(String(found.id)))
  }

  #toggleIndex(unit: WriteUnit, collection: Collection): void {
    const definition = this.#anyDefinition()
    const index = collection.index(definition.name)
    if (index === undefined) {
      if (collection.builds.some(({ name }) => name === definition.name)) return
      unit.createIndex(collection, buildDocument(definition))
    } else if (this.#random.integer(3) > 0) unit.dropIndex(collection, definition.name)
    else unit.modifyIndex(collection, definition.name, buildDocument({ ...definition, hidden: true }))
  }

  #anyDefinition(): (typeof definitions)[number] {
    return definitions[this.#random.integer(definitions.length)]!
  }

  #beginBuild(): void {
    const collection = this.engine.collection('db', names[this.#random.integer(names.length)]!)
    const definition = this.#anyDefinition()
    if (collection === undefined || this.#builds.length > 2) return
    if ([...collection.indexes, ...collection.builds].some(({ name }) => name === definition.name)) return
    if (this.engine.writable !== undefined) return
    this.#builds.push(this.engine.beginIndexBuild(collection, buildDocument(definition)))
  }

  /** One slice of a build under way; a complete one is finished. */
  #advanceBuild(): void {
    const at = this.#random.integer(this.#builds.length)
    const build = this.#builds[at]!
    try {
      if (!build.slice()) return
      if (this.#random.integer(3) === 0) return
      this.#builds.splice(at, 1)
      const { logIndex } = this.engine.write((unit) => unit.finishIndexBuilds([build]))
      this.#record(logIndex, [])
    } catch (error) {
      if (this.#builds.includes(build)) this.#builds.splice(at, 1)
      build.abandon()
      if (!isOneOf(error, buildFailures)) throw error
    }
  }

  #anyRecord(collection: Collection): { recordId: RecordId; id: number } | undefined {
    const id = this.#random.integer(120)
    const value = buildDocument({ _id: id })
    const recordId = collection.findById(16, value, value.length - 5, timestampMax)
    return recordId === undefined ? undefined : { recordId, id }
  }

  /** Work that goes on beside the steps; its failure ends the run. */
  #background(work: Promise<unknown>): void {
    this.#pending.push(
      work.catch((error: unknown) => {
        if (!(error instanceof DatabaseError && error.codeName === 'OutOfDiskSpace')) this.#failure ??= error
      }),
    )
  }
}

function isOneOf(error: unknown, codeNames: ReadonlySet<string>): boolean {
  return error instanceof DatabaseError && codeNames.has(error.codeName)
}

/** The contents of an engine in the model's terms. */
export function contentsOf(engine: Engine): ModelState {
  const state = new Map<string, Map<string, string>>()
  for (const collection of engine.collections('db')) {
    const documents = new Map<string, string>()
    const cursor = collection.scan(timestampMax)
    while (cursor.next()) {
      const id = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset).getInt32(cursor.start + 9, true)
      documents.set(String(id), textOf(cursor.bytes, cursor.start, cursor.end))
    }
    state.set(collection.name, documents)
  }
  return state
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
}

export function openEngine(world: SimulatedWorld, options: Partial<EngineOptions> = smallEngine): Promise<Engine> {
  return Engine.open(world, 'data', options)
}
