/** Views: a name for a pipeline over a collection or another view. The catalog keeps one as a collection without documents. */
import { parsePipeline } from '../aggregate/parse.ts'
import { DatabaseError } from '../base/errors.ts'
import { timestampOf } from '../base/timestamp.ts'
import { equalValues } from '../bson/order.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, readString, timestampValue, type Value } from '../bson/value.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import type { Collection } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'
import type { Workspace } from '../engine/workspace.ts'
import { Scope } from '../expression/scope.ts'
import { traitsOf, type ViewTraits } from './collection-traits.ts'
import { checkCollectionName } from './namespace.ts'

/** Views that may lie one on top of the other. */
const depthMax = 20
/** Bytes of all stages of a pipeline, so that the definition around it fits into 16 MiB. */
const stagesSizeMax = 16_000_000

/** The `pipeline` option as it is kept: elements that are null are left out. */
export function viewPipeline(option: Value | undefined): Uint8Array {
  const writer = new BsonWriter()
  writer.beginDocument()
  if (option !== undefined) {
    let count = 0
    for (const stage of documentFields(option.bytes, option.start)) {
      if (stage.type === bsonType.null || stage.type === bsonType.undefined) continue
      writer.value(indexName(count++), stage)
    }
  }
  writer.end()
  return writer.finish()
}

/** Throws what is wrong with a view's definition in itself. */
export function checkView(database: string, name: string, viewOn: string, pipeline: Uint8Array): void {
  checkCollectionName(database, viewOn)
  if (viewOn.startsWith('$'))
    throw new DatabaseError('InvalidNamespace', `Invalid namespace for viewOn: ${database}.${viewOn}`)
  if (viewOn === name) throw cycle(`${database}.${name}`)
  if (stagesSize(pipeline) > stagesSizeMax)
    throw new DatabaseError(
      'ViewPipelineMaxSizeExceeded',
      `View pipeline exceeds maximum size; maximum size is ${stagesSizeMax}`,
    )
  if (namespacesRead(pipeline).includes(name)) throw cycle(`${database}.${name}`)
  // Whether there is a cluster time is found out when the view is read.
  const scope = Scope.outermost(timestampValue(timestampOf(0, 0)))
  parsePipeline(pipeline, 0, { place: 'view', database, collection: viewOn, scope })
}

/** The names of what the stages read besides the view's own source; what is no pipeline is passed over. */
function namespacesRead(pipeline: Uint8Array, start = 0): string[] {
  const names: string[] = []
  for (const stage of documentFields(pipeline, start)) {
    if (stage.type !== bsonType.document) continue
    for (const { name, type, bytes, start: at } of documentFields(stage.bytes, stage.start)) {
      if (name === '$unionWith' && type === bsonType.string) names.push(readString(bytes, at))
      if (type !== bsonType.document) continue
      for (const option of documentFields(bytes, at)) {
        if (option.name === 'from' || option.name === 'coll') {
          if (option.type === bsonType.string) names.push(readString(option.bytes, option.start))
        } else if (option.type === bsonType.array && (name === '$facet' || option.name === 'pipeline'))
          names.push(...namespacesRead(option.bytes, option.start))
      }
    }
  }
  return names
}

function stagesSize(pipeline: Uint8Array): number {
  let sizeBytes = 0
  for (const stage of documentFields(pipeline)) sizeBytes += stage.end - stage.start
  return sizeBytes
}

/**
 * Throws when a view `name` would read itself, by whatever views and their stages (GraphContainsCycle), or too many views one after the other
 * (ViewDepthLimitExceeded).
 */
export function checkViewGraph(workspace: Workspace, database: string, name: string, view: ViewTraits): void {
  /** Of each name: how many are read one after the other, itself included. */
  const heights = new Map<string, number>()
  const heightOf = (read: string): number => {
    if (read === name) throw cycle(`${database}.${name}`)
    const known = heights.get(read)
    if (known !== undefined) return known
    const found = workspace.collection(database, read)
    const traits = found === undefined ? undefined : traitsOf(found).view
    const height = 1 + (traits === undefined ? 0 : highestOf(traits))
    heights.set(read, height)
    return height
  }
  const highestOf = (traits: ViewTraits): number =>
    namesRead(traits).reduce((most, read) => Math.max(most, heightOf(read)), 0)
  if (highestOf(view) > depthMax)
    throw new DatabaseError('ViewDepthLimitExceeded', `View depth limit exceeded; maximum depth is ${depthMax}`)
}

/**
 * Views that read one another must have one collation. Errors: OptionNotSupportedOnView where `view` differs from one that it reads, or
 * from one that reads it.
 */
export function checkViewCollation(engine: Engine, database: string, name: string, view: ViewTraits): void {
  const refuse = (other: Collection): never => {
    throw new DatabaseError(
      'OptionNotSupportedOnView',
      `View ${database}.${name} has conflicting collation with view ${other.namespace}`,
    )
  }
  for (const read of namesRead(view)) {
    const other = engine.collection(database, read)
    const traits = other === undefined ? undefined : traitsOf(other).view
    if (traits !== undefined && !sameCollation(traits.collation, view.collation)) refuse(other!)
  }
  for (const other of engine.collections(database)) {
    const { view: traits } = traitsOf(other)
    if (traits === undefined || other.name === name || sameCollation(traits.collation, view.collation)) continue
    if (namesRead(traits).includes(name)) refuse(other)
  }
}

function namesRead({ on, pipeline }: ViewTraits): readonly string[] {
  return [on, ...namespacesRead(pipeline)]
}

function sameCollation(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalValues(bsonType.document, a, 0, bsonType.document, b, 0)
}

function cycle(namespace: string): DatabaseError {
  return new DatabaseError('GraphContainsCycle', `View cycle detected: ${namespace}`)
}

/** Throws InvalidPipelineOperator for a view, which no tailable cursor can follow. */
export function refuseTailingView(collection: Collection | undefined): void {
  if (collection === undefined) return
  const { view, timeseries } = traitsOf(collection)
  if (view !== undefined || timeseries !== undefined)
    throw new DatabaseError('InvalidPipelineOperator', 'Tailable cursors are not supported on a view')
}

export function isView(collection: Collection | undefined): boolean {
  return collection !== undefined && traitsOf(collection).view !== undefined
}

/** Throws CommandNotSupportedOnView for a view; for what only a collection can do. */
export function refuseView(collection: Collection | undefined): void {
  if (collection !== undefined && traitsOf(collection).view !== undefined)
    throw new DatabaseError(
      'CommandNotSupportedOnView',
      `Namespace ${collection.namespace} is a view, not a collection`,
    )
}
