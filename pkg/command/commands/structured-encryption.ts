import { DatabaseError } from '../../base/errors.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, objectType } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { refuseView } from '../view.ts'

const fields = commandFields('compactStructuredEncryptionData', {
  compactStructuredEncryptionData: { type: anyType, required: true },
  compactionTokens: { type: objectType, required: true },
  encryptionInformation: { type: objectType },
  anchorPaddingFactor: { type: anyType },
})

/** There are no collections with queryable encryption: it has nothing to compact. */
export const compactStructuredEncryptionData = defineCommand({
  name: 'compactStructuredEncryptionData',
  help: 'compacts the data of queryable encryption',
  kind: 'commands',
  fields,
  parse: (database: string): string => {
    const at = fields.at.compactStructuredEncryptionData
    return collectionNameOf(database, fields.type(at), fields.bytes, fields.start(at))
  },
  run: (operation: Operation, name: string): never => {
    const collection = operation.instance.engine.collection(operation.databaseName, name)
    refuseView(collection)
    throw new DatabaseError(6346807, 'Target namespace is not an encrypted collection')
  },
  reply: emptyReply,
})
