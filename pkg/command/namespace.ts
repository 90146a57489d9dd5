/** Names of databases and collections: what is allowed, and how to put them together. */
import { DatabaseError } from '../base/errors.ts'
import { databaseNameLengthMax, namespaceLengthMax } from '../base/limits.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { readString } from '../bson/value.ts'

const encoder = new TextEncoder()
const databaseForbidden = /[/\\. "$\0]/

function byteLength(text: string): number {
  return encoder.encode(text).length
}

/** Throws InvalidNamespace when `name` cannot be a database. */
export function checkDatabaseName(name: string): void {
  if (checkedDatabases.has(name)) return
  if (name.length === 0 || databaseForbidden.test(name) || byteLength(name) > databaseNameLengthMax)
    throw new DatabaseError('InvalidNamespace', `Invalid database name: '${name}'`)
  if (checkedDatabases.size > 1000) checkedDatabases.clear()
  checkedDatabases.add(name)
}

/** Names that were found good: a check costs more than a look here, and nearly every command names the same few. */
const checkedDatabases = new Set<string>()

/** Throws InvalidNamespace when `name` cannot be a collection of `database` that commands may address. */
export function checkCollectionName(database: string, name: string): void {
  if (name.length === 0) throw new DatabaseError('InvalidNamespace', `Invalid namespace specified '${database}.'`)
  const first = name.charCodeAt(0)
  if (first === 46 /* . */)
    throw new DatabaseError('InvalidNamespace', `Invalid namespace specified '${database}.${name}'`)
  if (name.includes('\0'))
    throw new DatabaseError('InvalidNamespace', `namespaces cannot have embedded null characters`)
}

/** The further rules for a collection that is to be made: no '$', length, system names. */
export function checkNewCollectionName(database: string, name: string): void {
  checkCollectionName(database, name)
  if (name.includes('$')) throw new DatabaseError('InvalidNamespace', `Invalid collection name: ${name}`)
  const namespace = `${database}.${name}`
  if (byteLength(namespace) > namespaceLengthMax)
    throw new DatabaseError(
      'InvalidNamespace',
      `Fully qualified namespace is too long. Namespace: ${namespace} Max: ${namespaceLengthMax}`,
    )
  if (name.startsWith('system.') && !isLegalSystemName(database, name))
    throw new DatabaseError('InvalidNamespace', `Invalid system namespace: ${namespace}`)
}

const systemNames: ReadonlySet<string> = new Set(['system.js', 'system.profile', 'system.users', 'system.views'])
const adminSystemNames: ReadonlySet<string> = new Set(['system.roles', 'system.version', 'system.keys'])
const configSystemNames: ReadonlySet<string> = new Set(['system.sessions', 'system.indexBuilds', 'system.preimages'])

function isLegalSystemName(database: string, name: string): boolean {
  if (systemNames.has(name)) return true
  if (database === 'admin') return adminSystemNames.has(name)
  if (database === 'config') return configSystemNames.has(name)
  if (database === 'local') return name === 'system.replset' || name === 'system.healthlog'
  return false
}

/** The name in a command's first field, which must be a string: otherwise InvalidNamespace, as MongoDB has it. */
export function collectionNameOf(database: string, type: number, bytes: Uint8Array, start: number): string {
  if (type !== bsonType.string && type !== bsonType.symbol)
    throw new DatabaseError('InvalidNamespace', `collection name has invalid type ${typeAlias(type)}`)
  const name = readString(bytes, start)
  checkCollectionName(database, name)
  return name
}

/** `database.collection` to its parts; throws InvalidNamespace when there is no dot or a part is wrong. */
export function splitNamespace(namespace: string): { readonly database: string; readonly collection: string } {
  const dot = namespace.indexOf('.')
  if (dot <= 0 || dot === namespace.length - 1)
    throw new DatabaseError('InvalidNamespace', `Invalid namespace specified '${namespace}'`)
  const database = namespace.slice(0, dot)
  const collection = namespace.slice(dot + 1)
  checkDatabaseName(database)
  checkCollectionName(database, collection)
  return { database, collection }
}
