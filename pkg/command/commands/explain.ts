import { DatabaseError } from '../../base/errors.ts'
import { writeFields } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { getField, readString } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { type AnyDefinition, type Definition, defineCommand, noSequences } from '../definition.ts'
import { explainReply } from '../explain-reply.ts'
import type { Explanation, Verbosity } from '../explanation.ts'
import { commandFields, objectType, stringType } from '../fields.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('explain', {
  explain: { type: objectType, required: true },
  verbosity: { type: stringType },
})

const verbosities: ReadonlySet<string> = new Set(['queryPlanner', 'executionStats', 'allPlansExecution'])

interface Request {
  readonly definition: AnyDefinition
  readonly command: Uint8Array
  readonly request: unknown
  readonly verbosity: Verbosity
}

/** How a command would be carried out. `definitionOf`: the table, which explain is itself part of. */
export function explainCommand(definitionOf: (command: Uint8Array) => AnyDefinition): Definition<Request, Explanation> {
  return defineCommand({
    name: 'explain',
    help: 'how a command would be carried out',
    kind: 'commands',
    stable: true,
    readConcern: true,
    fields,
    parse: (database: string): Request => {
      const verbosity = fields.string(fields.at.verbosity) ?? 'allPlansExecution'
      if (!verbosities.has(verbosity))
        throw new DatabaseError(
          'BadValue',
          `Enumeration value '${verbosity}' for field 'explain.verbosity' is not a valid value.`,
        )
      const command = fields.document(fields.at.explain)!.slice()
      checkDatabase(command, database)
      const definition = definitionOf(command)
      if (definition.explain === undefined)
        throw new DatabaseError('IllegalOperation', `Cannot explain cmd: ${definition.name}`)
      definition.fields.read(command, 0)
      const request = definition.parse(database, noSequences)
      return { definition, command, request, verbosity: verbosity as Verbosity }
    },
    run: (
      operation: Operation,
      { definition, command, request, verbosity }: Request,
    ): Explanation | Promise<Explanation> => {
      const explanation = definition.explain!(operation, request, verbosity)
      return explanation instanceof Promise
        ? explanation.then((found) => explainReply(operation, found, command))
        : explainReply(operation, explanation, command)
    },
    reply: (explanation: Explanation, writer: BsonWriter) => writeFields(writer, explanation),
  })
}

/** Errors: InvalidNamespace when the command names another database than explain. */
function checkDatabase(command: Uint8Array, database: string): void {
  const named = getField(command, '$db')
  if (named === undefined) return
  if (named.type !== bsonType.string)
    throw new DatabaseError(
      'TypeMismatch',
      `Wrong type for field '$db': expected string, found ${typeAlias(named.type)}`,
    )
  const inner = readString(named.bytes, named.start)
  if (inner !== database)
    throw new DatabaseError(
      'InvalidNamespace',
      `Mismatched $db in explain command. Expected ${database} but got ${inner}`,
    )
}
