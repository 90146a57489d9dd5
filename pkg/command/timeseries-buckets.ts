/**
 * The buckets of a time-series collection, `system.buckets.NAME`, as the tools that dump and restore databases read and write them. There are
 * none here: each measurement is shown as a bucket of its own, and a bucket that is inserted goes into the collection as its measurements.
 *
 *   {_id, control: {version: 1, min: {FIELD: value}, max: {FIELD: value}}, meta: value, data: {FIELD: {'0': value, '1': value}}}
 *
 *   _id      an ObjectId whose seconds are those of control.min's time, as MongoDB searches buckets by it
 *   control  the least and the greatest of each field; the time of min is rounded down. Version 1: what lies in `data` is not compressed
 *   meta     the metaField's value, absent when the measurements have none
 *   data     by field, and then by position: the values; a measurement without the field has none at its position
 */
import { crc32 } from 'node:zlib'
import { type Stage, type StagePlan, type Step, step } from '../aggregate/stage.ts'
import { DatabaseError } from '../base/errors.ts'
import { readInt64 } from '../bson/little-endian.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, getField, numberOf, objectIdValue, readString, type Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import type { Collection } from '../engine/collection.ts'
import type { Workspace } from '../engine/workspace.ts'
import { type TimeseriesTraits, traitsOf } from './collection-traits.ts'

const prefix = 'system.buckets.'
/** What the times of buckets are rounded to without `bucketRoundingSeconds`. */
const roundingSeconds: Readonly<Record<string, number>> = { seconds: 60, minutes: 3600, hours: 86_400 }

/** The time-series collection whose buckets `name` names; undefined: it names none. */
export function bucketedCollection(workspace: Workspace, database: string, name: string): Collection | undefined {
  if (!name.startsWith(prefix)) return undefined
  const collection = workspace.collection(database, name.slice(prefix.length))
  return collection !== undefined && traitsOf(collection).timeseries !== undefined ? collection : undefined
}

/** Makes buckets of measurements. */
export function bucketsStage(collection: Collection): StagePlan {
  const traits = traitsOf(collection).timeseries!
  return { name: '$replaceWith', oneToOne: true, open: (input) => new BucketsOfOne(input, traits) }
}

class BucketsOfOne implements Stage {
  readonly #input: Stage
  readonly #traits: TimeseriesTraits
  readonly #writer = new BsonWriter()
  bytes: Uint8Array
  readonly start = 0
  end = 0

  constructor(input: Stage, traits: TimeseriesTraits) {
    this.#input = input
    this.#traits = traits
    this.bytes = input.bytes
  }

  step(): Step {
    const answer = this.#input.step()
    if (answer !== step.row) return answer
    const { bytes, start, end } = this.#input
    writeBucket(this.#writer.reset(), bytes.subarray(start, end), this.#traits)
    this.bytes = this.#writer.bytes
    this.end = this.#writer.length
    return answer
  }

  close(): void {
    this.#input.close()
  }
}

function writeBucket(writer: BsonWriter, measurement: Uint8Array, traits: TimeseriesTraits): void {
  const { timeField, metaField } = traits
  const fields = [...documentFields(measurement)].filter(({ name }) => name !== metaField)
  const time = fields.find(({ name }) => name === timeField)!
  const timeMs = Number(readInt64(time.bytes, time.start))
  const roundingMs = roundingOf(traits) * 1000
  const leastMs = Math.floor(timeMs / roundingMs) * roundingMs
  writer.beginDocument()
  writer.value('_id', bucketId(measurement, Math.floor(leastMs / 1000)))
  writer.beginDocument('control')
  writer.int32('version', 1)
  writer.beginDocument('min')
  for (const field of fields) {
    if (field.name === timeField) writer.date(timeField, leastMs)
    else writer.value(field.name, field)
  }
  writer.end()
  writer.beginDocument('max')
  for (const field of fields) writer.value(field.name, field)
  writer.end()
  writer.end()
  const meta = metaField === undefined ? undefined : getField(measurement, metaField)
  if (meta !== undefined) writer.value('meta', meta)
  writer.beginDocument('data')
  for (const field of fields) {
    writer.beginDocument(field.name)
    writer.value('0', field)
    writer.end()
  }
  writer.end()
  writer.end()
}

function roundingOf({ option }: TimeseriesTraits): number {
  const given = getField(option, 'bucketRoundingSeconds')
  if (given !== undefined) return numberOf(given)
  const granularity = getField(option, 'granularity')
  const name = granularity === undefined ? 'seconds' : readString(granularity.bytes, granularity.start)
  return roundingSeconds[name] ?? roundingSeconds['seconds']!
}

/** Seconds, and eight bytes that tell one measurement from another: of its `_id`, if that is an ObjectId. */
function bucketId(measurement: Uint8Array, seconds: number): Value {
  const bytes = new Uint8Array(12)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, seconds)
  const id = getField(measurement, '_id')
  if (id?.type === bsonType.objectId) bytes.set(id.bytes.subarray(id.start + 4, id.start + 12), 4)
  else {
    view.setUint32(4, crc32(measurement))
    view.setUint32(8, crc32(measurement, 1))
  }
  return objectIdValue(bytes)
}

/** The measurements of a bucket. Errors: BadValue for what is none, NotImplemented for compressed ones (version 2 and 3). */
export function measurementsOf(bucket: Uint8Array, { timeField, metaField }: TimeseriesTraits): Uint8Array[] {
  const data = getField(bucket, 'data')
  const control = getField(bucket, 'control')
  if (data?.type !== bsonType.document || control?.type !== bsonType.document)
    throw new DatabaseError('BadValue', `a bucket has the documents 'control' and 'data'`)
  const columns = new Map<string, ReadonlyMap<string, Value>>()
  for (const column of documentFields(data.bytes, data.start)) {
    if (column.type === bsonType.binary)
      throw new DatabaseError(
        'NotImplemented',
        'compressed buckets are not supported: insert the measurements into the time-series collection itself',
      )
    if (column.type !== bsonType.document)
      throw new DatabaseError('BadValue', `the values of '${column.name}' in a bucket are a document`)
    const values = new Map<string, Value>()
    for (const value of documentFields(column.bytes, column.start)) values.set(value.name, value)
    columns.set(column.name, values)
  }
  const times = columns.get(timeField)
  if (times === undefined) throw new DatabaseError('BadValue', `the bucket has no '${timeField}'`)
  const meta = getField(bucket, 'meta')
  return [...times.keys()].map((position) => {
    const writer = new BsonWriter()
    writer.beginDocument()
    if (meta !== undefined && metaField !== undefined) writer.value(metaField, meta)
    for (const [name, values] of columns) {
      const value = values.get(position)
      if (value !== undefined) writer.value(name, value)
    }
    writer.end()
    return writer.finish()
  })
}
