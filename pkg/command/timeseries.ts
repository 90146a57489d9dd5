/**
 * Time-series collections. A measurement is a record like any other; in place of the index on `_id`, which need not be unique
 * here, the collection has one on the time, which is not shown and by which old measurements expire.
 *
 * MongoDB packs measurements into buckets, in a collection `system.buckets.NAME` that can be seen. Here there are no buckets: that
 * name is listed, commands on it that concern indexes go to the collection itself, and those who read or fill it get and give buckets that
 * are made for them (`timeseries-buckets.ts`).
 */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument, rawDocument } from '../bson/build.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, documentValue, getField, readString, type Value } from '../bson/value.ts'
import type { Collection } from '../engine/collection.ts'
import type { WriteUnit } from '../engine/write-unit.ts'
import type { Index } from '../index/index.ts'
import type { TimeseriesTraits } from './collection-traits.ts'
import { traitsOf } from './collection-traits.ts'
import type { IndexSpec } from './index-spec.ts'

/** What an update asks for, as far as it matters here. */
export interface UpdateRequest {
  readonly multi: boolean
  readonly upsert: boolean
  readonly filter: Uint8Array
  readonly update: Value
}

const bucketsPrefix = 'system.buckets.'

/** Makes a time-series collection: `options` have the option as it is kept. */
export function createTimeseries(
  unit: WriteUnit,
  target: { readonly database: string; readonly collection: string },
  options: Uint8Array,
): Collection {
  const { timeField, metaField } = traitsOf({ options }).timeseries!
  const found = getField(options, 'collation')
  const collation = found === undefined ? {} : { collation: found }
  const timeIndex = buildDocument({ v: 2, key: { [timeField]: 1 }, name: '_time_', ...collation })
  const collection = unit.createCollection(target.database, target.collection, options, timeIndex)
  if (metaField !== undefined && metaField !== timeField)
    unit.createIndex(
      collection,
      buildDocument({
        v: 2,
        key: { [metaField]: 1, [timeField]: 1 },
        name: `${metaField}_1_${timeField}_1`,
        ...collation,
      }),
    )
  return collection
}

/** Throws BadValue unless the document has a date where the collection wants one. */
export function checkMeasurement({ timeField }: TimeseriesTraits, document: Uint8Array): void {
  if (getField(document, timeField)?.type !== bsonType.date)
    throw new DatabaseError('BadValue', `'${timeField}' must be present and contain a valid BSON UTC datetime value`)
}

/** The indexes that are shown and counted. */
export function shownIndexes(collection: Collection): readonly Index[] {
  return traitsOf(collection).timeseries === undefined ? collection.indexes : collection.indexes.slice(1)
}

export function isTimeseries(collection: Collection | undefined): collection is Collection {
  return collection !== undefined && traitsOf(collection).timeseries !== undefined
}

/** Throws CommandNotSupportedOnView: to such commands a time-series collection is the view over its buckets. */
export function refuseTimeseries(collection: Collection | undefined): void {
  if (isTimeseries(collection))
    throw new DatabaseError('CommandNotSupportedOnView', `Namespace ${collection.namespace} is a timeseries collection`)
}

/** The name of the time-series collection whose buckets `name` would be; else `name`. */
export function withoutBuckets(name: string): string {
  return name.startsWith(bucketsPrefix) ? name.slice(bucketsPrefix.length) : name
}

/** Throws IndexOptionsConflict for a partial index whose collation is not that of the time-series collection. */
export function checkPartialCollation(collection: Collection, { definition, collation }: IndexSpec): void {
  if (collation !== collection.collation && getField(definition, 'partialFilterExpression') !== undefined)
    throw new DatabaseError(
      'IndexOptionsConflict',
      'Partial indexes on time-series collections must have the collation of the collection',
    )
}

