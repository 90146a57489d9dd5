/**
 * `logComponentVerbosity`: how much is logged of each part of the server, as a tree of MongoDB's components. -1: as much as of what it is
 * part of. It is kept and shown; the log itself goes by the level the server was started with.
 */
import { DatabaseError } from '../base/errors.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, isNumber, type Value } from '../bson/value.ts'
import { wholeNumberAt } from '../bson/whole-number.ts'

interface Names {
  readonly [name: string]: Names
}

const none: Names = {}

const components: Names = {
  accessControl: none,
  command: none,
  control: none,
  executor: none,
  geo: none,
  index: none,
  network: { asio: none, bridge: none, connectionPool: none },
  processHealth: none,
  query: { ce: none, optimizer: none, rejected: none },
  queryStats: none,
  replication: { election: none, heartbeats: none, initialSync: none, rollback: none },
  resharding: none,
  sharding: { balancer: none, catalogRefresh: none, migration: none, rangeDeleter: none, rebalance: none },
  storage: {
    recovery: none,
    journal: none,
    wiredTiger: {
      wtBackup: none,
      wtCheckpoint: none,
      wtCompact: none,
      wtEviction: none,
      wtHS: none,
      wtRecovery: none,
      wtRTS: none,
      wtSalvage: none,
      wtTiered: none,
      wtTimestamp: none,
      wtTransaction: none,
      wtVerify: none,
      wtWriteLog: none,
    },
  },
  tenantMigration: none,
  test: none,
  tracking: none,
  transaction: none,
  write: none,
  ftdc: none,
  assert: none,
  streams: none,
}

export interface Verbosity {
  readonly verbosity: number
  readonly [component: string]: Verbosity | number
}

export function initialVerbosity(): Verbosity {
  return treeOf(components, 0)
}

function treeOf(names: Names, verbosity: number): Verbosity {
  const tree: Record<string, Verbosity | number> = { verbosity }
  for (const name of Object.keys(names)) tree[name] = treeOf(names[name]!, -1)
  return tree as Verbosity
}

/**
 * The tree with what a document says of some of its components, each as `{verbosity: n}` or n. Throws BadValue for a component there is not,
 * and for what is no number.
 */
export function changedVerbosity(tree: Verbosity, to: Value): Verbosity {
  if (to.type !== bsonType.document)
    throw new DatabaseError(
      'TypeMismatch',
      `Failed to set parameter logComponentVerbosity: expected object, not ${typeAlias(to.type)}`,
    )
  return changed(tree, to, '')
}

function changed(tree: Verbosity, to: Value, path: string): Verbosity {
  const result: Record<string, Verbosity | number> = { ...tree }
  for (const field of documentFields(to.bytes, to.start)) {
    const place = path === '' ? field.name : `${path}.${field.name}`
    if (field.name === 'verbosity') {
      result['verbosity'] = levelOf(field, place)
      continue
    }
    const part = Object.hasOwn(tree, field.name) ? tree[field.name] : undefined
    if (typeof part !== 'object') throw new DatabaseError('BadValue', `Invalid component name ${place}`)
    result[field.name] =
      field.type === bsonType.document ? changed(part, field, place) : { ...part, verbosity: levelOf(field, place) }
  }
  return result as Verbosity
}

function levelOf(value: Value, place: string): number {
  if (!isNumber(value.type))
    throw new DatabaseError(
      'BadValue',
      `Expected ${place} to be a number or object, but found ${typeAlias(value.type)}`,
    )
  const level = wholeNumberAt(value.type, value.bytes, value.start)
  return level < 0 ? -1 : level
}
