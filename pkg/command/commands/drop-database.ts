import { DatabaseError } from '../../base/errors.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields, numberType } from '../fields.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('dropDatabase', {
  dropDatabase: { type: numberType, required: true },
  dropPendingTimestamp: { type: anyType },
})

/** Collections dropped at once: more of them go one part after the other. */
const partMax = 500

/** Drops a part of the database's collections; true when none is left. */
function dropSome({ instance, databaseName }: Operation): boolean {
  const { engine, cursors } = instance
  const collections = engine.collections(databaseName)
  if (collections.length === 0) return true
  const part = collections.slice(0, partMax)
  const isLast = part.length === collections.length
  engine.write((unit) => {
    for (const collection of part) unit.dropCollection(collection)
    if (isLast) unit.noteEvent(databaseName, undefined, { operationType: 'dropDatabase' })
  })
  cursors.failAll(new Set(part.map(({ namespace }) => namespace)), `database dropped: ${databaseName}`)
  return isLast
}

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
    const { engine } = operation.instance
    if (dropSome(operation)) return operation.acknowledge(undefined, engine.lastIndex)
    const goOn = async (): Promise<undefined> => {
      do await operation.pause()
      while (!dropSome(operation))
      return operation.acknowledge(undefined, engine.lastIndex)
    }
    return goOn()
  },
  reply: emptyReply,
})
