/** Stages whose documents tell of the server or of a collection. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, isNumber, numberOf, readString, type Value } from '../../bson/value.ts'
import type { Namespace, SystemRequest } from '../host.ts'
import {
  type PipelineRun,
  type Stage,
  type StageContext,
  type StageDefinition,
  type StagePlan,
  type Step,
  step,
} from '../stage.ts'
import { PassingStage } from './passing.ts'

function systemPlan(name: string, request: SystemRequest): StagePlan {
  return { name, isSource: true, open: (input, run) => new SystemStage(input, run, request) }
}

class SystemStage extends PassingStage {
  readonly #run: PipelineRun
  readonly #request: SystemRequest
  #documents: readonly Uint8Array[] | undefined
  #next = 0

  constructor(input: Stage, run: PipelineRun, request: SystemRequest) {
    super(input)
    this.#run = run
    this.#request = request
  }

  step(): Step {
    this.#documents ??= this.#run.host.documents(this.#request)
    const document = this.#documents[this.#next]
    if (document === undefined) return step.end
    this.#next++
    this.show(document, 0, document.length)
    return step.row
  }
}

function namespaceOf({ database, collection }: StageContext): Namespace {
  return { database, collection: collection ?? '' }
}

function wrongType(path: string, value: Value, expected: string): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field '${path}' is the wrong type '${typeAlias(value.type)}', expected type '${expected}'`,
  )
}

function unknownField(path: string): DatabaseError {
  return new DatabaseError('UnknownField', `BSON field '${path}' is an unknown field.`)
}

function booleanOf(path: string, value: Value): boolean {
  if (value.type !== bsonType.boolean) throw wrongType(path, value, 'bool')
  return value.bytes[value.start] !== 0
}

function refuseFields(name: string, value: Value, code: number): void {
  if (value.type !== bsonType.document || value.bytes[value.start + 4] !== 0) {
    throw new DatabaseError(code, `${name} stage specification must be an empty object`)
  }
}

const collStatsOptions: ReadonlySet<string> = new Set(['count', 'queryExecStats', 'storageStats', 'latencyStats'])

/** `{$collStats: {storageStats: {scale}, count: {}, latencyStats: {histograms}, queryExecStats: {}}}` */
export const collStats: StageDefinition = {
  name: '$collStats',
  first: true,
  parse(operand, context) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(5447000, `$collStats must take a nested object but found a ${typeAlias(operand.type)}`)
    }
    let count = false
    let storageScale: number | undefined
    let latency = false
    let histograms = false
    let queryExec = false
    for (const field of documentFields(operand.bytes, operand.start)) {
      const path = `$collStats.${field.name}`
      if (field.type === bsonType.null && collStatsOptions.has(field.name)) continue
      switch (field.name) {
        case 'count':
        case 'queryExecStats':
          if (field.type !== bsonType.document) throw wrongType(path, field, 'object')
          refuseFields(path, field, 31170)
          if (field.name === 'count') count = true
          else queryExec = true
          break
        case 'storageStats':
          if (field.type !== bsonType.document) throw wrongType(path, field, 'object')
          storageScale = scaleOf(field)
          break
        case 'latencyStats':
          if (field.type !== bsonType.document) throw wrongType(path, field, 'object')
          latency = true
          for (const option of documentFields(field.bytes, field.start)) {
            if (option.name !== 'histograms') throw unknownField(`${path}.${option.name}`)
            histograms = booleanOf(`${path}.histograms`, option)
          }
          break
        case 'operationStats':
        case 'targetAllNodes':
          break
        default:
          throw unknownField(path)
      }
    }
    const namespace = namespaceOf(context)
    return systemPlan('$collStats', {
      kind: 'collStats',
      namespace,
      count,
      storageScale,
      latency,
      histograms,
      queryExec,
    })
  },
}

function scaleOf(value: Value): number {
  let scale = 1
  for (const option of documentFields(value.bytes, value.start)) {
    const path = `$collStats.storageStats.${option.name}`
    if (option.name === 'verbose' || option.name === 'waitForLock' || option.name === 'numericOnly') {
      if (option.type !== bsonType.null) booleanOf(path, option)
    } else if (option.name === 'scale' && option.type !== bsonType.null) {
      // What else stands here MongoDB passes over.
      if (!isNumber(option.type)) throw wrongType(path, option, 'number')
      scale = Math.trunc(numberOf(option))
      if (!(scale >= 1)) {
        throw new DatabaseError('BadValue', `BSON field 'scale' value must be >= 1, actual value '${scale}'`)
      }
    }
  }
  return scale
}

/** `{$indexStats: {}}`: how much each index is used. */
export const indexStats: StageDefinition = {
  name: '$indexStats',
  first: true,
  parse(operand, context) {
    refuseFields('$indexStats', operand, 28803)
    return systemPlan('$indexStats', { kind: 'indexStats', namespace: namespaceOf(context) })
  },
}