/** Throws what keeps an index from a time-series collection. */
export function checkTimeseriesIndex({ timeField, metaField }: TimeseriesTraits, spec: IndexSpec): void {
  const { definition } = spec
  const parts = [...documentFields(spec.key)]
  const ofMeta = (name: string): boolean =>
    metaField !== undefined && (name === metaField || name.startsWith(`${metaField}.`))
  const allOfMeta = parts.every(({ name }) => ofMeta(name))
  for (const part of parts) {
    const kind = part.type === bsonType.string ? readString(part.bytes, part.start) : ''
    if (kind === 'text') throw invalid('Text indexes are not supported on time-series collections')
    if (kind === 'hashed' && !ofMeta(part.name))
      throw new DatabaseError('CannotCreateIndex', 'Index type hashed on a measurement field is not supported')
    if (part.name === '$**' || (part.name.endsWith('.$**') && !ofMeta(part.name)))
      throw new DatabaseError(
        7246201,
        'Wildcard indexes are only supported below the metaField of a time-series collection',
      )
  }
  for (const option of ['unique', 'prepareUnique'])
    if (getField(definition, option) !== undefined)
      throw invalid(`Unique indexes are not supported on time-series collections`)
  if (getField(definition, 'sparse') !== undefined && !allOfMeta)
    throw invalid('Sparse indexes are not supported on measurement fields of time-series collections')
  if (getField(definition, 'expireAfterSeconds') !== undefined) {
    const filter = getField(definition, 'partialFilterExpression')
    const onTime = parts.length === 1 && parts[0]!.name === timeField
    const byMeta =
      filter !== undefined && [...documentFields(filter.bytes, filter.start)].every(({ name }) => ofMeta(name))
    if (!onTime || !byMeta)
      throw invalid(
        'TTL indexes of a time-series collection must be on the timeField and have a partial filter on the metaField',
      )
  }
}

function invalid(message: string): DatabaseError {
  return new DatabaseError('InvalidOptions', message)
}

/**
 * Throws InvalidOptions unless an update of a time-series collection only changes what all measurements of a source have in
 * common: every path of filter and update in the metaField, all documents that match, no upsert.
 */
export function checkTimeseriesUpdate({ metaField }: TimeseriesTraits, request: UpdateRequest): void {
  if (metaField === undefined)
    throw invalid('Cannot perform an update on a time-series collection that does not have a metaField')
  const changed = updatedPaths(request.update)
  if (changed === undefined)
    throw invalid('Update on a time-series collection must be a modifier, not a replacement or pipeline')
  if (!request.multi) throw invalid('Cannot perform a non-multi update on a time-series collection')
  if (request.upsert) throw invalid('Cannot perform an upsert on a time-series collection')
  const ofMeta = (path: string): boolean => path === metaField || path.startsWith(`${metaField}.`)
  if (!filterPaths(request.filter).every(ofMeta))
    throw invalid(
      'Cannot perform an update on a time-series collection when querying on a field that is not the metaField',
    )
  if (!changed.every(ofMeta))
    throw invalid('Cannot perform an update on a time-series collection that changes a field that is not the metaField')
}

/** The paths that an update with modifiers names; undefined: it is another kind of update. */
function updatedPaths(update: Value): string[] | undefined {
  if (update.type !== bsonType.document) return undefined
  const paths: string[] = []
  for (const modifier of documentFields(update.bytes, update.start)) {
    if (!modifier.name.startsWith('$') || modifier.type !== bsonType.document) return undefined
    for (const field of documentFields(modifier.bytes, modifier.start)) {
      paths.push(field.name)
      if (modifier.name === '$rename' && field.type === bsonType.string)
        paths.push(readString(field.bytes, field.start))
    }
  }
  return paths
}

/** The paths that a filter names; of what it cannot tell, the operator's name. */
function filterPaths(filter: Uint8Array, start = 0): string[] {
  const paths: string[] = []
  for (const field of documentFields(filter, start)) {
    if (field.name === '$and' || field.name === '$or' || field.name === '$nor')
      for (const branch of documentFields(field.bytes, field.start))
        paths.push(...filterPaths(branch.bytes, branch.start))
    else if (field.name !== '$comment') paths.push(field.name)
  }
  return paths
}

/** The document by which listCollections shows the buckets of a time-series collection. */
export function describeBuckets(collection: Collection, uuid: unknown): Uint8Array {
  const { option } = traitsOf(collection).timeseries!
  return buildDocument({
    name: `${bucketsPrefix}${collection.name}`,
    type: 'collection',
    options: {
      validator: { $jsonSchema: { bsonType: 'object', required: ['_id', 'control', 'data'] } },
      clusteredIndex: true,
      timeseries: rawDocument(option),
    },
    info: { readOnly: false, uuid },
  })
}

/** How the time-series options of `$out` must agree with those of its target. */
export function checkSameTimeseries(existing: Collection, option: Uint8Array): void {
  const kept = traitsOf(existing).timeseries!.option
  const same = kept.length === option.length && kept.every((byte, i) => byte === option[i])
  if (!same)
    throw new DatabaseError(
      7406103,
      `Time-series options of ${existing.namespace} differ from those given: it cannot be the target of $out`,
    )
}

/** The options of a new time-series collection that has nothing else. */
export function timeseriesOptions(option: Uint8Array): Uint8Array {
  return buildDocument({ timeseries: documentValue(option) })
}
