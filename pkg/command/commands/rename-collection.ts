import { DatabaseError } from '../../base/errors.ts'
import { namespaceLengthMax } from '../../base/limits.ts'
import { bsonType } from '../../bson/type.ts'
import { traitsOf } from '../collection-traits.ts'
import { checkCollectionUuid, collectionUuid, uuidAt } from '../collection-uuid.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, strictBooleanType, stringType, uuidType } from '../fields.ts'
import { splitNamespace } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { isTimeseries, refuseTimeseries } from '../timeseries.ts'
import { refuseView } from '../view.ts'
import { checkNewCollection, type Target } from '../write-insert.ts'

const fields = commandFields('renameCollection', {
  renameCollection: { type: stringType, required: true },
  to: { type: stringType, required: true },
  dropTarget: { type: anyType },
  stayTemp: { type: strictBooleanType },
  collectionUUID: { type: uuidType },
})

export interface RenameCommand {
  readonly from: Target
  readonly to: Target
  readonly dropTarget: boolean
  /** The UUID that the target to be dropped must have. */
  readonly targetUuid: Uint8Array | undefined
  readonly uuid: Uint8Array | undefined
}

/** Gives a collection another name, also in another database. */
export const renameCollection = defineCommand({
  name: 'renameCollection',
  help: 'gives a collection another name',
  kind: 'commands',
  adminOnly: true,
  writeConcern: true,
  fields,
  parse: (): RenameCommand => {
    const at = fields.at
    const dropTarget = fields.value(at.dropTarget)
    if (dropTarget !== undefined && dropTarget.type !== bsonType.boolean && dropTarget.type !== bsonType.binary)
      throw new DatabaseError(
        'TypeMismatch',
        `BSON field 'renameCollection.dropTarget' is the wrong type, expected types '[bool, binData]'`,
      )
    const from = renamedNamespace(fields.string(at.renameCollection)!)
    const to = renamedNamespace(fields.string(at.to)!)
    return {
      from,
      to,
      dropTarget: dropTarget !== undefined && (dropTarget.type !== bsonType.boolean || fields.boolean(at.dropTarget)),
      targetUuid: dropTarget?.type === bsonType.binary ? uuidAt(fields, at.dropTarget) : undefined,
      uuid: collectionUuid(fields, at.collectionUUID),
    }
  },
  run: (
    operation: Operation,
    { from, to, dropTarget, targetUuid, uuid }: RenameCommand,
  ): undefined | Promise<undefined> => {
    const { engine, cursors } = operation.instance
    if (from.database === to.database && from.collection === to.collection)
      throw new DatabaseError('IllegalOperation', `Can't rename a collection to itself`)
    refuseSystemName(from)
    refuseSystemName(to)
    if (targetUuid !== undefined) {
      if (from.database !== to.database)
        throw new DatabaseError('InvalidOptions', `dropTarget by UUID is not possible across databases`)
      checkCollectionUuid(operation, to.database, to.collection, targetUuid)
    }
    checkCollectionUuid(operation, from.database, from.collection, uuid)
    const collection = engine.collection(from.database, from.collection)
    if (collection === undefined)
      throw new DatabaseError(
        'NamespaceNotFound',
        `Source collection ${from.database}.${from.collection} does not exist`,
      )
    refuseView(collection)
    refuseTimeseries(collection)
    checkNewCollection(operation, to)
    const existing = engine.collection(to.database, to.collection)
    const isKept = existing !== undefined && (traitsOf(existing).view !== undefined || isTimeseries(existing))
    if (existing !== undefined && (!dropTarget || isKept))
      throw new DatabaseError('NamespaceExists', 'target namespace exists')
    const { logIndex } = engine.write((unit) => unit.renameCollection(collection, to.database, to.collection, existing))
    const old = new Set([`${from.database}.${from.collection}`, `${to.database}.${to.collection}`])
    cursors.failAll(old, `collection renamed: ${from.database}.${from.collection} to ${to.database}.${to.collection}`)
    return operation.acknowledge(undefined, logIndex)
  },
  reply: emptyReply,
})

/** Errors: IllegalOperation for one that is too long, InvalidNamespace. */
function renamedNamespace(namespace: string): Target {
  if (Buffer.byteLength(namespace) > namespaceLengthMax)
    throw new DatabaseError(
      'IllegalOperation',
      `Namespace is too long to be renamed: ${namespace} Max: ${namespaceLengthMax}`,
    )
  return splitNamespace(namespace)
}

function refuseSystemName({ database, collection }: Target): void {
  if (collection.startsWith('system.'))
    throw new DatabaseError('IllegalOperation', `renaming system collection ${database}.${collection} is not allowed`)
  if (database === 'local' && collection.startsWith('oplog.'))
    throw new DatabaseError(
      'IllegalOperation',
      `renaming the oplog, or to it, is not allowed: ${database}.${collection}`,
    )
}
