import { DatabaseError } from '../../base/errors.ts'
import { buildDocument } from '../../bson/build.ts'
import { bsonType } from '../../bson/type.ts'
import { getField, isNumber, numberOf, readInt32, type Value, valueAt } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { Md5 } from '../digest.ts'
import { anyType, booleanType, commandFields, stringType } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { Pace } from '../pace.ts'
import { ReadView } from '../read-view.ts'
import { Search } from '../search.ts'
import { drain } from '../view-rows.ts'

const fields = commandFields('filemd5', {
  filemd5: { type: anyType, required: true },
  root: { type: stringType },
  partialOk: { type: booleanType },
  md5state: { type: anyType },
})

interface Request {
  readonly fileId: Value
  readonly root: string
}

interface Result {
  readonly chunkCount: number
  readonly md5: string
}

const order = buildDocument({ files_id: 1, n: 1 })

/** The MD5 of a GridFS file's chunks, in their order. */
export const fileMd5 = defineCommand({
  name: 'filemd5',
  help: "the MD5 of a GridFS file's chunks",
  kind: 'reads',
  fields,
  parse: (): Request => {
    const { at } = fields
    if (fields.boolean(at.partialOk) || fields.has(at.md5state))
      throw new DatabaseError('NotImplemented', 'filemd5 with partialOk is not supported')
    const { type, bytes, start, end } = fields.value(at.filemd5)!
    return { fileId: valueAt(type, bytes.slice(start, end), 0, end - start), root: fields.string(at.root) ?? 'fs' }
  },
  run: async (operation: Operation, { fileId, root }: Request): Promise<Result> => {
    const { engine } = operation.instance
    const name = `${root}.chunks`
    operation.namespace = `${operation.databaseName}.${name}`
    const collection = engine.collection(operation.databaseName, name)
    const md5 = new Md5()
    let chunkCount = 0
    if (collection !== undefined) {
      const view = new ReadView(engine)
      const search = new Search(buildDocument({ files_id: { $eq: fileId } }), order, undefined)
      const rows = search.open(new Pace(operation), collection, view.at, {})
      await drain(operation, rows, view, ({ bytes, start }) => {
        const n = getField(bytes, 'n', start)
        const number = n !== undefined && isNumber(n.type) ? numberOf(n) : -1
        if (number !== chunkCount)
          throw new DatabaseError('BadValue', `chunks out of order: should have chunk ${chunkCount}, have ${number}`)
        const data = getField(bytes, 'data', start)
        if (data?.type !== bsonType.binary)
          throw new DatabaseError(50847, 'The element that calls binDataClean() must be type of BinData')
        md5.update(data.bytes, data.start + 5, data.start + 5 + readInt32(data.bytes, data.start))
        chunkCount++
      })
    }
    return { chunkCount, md5: md5.digest() }
  },
  reply: ({ chunkCount, md5 }: Result, writer: BsonWriter) => {
    writer.int32('numChunks', chunkCount)
    writer.string('md5', md5)
  },
})
