import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, booleanType, commandFields } from '../fields.ts'
import type { Operation } from '../instance.ts'
import { operationList } from '../operation-list.ts'

const fields = commandFields(
  'currentOp',
  { currentOp: { type: anyType }, $all: { type: booleanType }, $ownOps: { type: booleanType } },
  { strict: false },
)

/** The operations in progress; with `$all` the cursors and connections, too, that wait for what comes next. */
export const currentOp = defineCommand({
  name: 'currentOp',
  help: 'operations in progress and idle cursors',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: () => ({ all: fields.boolean(fields.at.$all) }),
  run: (operation: Operation, { all }: { readonly all: boolean }) =>
    operationList(operation, { cursors: all, connections: all, sessions: true }),
  reply: (inprog: readonly Readonly<Record<string, unknown>>[], writer: BsonWriter) => writeFields(writer, { inprog }),
})
