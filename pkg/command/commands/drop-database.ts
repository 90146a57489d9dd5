import { DatabaseError } from '../../base/errors.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, numberType } from '../fields.ts'
import type { Operation } from '../instance.ts'

const fields = commandFields('dropDatabase', {
  dropDatabase: { type: numberType, required: true },
  dropPendingTimestamp: { type: anyType },
})

/** Removes a database with all its collections. */
export const dropDatabase = defineCommand({
  name: 'dropDatabase',
  help: 'removes a database',
  kind: 'commands',
  stable: true,
  writeConcern: true,
  fields,
  parse: (database: string): undefined => {
    if (fields.number(fields.at.dropDatabase) !== 1) throw new DatabaseError(5255100, `Have to pass 1 as db parameter`)
    if (database === 'admin' || database === 'config' || database === 'local')
      throw new DatabaseError('IllegalOperation', `Dropping the '${database}' database is prohibited.`)
    return undefined
  },
  changesNothing: ({ instance, databaseName }: Operation) => instance.engine.collections(databaseName).length === 0,
  run: (operation: Operation): undefined | Promise<undefined> => {
    const { engine, cursors } = operation.instance
    const collections = engine.collections(operation.databaseName)
    const namespaces = new Set(collections.map((collection) => collection.namespace))
    if (collections.length > 0)
      engine.write((unit) => {
        for (const collection of collections) unit.dropCollection(collection)
        unit.noteEvent(operation.databaseName, undefined, { operationType: 'dropDatabase' })
      })
    cursors.failAll(namespaces, `database dropped: ${operation.databaseName}`)
    return operation.acknowledge(undefined, engine.lastIndex)
  },
  reply: emptyReply,
})
