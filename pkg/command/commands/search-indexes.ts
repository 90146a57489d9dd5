/** Indexes of a search server: there is none, and who asks for them is told so, by the number that tools know. */
import { DatabaseError } from '../../base/errors.ts'
import { type AnyDefinition, defineCommand, emptyReply } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'

const searchNotEnabled = 31082

function refused(name: string, help: string): AnyDefinition {
  const fields = commandFields(name, { [name]: { type: anyType, required: true } }, { strict: false })
  return defineCommand({
    name,
    help,
    kind: 'commands',
    fields,
    parse: (database: string): string => {
      const at = fields.at[name]!
      return collectionNameOf(database, fields.type(at), fields.bytes, fields.start(at))
    },
    run: (): never => {
      throw new DatabaseError(searchNotEnabled, `${name} needs a search server, as Atlas has one: there is none`)
    },
    reply: emptyReply,
  })
}

export const searchIndexCommands: readonly AnyDefinition[] = [
  refused('createSearchIndexes', 'makes indexes of a search server'),
  refused('updateSearchIndex', 'changes an index of a search server'),
  refused('dropSearchIndex', 'drops an index of a search server'),
]
