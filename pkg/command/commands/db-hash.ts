import { DatabaseError } from '../../base/errors.ts'
import { buildDocument, writeFields } from '../../bson/build.ts'
import { bsonType } from '../../bson/type.ts'
import { binaryValue, documentFields, readString } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Collection } from '../../engine/collection.ts'
import { traitsOf } from '../collection-traits.ts'
import { defineCommand } from '../definition.ts'
import { Md5 } from '../digest.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { Pace } from '../pace.ts'
import { ReadView } from '../read-view.ts'
import { Search } from '../search.ts'

const fields = commandFields(
  'dbHash',
  { dbHash: { type: anyType }, collections: { type: anyType }, skipTempCollections: { type: anyType } },
  { strict: false },
)

/** Digests of the documents of every collection, in the order of `_id`: equal where the data is. */
export const dbHash = defineCommand({
  name: 'dbHash',
  aliases: ['dbhash'],
  help: `digests of the database's collections`,
  kind: 'commands',
  readConcern: true,
  fields,
  parse: (): ReadonlySet<string> => {
    const value = fields.value(fields.at.collections)
    const names = new Set<string>()
    if (value?.type !== bsonType.array) return names
    for (const name of documentFields(value.bytes, value.start)) {
      if (name.type !== bsonType.string) throw new DatabaseError('BadValue', 'collections entries have to be strings')
      names.add(readString(name.bytes, name.start))
    }
    return names
  },
  run: async (operation: Operation, names: ReadonlySet<string>): Promise<Readonly<Record<string, unknown>>> => {
    const { engine, host, world } = operation.instance
    const startMs = world.clock.monotonicMs()
    const collections: Record<string, string> = {}
    const uuids: Record<string, unknown> = {}
    const capped: string[] = []
    const all = new Md5()
    const view = new ReadView(engine)
    view.keep()
    try {
      for (const collection of engine.collections(operation.databaseName)) {
        const traits = traitsOf(collection)
        if (traits.view !== undefined || collection.name.startsWith('system.')) continue
        if (names.size > 0 && !names.has(collection.name)) continue
        if (traits.capped !== undefined) capped.push(collection.name)
        const digest = await digestOf(operation, view, collection)
        collections[collection.name] = digest
        uuids[collection.name] = binaryValue(collection.uuid, 4)
        all.update(new TextEncoder().encode(digest), 0, digest.length)
      }
    } finally {
      view.release()
    }
    return {
      host: host.hostname,
      collections,
      capped,
      uuids,
      md5: all.digest(),
      timeMillis: Math.round(world.clock.monotonicMs() - startMs),
    }
  },
  reply: (result: Readonly<Record<string, unknown>>, writer: BsonWriter) => writeFields(writer, result),
})

const everything = buildDocument({})
const byId = buildDocument({ _id: 1 })

async function digestOf(operation: Operation, view: ReadView, collection: Collection): Promise<string> {
  const rows = new Search(everything, byId, undefined).open(new Pace(operation), collection, view.at, {})
  const digest = new Md5()
  try {
    for (;;) {
      if (rows.next()) digest.update(rows.bytes, rows.start, rows.end)
      else if (!rows.paused) return digest.digest()
      else {
        rows.save()
        await operation.pause()
      }
    }
  } finally {
    rows.close()
  }
}
