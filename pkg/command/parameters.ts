/** Server parameters: what getParameter shows and setParameter changes. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { isNumber, readString, truthy, type Value } from '../bson/value.ts'
import { wholeNumberAt } from '../bson/whole-number.ts'
import type { VacuumSettings } from '../engine/options.ts'
import { stepLimit } from '../expression/context.ts'
import { changedVerbosity, initialVerbosity, type Verbosity } from './log-verbosity.ts'
import { featureCompatibilityVersion } from './version.ts'

interface ParameterSpec {
  readonly initial: unknown
  readonly min?: number
  readonly max?: number
  readonly settableAtRuntime: boolean
  readonly settableAtStartup: boolean
}

const fixed = { settableAtRuntime: false, settableAtStartup: false } as const
const settable = { settableAtRuntime: true, settableAtStartup: true } as const
const atStartup = { settableAtRuntime: false, settableAtStartup: true } as const

/** The ones that do something, then those that clients ask for and that are as they are. */
const specs: Readonly<Record<string, ParameterSpec>> = {
  cursorTimeoutMillis: { initial: 600_000, min: 1, ...settable },
  transactionLifetimeLimitSeconds: { initial: 60, min: 1, ...settable },
  maxTransactionLockRequestTimeoutMillis: { initial: 5, min: -1, ...settable },
  transactionConflictWaitMillis: { initial: 0, min: 0, ...settable },
  requireApiVersion: { initial: false, ...settable },
  minSnapshotHistoryWindowInSeconds: { initial: 0, min: 0, ...settable },
  vacuumIntervalMillis: { initial: 0, min: 10, max: 60_000, ...settable },
  vacuumEntries: { initial: 0, min: 1, ...settable },
  vacuumSharePercent: { initial: 0, min: 0, max: 100, ...settable },
  vacuumRestMillis: { initial: 0, min: 0, ...settable },
  maxAcceptableLogicalClockDriftSecs: { initial: 31_536_000, min: 1, ...atStartup },
  logLevel: { initial: 0, min: 0, max: 5, ...settable },
  logComponentVerbosity: { initial: initialVerbosity(), ...settable },
  automationServiceDescriptor: { initial: '', ...settable },
  internalQueryStatsRateLimit: { initial: 0, min: -1, ...settable },
  expressionStepsMax: { initial: stepLimit.perDocument, min: 1000, max: 1e12, ...settable },
  quiet: { initial: false, ...settable },
  notablescan: { initial: false, ...fixed },
  allowDiskUseByDefault: { initial: true, ...atStartup },
  authSchemaVersion: { initial: 5, ...fixed },
  authenticationMechanisms: { initial: [], ...atStartup },
  enableTestCommands: { initial: false, ...atStartup },
  featureCompatibilityVersion: { initial: { version: featureCompatibilityVersion }, ...fixed },
  localLogicalSessionTimeoutMinutes: { initial: 30, ...atStartup },
  maxBSONDepth: { initial: 100, ...fixed },
  KeysRotationIntervalSec: { initial: 7_776_000, ...atStartup },
  ShardingTaskExecutorPoolReplicaSetMatching: { initial: 'automatic', ...atStartup },
  ttlMonitorEnabled: { initial: true, ...fixed },
}

/** What a parameter of that name changes. */
const vacuumChanges: Readonly<Record<string, (value: number) => Partial<VacuumSettings>>> = {
  vacuumIntervalMillis: (vacuumIntervalMs) => ({ vacuumIntervalMs }),
  vacuumEntries: (vacuumEntries) => ({ vacuumEntries }),
  vacuumSharePercent: (percent) => ({ vacuumShare: percent / 100 }),
  vacuumRestMillis: (vacuumRestMs) => ({ vacuumRestMs }),
}

export interface ParameterEntry {
  readonly value: unknown
  readonly settableAtRuntime: boolean
  readonly settableAtStartup: boolean
}

export class Parameters {
  /** How long a cursor may lie idle. */
  cursorTimeoutMillis = 600_000
  /** How long a transaction of a session may stay open. */
  transactionLifetimeLimitSeconds = 60
  /**
   * How long a statement of a transaction waits for a collection or a name that others have; 0: not at all, -1: as long as its own time
   * limit says.
   */
  maxTransactionLockRequestTimeoutMillis = 5
  /** How long a write in a transaction of a session waits for another's; 0: not at all, it is a conflict. */
  transactionConflictWaitMillis = 0
  requireApiVersion = false
  /** Of how many queries a second `$queryStats` gets figures; -1: of all. */
  internalQueryStatsRateLimit = 0
  /** How far ahead of the wall clock a cluster time that we are told may be. */
  maxAcceptableLogicalClockDriftSecs = 31_536_000
  /** Told when the time that history is kept for is set. */
  onHistoryWindow: ((seconds: number) => void) | undefined
  /** Told when it is set when vacuum works. */
  onVacuum: ((change: Partial<VacuumSettings>) => void) | undefined
  readonly #values = new Map<string, unknown>(Object.entries(specs).map(([name, spec]) => [name, spec.initial]))

