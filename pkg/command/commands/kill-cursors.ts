import { DatabaseError } from '../../base/errors.ts'
import { writeFields } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, int64Value, readInt64 } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, arrayType, commandFields } from '../fields.ts'
import { collectionNameOf } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { inSlices } from '../slices.ts'

const fields = commandFields('killCursors', {
  killCursors: { type: anyType, required: true },
  cursors: { type: arrayType, required: true },
})

export interface KillCursorsRequest {
  readonly collection: string
  readonly ids: readonly bigint[]
}

interface Result {
  readonly killed: readonly bigint[]
  readonly notFound: readonly bigint[]
}

/** Closes cursors before their end. */
export const killCursors = defineCommand({
  name: 'killCursors',
  help: 'closes cursors before their end',
  kind: 'commands',
  stable: true,
  fields,
  parse: (database: string): KillCursorsRequest => {
    const named = fields.at.killCursors
    const collection = collectionNameOf(database, fields.type(named), fields.bytes, fields.start(named))
    const ids: bigint[] = []
    for (const element of documentFields(fields.document(fields.at.cursors)!)) {
      if (element.type !== bsonType.int64)
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field 'killCursors.cursors.${element.name}' is the wrong type '${typeAlias(element.type)}', expected type 'long'`,
        )
      ids.push(readInt64(element.bytes, element.start))
    }
    return { collection, ids }
  },
  /** A cursor is known by its id: what collection the command names does not matter. */
  run: (operation: Operation, request: KillCursorsRequest): Result | Promise<Result> => {
    const { cursors } = operation.instance
    const killed: bigint[] = []
    const notFound: bigint[] = []
    const done = inSlices(operation, request.ids, (id) => {
      const cursor = cursors.get(id)
      if (cursor === undefined) notFound.push(id)
      else {
        cursors.kill(cursor)
        killed.push(id)
      }
    })
    const result = { killed, notFound }
    return done === undefined ? result : done.then(() => result)
  },
  reply: ({ killed, notFound }: Result, writer: BsonWriter) =>
    writeFields(writer, {
      cursorsKilled: killed.map((id) => int64Value(id)),
      cursorsNotFound: notFound.map((id) => int64Value(id)),
      cursorsAlive: [],
      cursorsUnknown: [],
    }),
})
