/**
 * The profiler: which operations were slow. A database's level says which of them are kept in its `system.profile`; every slow one is
 * told to the log.
 *
 * | level | kept                                    |
 * | 0     | none                                    |
 * | 1     | those slower than `slowMs`, or those that the filter matches |
 * | 2     | all                                     |
 */

import { buildDocument } from '../bson/build.ts'
import { int64Value } from '../bson/value.ts'
import type { Engine } from '../engine/engine.ts'
import type { Predicate } from '../query/filter/compile.ts'
import { evict } from './capped.ts'
import { traitsOf } from './collection-traits.ts'
import { storedForm } from './document.ts'
import type { Instance } from './instance.ts'
import type { Operation } from './operation.ts'
import { opName, shownCommands } from './operation-list.ts'

export interface ProfileFilter {
  readonly document: Uint8Array
  readonly matches: Predicate
}

export interface ProfileSetting {
  readonly level: 0 | 1 | 2
  readonly filter: ProfileFilter | undefined
}

const off: ProfileSetting = { level: 0, filter: undefined }
const profileSizeBytes = 1024 * 1024

export class Profiler {
  /** Slower than this is slow: milliseconds. */
  slowMs = 100
  /** Which part of the slow operations is told, 0 to 1. */
  sampleRate = 1
  readonly #settings = new Map<string, ProfileSetting>()

  /** Whether a quick operation may be one that is kept. */
  get isOn(): boolean {
    return this.#settings.size > 0
  }

  setting(database: string): ProfileSetting {
    return this.#settings.get(database) ?? off
  }

  set(database: string, setting: ProfileSetting): void {
    if (setting.level === 0 && setting.filter === undefined) this.#settings.delete(database)
    else this.#settings.set(database, setting)
  }

  /** Called for every operation that has ended: at no cost where nothing is profiled and it was quick. */
  finished(operation: Operation, ms: number): void {
    if (ms < this.slowMs && !this.isOn) return
    this.#consider(operation, ms)
  }

  #consider(operation: Operation, ms: number): void {
    const { instance, namespace } = operation
    const { level, filter } = this.setting(operation.databaseName)
    if (namespace.endsWith('.system.profile')) return
    const slow = ms >= this.slowMs && this.#isSampled(instance)
    if (!slow && level !== 2 && filter === undefined) return
    const document = describe(operation, ms)
    const told = filter === undefined ? slow : filter.matches(document, 0) && this.#isSampled(instance)
    if (told) instance.options.onSlowOperation?.(document)
    if (level === 2 || (level === 1 && told)) store(instance, operation.databaseName, document)
  }

  #isSampled({ world }: Instance): boolean {
    return (
      this.sampleRate >= 1 ||
      world.random.bytes(4).reduce((sum, byte) => sum * 256 + byte, 0) < this.sampleRate * 2 ** 32
    )
  }
}

function describe(operation: Operation, ms: number): Uint8Array {
  const { context, instance } = operation
  return buildDocument({
    op: opName(operation.command.name),
    ns: operation.namespace,
    ...shownCommands(operation),
    numYield: operation.yields,
    millis: int64Value(Math.round(ms)),
    micros: int64Value(Math.round(ms * 1000)),
    ts: new Date(instance.world.clock.nowMs()),
    client: context.remoteAddress.replace(/:\d+$/, ''),
    appName: context.applicationName,
    allUsers: [],
    user: '',
  })
}

const profileOptions = buildDocument({ capped: true, size: profileSizeBytes })

/** Makes the database's `system.profile` unless it is there. */
export function makeProfile(engine: Engine, database: string): void {
  if (engine.collection(database, 'system.profile') === undefined)
    engine.write((unit) => unit.createCollection(database, 'system.profile', profileOptions))
}

/** Keeps an operation in the database's capped `system.profile`. What cannot be kept is left out: nobody's operation fails for it. */
function store(instance: Instance, database: string, document: Uint8Array): void {
  const { engine } = instance
  if (engine.collections(database).length === 0 || engine.writable !== undefined) return
  try {
    engine.write((unit) => {
      const found = engine.collection(database, 'system.profile')
      const collection = found ?? unit.createCollection(database, 'system.profile', profileOptions)
      const { capped } = traitsOf(collection)
      const recordId = unit.insert(collection, storedForm(document, instance))
      if (capped !== undefined) evict(unit, collection, capped, recordId)
      instance.cappedWaiters.wake(collection)
    })
  } catch (error) {
    instance.options.onInternalError?.(error, 'profile')
  }
}
