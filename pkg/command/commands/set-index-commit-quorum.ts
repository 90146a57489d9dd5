import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, isNumber, readString } from '../../bson/value.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, arrayType, commandFields } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('setIndexCommitQuorum', {
  setIndexCommitQuorum: { type: anyType, required: true },
  indexNames: { type: arrayType, required: true },
  commitQuorum: { type: anyType, required: true },
})

interface Request {
  readonly collection: string
  readonly names: readonly string[]
}

/** How many members must have built an index: all there are is one, so that a build in progress goes on as it was. */
export const setIndexCommitQuorum = defineCommand({
  name: 'setIndexCommitQuorum',
  help: 'how many members must have built an index before it is used',
  kind: 'commands',
  adminOnly: false,
  fields,
  parse: (database: string): Request => {
    const { at } = fields
    const quorum = fields.value(at.commitQuorum)!
    if (quorum.type !== bsonType.string && !isNumber(quorum.type))
      throw new DatabaseError(
        'TypeMismatch',
        `BSON field 'setIndexCommitQuorum.commitQuorum' is the wrong type '${typeAlias(quorum.type)}', expected types '[string, int, decimal, double, long]'`,
      )
    const list = fields.value(at.indexNames)!
    const names = [...documentFields(list.bytes, list.start)].map((each) => {
      if (each.type !== bsonType.string)
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field 'setIndexCommitQuorum.indexNames.${each.name}' is the wrong type '${typeAlias(each.type)}', expected type 'string'`,
        )
      return readString(each.bytes, each.start)
    })
    const first = at.setIndexCommitQuorum
    return { collection: collectionNameOf(database, fields.type(first), fields.bytes, fields.start(first)), names }
  },
  run: (operation: Operation, { collection: name, names }: Request): void => {
    operation.namespace = `${operation.databaseName}.${name}`
    const collection = operation.instance.engine.collection(operation.databaseName, name)
    if (collection === undefined)
      throw new DatabaseError('NamespaceNotFound', `Collection '${operation.namespace}' was not found.`)
    const building = collection.builds.map((index) => index.name)
    if (names.length === 0 || names.some((each) => !building.includes(each)))
      throw new DatabaseError(
        'IndexNotFound',
        `Cannot find an index build on collection '${operation.namespace}' with the provided index names`,
      )
  },
  reply: emptyReply,
})