/** `{$planCacheStats: {allHosts}}` */
export const planCacheStats: StageDefinition = {
  name: '$planCacheStats',
  first: true,
  parse(operand, context) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError('FailedToParse', '$planCacheStats value must be an object')
    }
    for (const option of documentFields(operand.bytes, operand.start)) {
      if (option.name !== 'allHosts') {
        throw new DatabaseError(
          'FailedToParse',
          `$planCacheStats parameters object has an unknown field: ${option.name}`,
        )
      }
      if (option.type !== bsonType.boolean) {
        throw new DatabaseError(13111, `wrong type for field (allHosts) ${typeAlias(option.type)} != bool`)
      }
      if (option.bytes[option.start] !== 0) {
        throw new DatabaseError(4503200, '$planCacheStats with allHosts: true can only run on a sharded cluster')
      }
    }
    return systemPlan('$planCacheStats', { kind: 'planCacheStats', namespace: namespaceOf(context) })
  },
}

const currentOpOptions: ReadonlySet<string> = new Set([
  'allUsers',
  'idleConnections',
  'idleCursors',
  'idleSessions',
  'localOps',
  'backtrace',
  'truncateOps',
  'targetAllNodes',
])

/** `{$currentOp: {allUsers, idleConnections, idleCursors, idleSessions, localOps, ...}}` */
export const currentOp: StageDefinition = {
  name: '$currentOp',
  first: true,
  collectionless: true,
  refusedIn: { facet: 40600, view: 73 },
  parse(operand, context) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(
        'TypeMismatch',
        `$currentOp options must be specified in an object, but found: ${typeAlias(operand.type)}`,
      )
    }
    const options = new Map<string, boolean>()
    for (const option of documentFields(operand.bytes, operand.start)) {
      if (!currentOpOptions.has(option.name)) throw unknownField(`$currentOp.${option.name}`)
      options.set(option.name, booleanOf(`$currentOp.${option.name}`, option))
    }
    if (options.get('targetAllNodes') === true) {
      throw new DatabaseError('FailedToParse', "The 'targetAllNodes' parameter is only valid on a sharded cluster")
    }
    if (
      context.place === 'command' &&
      (context.database !== 'admin' || context.collection !== undefined) &&
      context.database !== ''
    ) {
      throw new DatabaseError(
        'InvalidNamespace',
        "$currentOp must be run against the 'admin' database with {aggregate: 1}",
      )
    }
    return systemPlan('$currentOp', {
      kind: 'currentOp',
      idle: {
        cursors: options.get('idleCursors') === true,
        connections: options.get('idleConnections') === true,
        sessions: options.get('idleSessions') !== false,
      },
    })
  },
}

/** `{$listLocalSessions: {allUsers, users: [{user, db}]}}` */
export const listLocalSessions: StageDefinition = {
  name: '$listLocalSessions',
  first: true,
  collectionless: true,
  refusedIn: { facet: 73, lookup: 73, unionWith: 73, view: 73 },
  parse: (operand) => systemPlan('$listLocalSessions', parseSessions('$listLocalSessions', operand)),
}

/** `{$listSessions: {...}}`: on `config.system.sessions`. */
export const listSessions: StageDefinition = {
  name: '$listSessions',
  first: true,
  refusedIn: { facet: 40600, view: 73 },
  parse(operand, context) {
    const request = parseSessions('$listSessions', operand)
    if (context.database !== 'config' || context.collection !== 'system.sessions') {
      throw new DatabaseError('InvalidNamespace', '$listSessions may only be run against config.system.sessions')
    }
    return systemPlan('$listSessions', request)
  },
}

function parseSessions(name: string, operand: Value): SystemRequest {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      'TypeMismatch',
      `${name} options must be specified in an object, but found: ${typeAlias(operand.type)}`,
    )
  }
  let all = false
  let users: { user: string; db: string }[] | undefined
  for (const option of documentFields(operand.bytes, operand.start)) {
    const path = `${name}.${option.name}`
    if (option.name !== 'allUsers' && option.name !== 'users') throw unknownField(path)
    if (option.type === bsonType.null || option.type === bsonType.undefined) continue
    if (option.name === 'allUsers') all = booleanOf(path, option)
    else users = usersOf(path, option)
  }
  if (all && users !== undefined && users.length > 0) {
    throw new DatabaseError(
      'UnsupportedFormat',
      `${name} may not specify {allUsers:true} and {users:[...]} at the same time`,
    )
  }
  return { kind: 'localSessions', users: all || users?.length === 0 ? undefined : users }
}

