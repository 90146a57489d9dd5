import { buildDocument } from '../../bson/build.ts'
import { documentFields } from '../../bson/value.ts'
import { BsonWriter, indexName } from '../../bson/writer.ts'
import { compileFilter } from '../../query/filter/compile.ts'
import { parseFilter } from '../../query/filter/parse.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, genericFields } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { operationList } from '../operation-list.ts'

const fields = commandFields(
  'currentOp',
  {
    currentOp: { type: anyType },
    $all: { type: anyType },
    $ownOps: { type: anyType },
    $truncateOps: { type: anyType },
  },
  { strict: false },
)

interface Request {
  readonly all: boolean
  /** Which operations are shown, as a filter: the fields of the command that nobody declared. */
  readonly filter: Uint8Array
}

/** The operations in progress; with `$all` the cursors and connections, too, that wait for what comes next. */
export const currentOp = defineCommand({
  name: 'currentOp',
  help: 'operations in progress and idle cursors; other fields are a filter on them',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: (): Request => ({ all: fields.boolean(fields.at.$all), filter: filterIn(fields.bytes) }),
  run: (operation: Operation, { all, filter }: Request): readonly Uint8Array[] => {
    const matches = compileFilter(parseFilter(filter, 0, { nowMs: operation.nowMs }))
    return operationList(operation, { cursors: all, connections: all, sessions: true })
      .map((shown) => buildDocument(shown))
      .filter((shown) => matches(shown, 0))
  },
  reply: (inprog: readonly Uint8Array[], writer: BsonWriter) => {
    writer.beginArray('inprog')
    for (const [i, shown] of inprog.entries()) writer.document(indexName(i), shown)
    writer.end()
  },
})

const options: ReadonlySet<string> = new Set(['currentOp', '$all', '$ownOps', '$truncateOps'])

function filterIn(command: Uint8Array): Uint8Array {
  const writer = new BsonWriter()
  writer.beginDocument()
  for (const field of documentFields(command))
    if (!options.has(field.name) && !Object.hasOwn(genericFields, field.name)) writer.value(field.name, field)
  writer.end()
  return writer.finish()
}