  names(): IterableIterator<string> {
    return this.#values.keys()
  }

  get(name: string): ParameterEntry | undefined {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
    if (spec === undefined) return undefined
    return {
      value: this.#values.get(name),
      settableAtRuntime: spec.settableAtRuntime,
      settableAtStartup: spec.settableAtStartup,
    }
  }

  /** Sets one that only the server itself changes. */
  force(name: string, value: unknown): void {
    this.#values.set(name, value)
  }

  /** Shows the settings of vacuum as they are. */
  showVacuum({ vacuumIntervalMs, vacuumEntries, vacuumShare, vacuumRestMs }: VacuumSettings): void {
    this.force('vacuumIntervalMillis', vacuumIntervalMs)
    this.force('vacuumEntries', vacuumEntries)
    this.force('vacuumSharePercent', vacuumShare * 100)
    this.force('vacuumRestMillis', vacuumRestMs)
  }

  /** Sets a parameter and returns its value before; InvalidOptions for one there is not, BadValue for a bad value. */
  set(name: string, to: Value, when: 'runtime' | 'startup' = 'runtime'): unknown {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
    if (spec === undefined)
      throw new DatabaseError(
        'InvalidOptions',
        `attempted to set unrecognized parameter [${name}], use help:true to see options `,
      )
    if (when === 'runtime' ? !spec.settableAtRuntime : !spec.settableAtStartup)
      throw new DatabaseError('IllegalOperation', `not allowed to change [${name}] at ${when}`)
    const before = this.#values.get(name)
    const value =
      name === 'logComponentVerbosity' ? changedVerbosity(before as Verbosity, to) : converted(name, spec, to)
    this.#values.set(name, value)
    this.#alignLogLevel(name, value)
    if (name === 'cursorTimeoutMillis') this.cursorTimeoutMillis = value as number
    if (name === 'minSnapshotHistoryWindowInSeconds') this.onHistoryWindow?.(value as number)
    if (Object.hasOwn(vacuumChanges, name)) this.onVacuum?.(vacuumChanges[name]!(value as number))
    if (name === 'maxAcceptableLogicalClockDriftSecs') this.maxAcceptableLogicalClockDriftSecs = value as number
    if (name === 'transactionLifetimeLimitSeconds') this.transactionLifetimeLimitSeconds = value as number
    if (name === 'maxTransactionLockRequestTimeoutMillis') this.maxTransactionLockRequestTimeoutMillis = value as number
    if (name === 'transactionConflictWaitMillis') this.transactionConflictWaitMillis = value as number
    if (name === 'internalQueryStatsRateLimit') this.internalQueryStatsRateLimit = value as number
    if (name === 'expressionStepsMax') stepLimit.perDocument = value as number
    if (name === 'requireApiVersion') this.requireApiVersion = value as boolean
    return before
  }

  /** `logLevel` is the verbosity of the root of `logComponentVerbosity`. */
  #alignLogLevel(name: string, value: unknown): void {
    if (name === 'logLevel') {
      const tree = this.#values.get('logComponentVerbosity') as Verbosity
      this.#values.set('logComponentVerbosity', { ...tree, verbosity: value as number })
    } else if (name === 'logComponentVerbosity') {
      this.#values.set('logLevel', Math.max(0, (value as Verbosity).verbosity))
    }
  }
}

function converted(name: string, spec: ParameterSpec, to: Value): boolean | number | string {
  // A switch takes anything as its truth.
  if (typeof spec.initial === 'boolean') return truthy(to)
  if (typeof spec.initial === 'string') {
    if (to.type === bsonType.string) return readString(to.bytes, to.start)
    throw new DatabaseError('BadValue', `Failed to set parameter ${name}: expected a string, not ${typeAlias(to.type)}`)
  }
  if (to.type !== bsonType.boolean && !isNumber(to.type))
    throw new DatabaseError(
      'BadValue',
      `Failed to set parameter ${name}: a value of type ${typeAlias(to.type)} is not possible`,
    )
  const number = to.type === bsonType.boolean ? Number(truthy(to)) : wholeNumberAt(to.type, to.bytes, to.start)
  if (spec.min !== undefined && number < spec.min)
    throw new DatabaseError(
      'BadValue',
      `Invalid value for parameter ${name}: ${number} is not greater than or equal to ${spec.min}`,
    )
  if (spec.max !== undefined && number > spec.max)
    throw new DatabaseError(
      'BadValue',
      `Invalid value for parameter ${name}: ${number} is not less than or equal to ${spec.max}`,
    )
  return number
}
