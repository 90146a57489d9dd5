import { DatabaseError } from '../../base/errors.ts'
import { writeFields } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { truthy } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Collection } from '../../engine/collection.ts'
import type { Engine } from '../../engine/engine.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../instance.ts'
import { checkCollectionName } from '../namespace.ts'
import { refuseView } from '../view.ts'

const fields = commandFields(
  'validate',
  {
    validate: { type: anyType, required: true },
    full: { type: anyType },
    background: { type: anyType },
    repair: { type: anyType },
    metadata: { type: anyType },
    checkBSONConformance: { type: anyType },
    fixMultikey: { type: anyType },
    atClusterTime: { type: anyType },
    collHash: { type: anyType },
    hashPrefixes: { type: anyType },
    unhash: { type: anyType },
  },
  // MongoDB looks at what it knows and takes any truth value.
  { strict: false },
)

interface Result {
  readonly collection: Collection
  readonly report: Awaited<ReturnType<Engine['checkCollection']>>
}

/** Walks a collection and its indexes and says whether they agree. */
export const validate = defineCommand({
  name: 'validate',
  help: 'checks a collection and its indexes',
  kind: 'commands',
  fields,
  parse: (database: string): string => {
    const at = fields.at.validate
    if (fields.type(at) !== bsonType.string)
      throw new DatabaseError('InvalidNamespace', `collection name has invalid type ${typeAlias(fields.type(at))}`)
    const name = fields.string(at)!
    checkCollectionName(database, name)
    const repair = fields.value(fields.at.repair)
    if (repair !== undefined && truthy(repair))
      throw new DatabaseError('NotImplemented', 'validate with repair: true is not supported')
    return name
  },
  run: async (operation: Operation, name: string): Promise<Result> => {
    const { engine } = operation.instance
    operation.namespace = `${operation.databaseName}.${name}`
    const collection = engine.collection(operation.databaseName, name)
    refuseView(collection)
    if (collection === undefined)
      throw new DatabaseError('NamespaceNotFound', `Collection '${operation.namespace}' does not exist to validate.`)
    const report = await engine.checkCollection(
      collection,
      () => operation.due(),
      () => operation.pause(),
    )
    return { collection, report }
  },
  reply: ({ collection, report }: Result, writer: BsonWriter) => {
    const valid = report.problems.length === 0
    writeFields(writer, {
      ns: collection.namespace,
      nInvalidDocuments: 0,
      nNonCompliantDocuments: 0,
      nrecords: report.documents,
      nIndexes: collection.indexes.length,
      indexDetails: Object.fromEntries(collection.indexes.map((index) => [index.name, { valid }])),
      valid,
      repaired: false,
      warnings: [],
      errors: report.problems,
      extraIndexEntries: [],
      missingIndexEntries: [],
      corruptRecords: [],
    })
  },
})
