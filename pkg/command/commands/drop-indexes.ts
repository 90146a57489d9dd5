import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, documentOf, readString } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Collection } from '../../engine/collection.ts'
import { countedIndexes } from '../clustered-index.ts'
import { traitsOf } from '../collection-traits.ts'
import { type Definition, defineCommand } from '../definition.ts'
import { anyType, booleanType, commandFields } from '../fields.ts'
import { sameKey } from '../index-presence.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { shownIndexes, withoutBuckets } from '../timeseries.ts'
import { refuseView } from '../view.ts'

const fields = commandFields('dropIndexes', {
  dropIndexes: { type: anyType },
  deleteIndexes: { type: anyType },
  index: { type: anyType, required: true },
  isTimeseriesNamespace: { type: booleanType },
})

/** Which indexes: all but that on `_id`, those of the names, or the one with the key pattern. */
type Which = { readonly all: true } | { readonly names: readonly string[] } | { readonly key: Uint8Array }

export interface DropIndexesCommand {
  readonly collection: string
  readonly which: Which
}

interface Result {
  readonly before: number
  readonly all: boolean
}

/** Removes indexes. */
export const dropIndexes: Definition<DropIndexesCommand, Result> = defineCommand({
  name: 'dropIndexes',
  aliases: ['deleteIndexes'],
  help: 'removes indexes',
  kind: 'commands',
  stable: true,
  writeConcern: true,
  fields,
  parse: (database: string): DropIndexesCommand => {
    const at = fields.at
    const named = fields.has(at.dropIndexes) ? at.dropIndexes : at.deleteIndexes
    return {
      collection: collectionNameOf(database, fields.type(named), fields.bytes, fields.start(named)),
      which: parseWhich(),
    }
  },
  run: (operation: Operation, request: DropIndexesCommand): Result | Promise<Result> => {
    const { engine } = operation.instance
    operation.namespace = `${operation.databaseName}.${request.collection}`
    const collection = engine.collection(operation.databaseName, withoutBuckets(request.collection))
    if (collection === undefined) throw new DatabaseError('NamespaceNotFound', `ns not found ${operation.namespace}`)
    refuseView(collection)
    const before = countedIndexes(collection, shownIndexes(collection).length)
    const aborted = collection.builds.filter(({ name }) => isNamed(request.which, name))
    const names = namesOf(
      collection,
      request.which,
      aborted.map(({ name }) => name),
    )
    const { logIndex } = engine.write((unit) => {
      for (const build of aborted) unit.abortIndexBuild(collection, build)
      for (const name of names) unit.dropIndex(collection, name)
    })
    return operation.acknowledge({ before, all: 'all' in request.which }, logIndex)
  },
  reply: ({ before, all }: Result, writer: BsonWriter) => {
    writer.int32('nIndexesWas', before)
    if (all) writer.string('msg', 'non-_id indexes dropped for collection')
  },
})

function parseWhich(): Which {
  const value = fields.value(fields.at.index)!
  if (value.type === bsonType.string) {
    const name = readString(value.bytes, value.start)
    return name === '*' ? { all: true } : { names: [name] }
  }
  if (value.type === bsonType.document) return { key: documentOf(value) }
  const names: string[] = []
  if (value.type === bsonType.array) {
    for (const element of documentFields(value.bytes, value.start)) {
      if (element.type !== bsonType.string) throw wrongType(element.type)
      names.push(readString(element.bytes, element.start))
    }
    return names.length === 1 && names[0] === '*' ? { all: true } : { names }
  }
  throw wrongType(value.type)
}

function wrongType(type: number): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field 'dropIndexes.index' is the wrong type '${typeAlias(type)}', expected types '[string, object, array]'`,
  )
}

/** Whether an index under construction is among those to go. */
function isNamed(which: Which, name: string): boolean {
  return 'all' in which || ('names' in which && which.names.includes(name))
}

/** `aborted`: names of builds that end with this. */
function namesOf(collection: Collection, which: Which, aborted: readonly string[]): readonly string[] {
  const names: string[] = []
  if ('all' in which) {
    for (const index of collection.indexes) if (index !== collection.idIndex) names.push(index.name)
    return names
  }
  if ('key' in which) {
    const [found, second] = shownIndexes(collection).filter((index) => sameKey(index.definition.keyPattern, which.key))
    if (second !== undefined)
      throw new DatabaseError(
        'AmbiguousIndexKeyPattern',
        `several indexes have the key ${shown(which.key)}: drop one of them by its name`,
      )
    if (found === undefined) throw new DatabaseError('IndexNotFound', `can't find index with key: ${shown(which.key)}`)
    names.push(found.name)
  } else {
    for (const name of which.names) {
      if (aborted.includes(name)) continue
      if (!shownIndexes(collection).some((index) => index.name === name) || names.includes(name))
        throw new DatabaseError('IndexNotFound', `index not found with name [${name}]`)
      names.push(name)
    }
  }
  if (names.includes('_id_') && traitsOf(collection).clustered)
    throw new DatabaseError(5979800, 'It is illegal to drop the clusteredIndex')
  if (names.includes('_id_')) throw new DatabaseError('InvalidOptions', 'cannot drop _id index')
  return names
}

function shown(key: Uint8Array): string {
  return `{ ${[...documentFields(key)].map((part) => part.name).join(', ')} }`
}
