import { DatabaseError } from '../../base/errors.ts'
import { rawDocument, writeFields } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { binaryValue, truthy } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import type { Collection } from '../../engine/collection.ts'
import type { Engine } from '../../engine/engine.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import { checkCollectionName } from '../namespace.ts'
import type { Operation } from '../operation.ts'
import { isTimeseries, shownIndexes } from '../timeseries.ts'
import { compliance } from '../validator.ts'
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
    enforceFastCount: { type: anyType },
    atClusterTime: { type: anyType },
    collHash: { type: anyType },
    hashPrefixes: { type: anyType },
    unhash: { type: anyType },
  },
  // MongoDB looks at what it knows and takes any truth value.
  { strict: false },
)

interface Request {
  readonly name: string
  readonly metadata: boolean
  readonly background: boolean
  readonly repair: boolean
  readonly fixMultikey: boolean
}

interface Result {
  readonly collection: Collection
  /** undefined: only what the catalog says was looked at. */
  readonly report: Awaited<ReturnType<Engine['checkCollection']>> | undefined
  readonly nonCompliant: number
}

/** Walks a collection and its indexes and says whether they agree. */
export const validate = defineCommand({
  name: 'validate',
  help: 'checks a collection and its indexes',
  kind: 'commands',
  fields,
  parse: (database: string): Request => {
    const at = fields.at.validate
    if (fields.type(at) !== bsonType.string)
      throw new DatabaseError('InvalidNamespace', `collection name has invalid type ${typeAlias(fields.type(at))}`)
    const name = fields.string(at)!
    checkCollectionName(database, name)
    return { name, ...readOptions() }
  },
  run: async (operation: Operation, request: Request): Promise<Result> => {
    const { engine } = operation.instance
    operation.namespace = `${operation.databaseName}.${request.name}`
    refuseOn(operation, request)
    const collection = engine.collection(operation.databaseName, request.name)
    refuseView(collection)
    if (collection === undefined)
      throw new DatabaseError('NamespaceNotFound', `Collection '${operation.namespace}' does not exist to validate.`)
    if (request.metadata) return { collection, report: undefined, nonCompliant: 0 }
    let nonCompliant = 0
    const complies = compliance(operation, collection)
    const report = await engine.checkCollection(
      collection,
      () => operation.due(),
      () => operation.pause(),
      complies &&
        ((document) => {
          if (!complies(document)) nonCompliant++
        }),
    )
    if (request.repair && report.problems.length > 0)
      throw new DatabaseError(
        'NotImplemented',
        `validate cannot repair ${operation.namespace}, of which it found: ${report.problems[0]!}`,
      )
    return { collection, report, nonCompliant }
  },
  reply: ({ collection, report, nonCompliant }: Result, writer: BsonWriter) => {
    const indexes = shownIndexes(collection)
    const problems = report?.problems ?? []
    const valid = problems.length === 0
    const counts = report && {
      nInvalidDocuments: 0,
      nNonCompliantDocuments: nonCompliant,
      nrecords: report.documents,
    }
    writeFields(writer, {
      ns: namespaceShown(collection),
      uuid: binaryValue(collection.uuid, 4),
      ...counts,
      nIndexes: indexes.length,
      keysPerIndex: Object.fromEntries(indexes.map(({ name }) => [name, report?.keysPerIndex.get(name) ?? 0])),
      indexDetails: Object.fromEntries(
        indexes.map(({ name, definition }) => [name, { valid, spec: rawDocument(definition.bytes) }]),
      ),
      valid,
      repaired: false,
      warnings: nonCompliant === 0 ? [] : [`${nonCompliant} documents do not match the validator of the collection`],
      errors: problems,
      extraIndexEntries: [],
      missingIndexEntries: [],
      corruptRecords: [],
    })
  },
})

/** Of a time series its buckets are looked at. */
function namespaceShown(collection: Collection): string {
  const { database, name, namespace } = collection
  return isTimeseries(collection) ? `${database}.system.buckets.${name}` : namespace
}

/** Errors: InvalidOptions for options that exclude each other. */
function readOptions(): Omit<Request, 'name'> {
  const given = (name: keyof typeof fields.at): boolean => {
    const value = fields.value(fields.at[name])
    return value !== undefined && truthy(value)
  }
  const background = given('background')
  const full = given('full')
  const fast = given('enforceFastCount')
  const conformance = given('checkBSONConformance')
  const repair = given('repair')
  const metadata = given('metadata')
  if (background && full) throw excluded('background', 'full')
  if (background && fast) throw excluded('background', 'enforceFastCount')
  if (fields.has(fields.at.checkBSONConformance) && !conformance && (full || fast))
    throw new DatabaseError(
      'InvalidOptions',
      `Cannot explicitly set 'checkBSONConformance: false' with full validation set.`,
    )
  if (background && repair) throw excluded('background', 'repair')
  if (fast && repair) throw excluded('enforceFastCount', 'repair')
  if (conformance && repair) throw excluded('checkBSONConformance', 'repair')
  if (metadata && (background || full || fast || conformance || repair))
    throw new DatabaseError(
      'InvalidOptions',
      'Running the validate command with { metadata: true } is not supported with any other options',
    )
  return { background, repair, metadata, fixMultikey: given('fixMultikey') }
}

function excluded(one: string, other: string): DatabaseError {
  return new DatabaseError(
    'InvalidOptions',
    `Running the validate command with both { ${one}: true } and { ${other}: true } is not supported.`,
  )
}

/** What depends on how the server runs: a replica set may not repair, and who stands alone has no checkpoint to look at in the background. */
function refuseOn({ instance, namespace }: Operation, { background, repair, fixMultikey }: Request): void {
  if (instance.replicaSet !== undefined && (repair || fixMultikey))
    throw new DatabaseError(
      'InvalidOptions',
      `Running the validate command with { ${repair ? 'repair' : 'fixMultikey'}: true } can only be performed in standalone mode.`,
    )
  if (background && instance.replicaSet === undefined)
    throw new DatabaseError(
      'NamespaceNotFound',
      `Cannot run background validation on collection ${namespace} because there is no checkpoint yet`,
    )
}