function usersOf(path: string, value: Value): { user: string; db: string }[] {
  if (value.type !== bsonType.array) throw wrongType(path, value, 'array')
  const users: { user: string; db: string }[] = []
  for (const element of documentFields(value.bytes, value.start)) {
    const at = `${path}.${element.name}`
    if (element.type === bsonType.null || element.type === bsonType.undefined) continue
    if (element.type !== bsonType.document) throw wrongType(at, element, 'object')
    const texts = new Map<string, string>()
    for (const part of documentFields(element.bytes, element.start)) {
      if (part.name !== 'user' && part.name !== 'db') throw unknownField(`${at}.${part.name}`)
      if (part.type === bsonType.null || part.type === bsonType.undefined) continue
      if (part.type !== bsonType.string) throw wrongType(`${at}.${part.name}`, part, 'string')
      texts.set(part.name, readString(part.bytes, part.start))
    }
    for (const name of ['user', 'db']) {
      if (!texts.has(name)) {
        throw new DatabaseError('MissingField', `BSON field '${at}.${name}' is missing but a required field`)
      }
    }
    users.push({ user: texts.get('user')!, db: texts.get('db')! })
  }
  return users
}

/** `{$listClusterCatalog: {shards, balancingConfiguration}}`: the collections of a database, or of all. */
export const listClusterCatalog: StageDefinition = {
  name: '$listClusterCatalog',
  first: true,
  collectionless: true,
  refusedIn: { facet: 9621301, lookup: 9621301, unionWith: 9621301 },
  parse(operand, context) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(9621302, `$listClusterCatalog must take an object, but found ${typeAlias(operand.type)}`)
    }
    let shards = false
    for (const option of documentFields(operand.bytes, operand.start)) {
      const path = `$listClusterCatalog.${option.name}`
      if (option.name !== 'shards' && option.name !== 'balancingConfiguration' && option.name !== 'tracked') {
        throw unknownField(path)
      }
      const given = booleanOf(path, option)
      if (option.name === 'shards') shards = given
    }
    if (context.place === 'command' && context.collection !== undefined && context.database !== '') {
      throw new DatabaseError(9621301, '$listClusterCatalog can only be run on a database with {aggregate: 1}')
    }
    const database = context.database === 'admin' ? undefined : context.database
    return systemPlan('$listClusterCatalog', { kind: 'clusterCatalog', database, shards })
  },
}

/** `{$querySettings: {showDebugQueryShape}}`: the settings of queries, see setQuerySettings. */
export const querySettings: StageDefinition = {
  name: '$querySettings',
  first: true,
  collectionless: true,
  parse(operand) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(7746800, `$querySettings must be an object, but found ${typeAlias(operand.type)}`)
    }
    let showShape = false
    for (const option of documentFields(operand.bytes, operand.start)) {
      const path = `$querySettings.${option.name}`
      if (option.name !== 'showDebugQueryShape') throw unknownField(path)
      showShape = booleanOf(path, option)
    }
    return systemPlan('$querySettings', { kind: 'querySettings', showShape })
  },
}

/** `{$queryStats: {transformIdentifiers: {algorithm, hmacKey}}}`: how often queries of each shape ran, and what they took. */
export const queryStats: StageDefinition = {
  name: '$queryStats',
  first: true,
  collectionless: true,
  refusedIn: { facet: 40600, lookup: 51047, unionWith: 31441, view: 73 },
  parse(operand, context) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError('FailedToParse', `$queryStats value must be an object. Found: ${typeAlias(operand.type)}`)
    }
    let hmacKey: Uint8Array | undefined
    for (const option of documentFields(operand.bytes, operand.start)) {
      const path = `$queryStats.${option.name}`
      if (option.name !== 'transformIdentifiers') throw unknownField(path)
      if (option.type !== bsonType.document) throw wrongType(path, option, 'object')
      hmacKey = keyOfTransformation(path, option)
    }
    if (context.place === 'command' && context.database !== '') {
      if (context.database !== 'admin' || context.collection !== undefined) {
        throw new DatabaseError(
          'InvalidNamespace',
          "$queryStats must be run against the 'admin' database with {aggregate: 1}",
        )
      }
    }
    return systemPlan('$queryStats', { kind: 'queryStats', hmacKey })
  },
}

/** What names are to be shown by; an empty key where none is given. */
function keyOfTransformation(path: string, value: Value): Uint8Array {
  let algorithm = false
  let key = new Uint8Array(0)
  for (const option of documentFields(value.bytes, value.start)) {
    const at = `${path}.${option.name}`
    if (option.name === 'algorithm') {
      if (option.type !== bsonType.string) throw wrongType(at, option, 'string')
      const given = readString(option.bytes, option.start)
      if (given !== 'hmac-sha-256') {
        throw new DatabaseError('BadValue', `Enumeration value '${given}' for field '${at}' is not a valid value.`)
      }
      algorithm = true
    } else if (option.name === 'hmacKey') {
      if (option.type !== bsonType.binary) throw wrongType(at, option, 'binData')
      key = option.bytes.slice(option.start + 5, option.end)
    } else throw unknownField(at)
  }
  if (!algorithm) {
    throw new DatabaseError('MissingField', `BSON field '${path}.algorithm' is missing but a required field`)
  }
  return key
}
