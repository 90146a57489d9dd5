/** What a collection's options say about how it behaves, read once from the BSON that the catalog keeps. */
import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf, getField, numberOf, readString, truthy } from '../bson/value.ts'
import type { Collection } from '../engine/collection.ts'

export interface CappedTraits {
  /** Bytes of documents it may hold, but for the newest one, which always stays. */
  readonly sizeBytes: number
  /** Documents it may hold; Infinity when only the size counts. */
  readonly documentsMax: number
}

export interface ViewTraits {
  /** The collection or view it reads. */
  readonly on: string
  /** A BSON array of stages. */
  readonly pipeline: Uint8Array
  readonly collation: Uint8Array | undefined
}

export interface TimeseriesTraits {
  /** The field with the time of a measurement. */
  readonly timeField: string
  /** The field that says what was measured, the same for many measurements. */
  readonly metaField: string | undefined
  /** The option's document. */
  readonly option: Uint8Array
}

export interface CollectionTraits {
  readonly capped: CappedTraits | undefined
  readonly view: ViewTraits | undefined
  /** The `clusteredIndex` option: its documents are walked in the order of `_id`. */
  readonly clustered: boolean
  readonly timeseries: TimeseriesTraits | undefined
}

const plain: CollectionTraits = { capped: undefined, view: undefined, clustered: false, timeseries: undefined }
const emptyLength = 5
const emptyArray = new Uint8Array([5, 0, 0, 0, 0])

const read = new WeakMap<Uint8Array, CollectionTraits>()

export function traitsOf(collection: Pick<Collection, 'options'>): CollectionTraits {
  const { options } = collection
  if (options.length === emptyLength) return plain
  let traits = read.get(options)
  if (traits === undefined) {
    traits = readTraits(options)
    read.set(options, traits)
  }
  return traits
}

function readTraits(options: Uint8Array): CollectionTraits {
  let isCapped = false
  let sizeBytes = 0
  let documentsMax = 0
  let on: string | undefined
  let pipeline: Uint8Array = emptyArray
  let collation: Uint8Array | undefined
  let clustered = false
  let timeseries: TimeseriesTraits | undefined
  for (const field of documentFields(options)) {
    if (field.name === 'capped') isCapped = truthy(field)
    else if (field.name === 'size') sizeBytes = numberOf(field)
    else if (field.name === 'max') documentsMax = numberOf(field)
    else if (field.name === 'viewOn') on = readString(field.bytes, field.start)
    else if (field.name === 'pipeline') pipeline = documentOf(field)
    else if (field.name === 'collation' && field.type === bsonType.document) collation = documentOf(field)
    else if (field.name === 'clusteredIndex') clustered = true
    else if (field.name === 'timeseries') timeseries = readTimeseries(documentOf(field))
  }
  return {
    capped: isCapped
      ? { sizeBytes, documentsMax: documentsMax > 0 ? documentsMax : Number.POSITIVE_INFINITY }
      : undefined,
    view: on === undefined ? undefined : { on, pipeline, collation },
    clustered,
    timeseries,
  }
}

function readTimeseries(option: Uint8Array): TimeseriesTraits {
  const timeField = getField(option, 'timeField')!
  const metaField = getField(option, 'metaField')
  return {
    timeField: readString(timeField.bytes, timeField.start),
    metaField: metaField === undefined ? undefined : readString(metaField.bytes, metaField.start),
    option,
  }
}
