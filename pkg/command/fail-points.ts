/**
 * Failures on request, for tests of drivers: the fail points failCommand and onPrimaryTransactionalWrite. Only where the server was started with
 * `enableTestCommands`.
 *
 * | mode                       | hits that fail                      |
 * | 'off'                      | none                                |
 * | 'alwaysOn'                 | all                                 |
 * | {times: n}                 | the next n                          |
 * | {skip: n}                  | all but the next n                  |
 * | {activationProbability: p} | each with probability p             |
 */
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import {
  documentFields,
  documentOf,
  getField,
  isNumber,
  numberOf,
  readString,
  truthy,
  type Value,
} from '../bson/value.ts'
import type { Random } from '../io/random.ts'

export type FailPointMode =
  | { readonly kind: 'off' }
  | { readonly kind: 'alwaysOn' }
  | { readonly kind: 'times'; readonly count: number }
  | { readonly kind: 'skip'; readonly count: number }
  | { readonly kind: 'probability'; readonly probability: number }

/** What happens to a command that is hit. */
export interface CommandFailure {
  readonly commands: ReadonlySet<string>
  readonly appName: string | undefined
  readonly namespace: string | undefined
  readonly errorCode: number | undefined
  /** In place of those that the error would have; undefined: as usual. */
  readonly errorLabels: readonly string[] | undefined
  readonly closesConnection: boolean
  readonly blockMs: number
  /** A document for the reply of a command that is carried out. */
  readonly writeConcernError: Uint8Array | undefined
}

/** Whether a command that is hit is not carried out at all. */
export function failsAtOnce({ errorCode, closesConnection }: CommandFailure): boolean {
  return errorCode !== undefined || closesConnection
}

/** What happens to a write under a transaction number. */
export interface WriteFailure {
  readonly closesConnection: boolean
  /** The write fails with this code; undefined: it is done. */
  readonly errorCode: number | undefined
}

/** A fail point: how often it strikes, and what it does then. */
export class FailPoint<Failure> {
  #mode: FailPointMode = { kind: 'off' }
  #failure: Failure | undefined
  /** Hits since the mode was set. */
  #hits = 0
  #entered = 0
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  get isOn(): boolean {
    return this.#mode.kind !== 'off'
  }

  /** How often it has struck so far. */
  get entered(): number {
    return this.#entered
  }

  set(mode: FailPointMode, failure: Failure): void {
    this.#mode = mode
    this.#failure = failure
    this.#hits = 0
  }

  /** What must happen now, if anything; `matches` says whether it is meant for this case. */
  hit(matches?: (failure: Failure) => boolean): Failure | undefined {
    const failure = this.#failure
    if (failure === undefined || (matches !== undefined && !matches(failure)) || !this.#isActive()) return undefined
    this.#entered++
    return failure
  }

  #isActive(): boolean {
    const mode = this.#mode
    this.#hits++
    switch (mode.kind) {
      case 'off':
        return false
      case 'alwaysOn':
        return true
      case 'times':
        if (this.#hits >= mode.count) this.#mode = { kind: 'off' }
        return this.#hits <= mode.count
      case 'skip':
        return this.#hits > mode.count
      case 'probability':
        return this.#random.bytes(1)[0]! < mode.probability * 256
    }
  }
}

/** Whether a failure of commands is meant for this one. */
export function isMeantFor(
  failure: CommandFailure,
  command: string,
  appName: string | undefined,
  namespace: () => string,
): boolean {
  if (!failure.commands.has(command)) return false
  if (failure.appName !== undefined && failure.appName !== appName) return false
  return failure.namespace === undefined || failure.namespace === namespace()
}

/** Errors: BadValue, and TypeMismatch for a mode of a wrong type. */
export function parseFailPointMode(value: Value): FailPointMode {
  if (value.type === bsonType.string) {
    const mode = readString(value.bytes, value.start)
    if (mode === 'off' || mode === 'alwaysOn') return { kind: mode }
    throw new DatabaseError('BadValue', `unknown mode: ${mode}`)
  }
  if (value.type !== bsonType.document)
    throw new DatabaseError('TypeMismatch', `'mode' must be a string or JSON object`)
  const [field, second] = documentFields(value.bytes, value.start)
  if (field === undefined || second !== undefined || !isNumber(field.type))
    throw new DatabaseError('BadValue', `'mode' takes one of 'times', 'skip' and 'activationProbability', and a number`)
  const number = numberOf(field)
  if (number < 0) throw new DatabaseError('BadValue', `'${field.name}' option to 'mode' must be positive`)
  if (field.name === 'times') return { kind: 'times', count: number }
  if (field.name === 'skip') return { kind: 'skip', count: number }
  if (field.name === 'activationProbability') return { kind: 'probability', probability: number }
  throw new DatabaseError('BadValue', `unknown option of 'mode': ${field.name}`)
}

/** The `data` of onPrimaryTransactionalWrite. */
export function parseWriteFailure(data: Uint8Array): WriteFailure {
  const closes = getField(data, 'closeConnection')
  const code = getField(data, 'failBeforeCommitExceptionCode')
  return {
    closesConnection: closes === undefined || truthy(closes),
    errorCode: code === undefined ? undefined : numberOf(code),
  }
}

/** The `data` of failCommand. Errors: BadValue for what is unknown or of a wrong type. */
export function parseCommandFailure(data: Uint8Array): CommandFailure {
  const commands = new Set<string>()
  let errorLabels: string[] | undefined
  let appName: string | undefined
  let namespace: string | undefined
  let errorCode: number | undefined
  let closesConnection = false
  let blocks = false
  let blockMs = 0
  let writeConcernError: Uint8Array | undefined
  for (const field of documentFields(data)) {
    switch (field.name) {
      case 'failCommands':
        for (const name of texts(field)) commands.add(name)
        break
      case 'errorLabels':
        errorLabels = texts(field)
        break
      case 'errorCode':
        errorCode = numberOf(field)
        break
      case 'closeConnection':
        closesConnection = truthy(field)
        break
      case 'blockConnection':
        blocks = truthy(field)
        break
      case 'blockTimeMS':
        blockMs = numberOf(field)
        break
      case 'appName':
        appName = readString(field.bytes, field.start)
        break
      case 'namespace':
        namespace = readString(field.bytes, field.start)
        break
      case 'writeConcernError':
        writeConcernError = documentOf(field).slice()
        break
      case 'failInternalCommands':
      case 'failLocalClients':
      case 'threadName':
        break
      default:
        throw new DatabaseError('BadValue', `failCommand does not know '${field.name}'`)
    }
  }
  return {
    commands,
    appName,
    namespace,
    errorCode,
    errorLabels,
    closesConnection,
    blockMs: blocks ? blockMs : 0,
    writeConcernError,
  }
}

function texts(array: Value & { readonly name: string }): string[] {
  if (array.type !== bsonType.array) throw new DatabaseError('BadValue', `'${array.name}' must be an array of strings`)
  return [...documentFields(array.bytes, array.start)].map((element) => {
    if (element.type !== bsonType.string)
      throw new DatabaseError('BadValue', `'${array.name}' must be an array of strings`)
    return readString(element.bytes, element.start)
  })
}
