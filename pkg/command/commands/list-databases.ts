import { buildDocument, rawDocument, writeFields } from '../../bson/build.ts'
import { documentValue } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { compileFilter } from '../../query/filter/compile.ts'
import { parseFilter } from '../../query/filter/parse.ts'
import { refuseOperators } from '../../query/filter/refused-operators.ts'
import { defineCommand } from '../definition.ts'
import { anyType, booleanType, commandFields, objectType, strictBooleanType } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { sizeInPages } from '../sizes.ts'

const fields = commandFields('listDatabases', {
  listDatabases: { type: anyType },
  filter: { type: objectType },
  nameOnly: { type: booleanType },
  authorizedDatabases: { type: strictBooleanType },
})

export interface ListDatabasesRequest {
  readonly filter: Uint8Array | undefined
  readonly nameOnly: boolean
}

interface Result {
  readonly databases: readonly Uint8Array[]
  readonly totalSize: number | undefined
}

/** Databases that are always there, collections or not. */
export const systemDatabases: readonly string[] = ['admin', 'config', 'local']

/** The databases and their sizes. */
export const listDatabases = defineCommand({
  name: 'listDatabases',
  help: 'the databases and their sizes',
  kind: 'commands',
  adminOnly: true,
  stable: true,
  fields,
  parse: (): ListDatabasesRequest => ({
    filter: fields.document(fields.at.filter),
    nameOnly: fields.boolean(fields.at.nameOnly),
  }),
  run: (operation: Operation, request: ListDatabasesRequest): Result => {
    const { engine } = operation.instance
    if (request.filter !== undefined) {
      refuseOperators(documentValue(request.filter), { $where: 'BadValue', $text: 'BadValue' })
    }
    const matches = request.filter === undefined ? undefined : compileFilter(parseFilter(request.filter))
    const names = [...new Set([...systemDatabases, ...engine.databases()])].sort(byCodePoint)
    const databases: Uint8Array[] = []
    let totalSize = 0
    for (const name of names) {
      const sizeOnDisk = sizeInPages(engine.collections(name), engine.options.pageSizeBytes)
      const whole = buildDocument({ name, sizeOnDisk: BigInt(sizeOnDisk), empty: false })
      const document = request.nameOnly ? buildDocument({ name }) : whole
      if (matches !== undefined && !matches(whole, 0)) continue
      totalSize += sizeOnDisk
      databases.push(document)
    }
    return { databases, totalSize: request.nameOnly ? undefined : totalSize }
  },
  reply: ({ databases, totalSize }: Result, writer: BsonWriter) =>
    writeFields(writer, {
      databases: databases.map((document) => rawDocument(document)),
      ...(totalSize === undefined
        ? {}
        : { totalSize: BigInt(totalSize), totalSizeMb: BigInt(Math.floor(totalSize / 1048576)) }),
    }),
})

function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
