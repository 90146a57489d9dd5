import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, strictBooleanType, stringType } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { updateDocuments } from '../write.ts'
import { type BlockReason, blockCollection, blockDocument, blockFilter, blockReasons } from '../write-block.ts'

const fields = commandFields('setUserWriteBlockMode', {
  setUserWriteBlockMode: { type: anyType },
  global: { type: strictBooleanType, required: true },
  reason: { type: stringType },
})

interface BlockRequest {
  readonly blocks: boolean
  readonly reason: BlockReason
}

/** Refuses, or allows again, all that users write, also after a restart. */
export const setUserWriteBlockMode = defineCommand({
  name: 'setUserWriteBlockMode',
  help: 'refuses what users write, or allows it again',
  kind: 'commands',
  adminOnly: true,
  writeConcern: true,
  fields,
  parse: (): BlockRequest => {
    const { at } = fields
    const name = fields.string(at.reason) ?? 'Unspecified'
    const reason = blockReasons.find((each) => each === name)
    if (reason === undefined)
      throw new DatabaseError(
        'BadValue',
        `Enumeration value '${name}' for field 'setUserWriteBlockMode.reason' is not a valid value.`,
      )
    return { blocks: fields.boolean(at.global), reason }
  },
  run: async (operation: Operation, { blocks, reason }: BlockRequest): Promise<undefined> => {
    const { engine, replicaSet, writeBlock } = operation.instance
    if (replicaSet === undefined)
      throw new DatabaseError('IllegalOperation', 'setUserWriteBlockMode cannot be run on standalones')
    if (blocks && writeBlock.reason !== undefined && writeBlock.reason !== reason)
      throw new DatabaseError('IllegalOperation', `User writes are blocked already. Reason: ${writeBlock.reason}`)
    const set = blocks ? reason : undefined
    const document = blockDocument(set)
    const update = { type: bsonType.document, bytes: document, start: 0, end: document.length }
    const request = {
      filter: blockFilter,
      update,
      multi: false,
      upsert: true,
      arrayFilters: [],
      hint: undefined,
      sort: undefined,
    }
    await updateDocuments(operation, blockCollection, request)
    writeBlock.set(set)
    return operation.acknowledge(undefined, engine.lastIndex)
  },
  reply: emptyReply,
})
