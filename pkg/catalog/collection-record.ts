/**
 * What the data file remembers of one collection: one BSON document in the catalog tree, under the collection's id.
 *
 * It is written by each checkpoint for the collections that changed since the one before; what came later is in the log.
 * docs/format/data-file.md has the fields.
 */

import { DatabaseError } from '../base/errors.ts'
import type { CollectionId, PageId, RecordId } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { bsonType } from '../bson/type.ts'
import type { Value } from '../bson/value.ts'
import {
  binaryValue,
  documentFields,
  documentOf,
  documentValue,
  getField,
  numberOf,
  readString,
} from '../bson/value.ts'

/** BSON binary subtype of a UUID. */
export const uuidSubtype = 4
/** A binary value begins with its length and its subtype. */
const binaryHeaderLength = 5

/** A versioned map's persistent state. */
export interface MapRecord {
  readonly root: PageId
  readonly supersededCount: number
  readonly newest: Timestamp
}

export interface IndexRecord {
  /** `{v, key, name, unique?}` as listIndexes shows it. */
  readonly definition: Uint8Array
  readonly map: MapRecord
  /** `unique`: record ids are in the entries' values; `shared`: in their keys. */
  readonly layout: 'unique' | 'shared'
  /** Of each part of the key, bit d: component d of its path led to an array. */
  readonly multikeyPaths: readonly number[]
  readonly usableFrom: Timestamp
  /** Of an index with a collation: what made its keys. */
  readonly collationKeyVersion: number
}

export interface CollectionRecord {
  readonly id: CollectionId
  readonly database: string
  readonly name: string
  /** 16 bytes. */
  readonly uuid: Uint8Array
  /** BSON of create's options. */
  readonly options: Uint8Array
  readonly records: MapRecord
  readonly nextRecordId: RecordId
  readonly documentCount: number
  readonly dataSizeBytes: number
  readonly indexes: readonly IndexRecord[]
  /** Trees of indexes that are being built: to be freed when the build was cut off. */
  readonly building: readonly PageId[]
  /** Definitions of indexes that are being built: after a restart they are built again. */
  readonly unfinished: readonly Uint8Array[]
}

export function encodeCollectionRecord(record: CollectionRecord): Uint8Array {
  return buildDocument({
    id: BigInt(record.id),
    database: record.database,
    name: record.name,
    uuid: binaryValue(record.uuid, uuidSubtype),
    options: documentValue(record.options),
    records: mapFields(record.records),
    nextRecordId: BigInt(record.nextRecordId),
    documentCount: BigInt(record.documentCount),
    dataSizeBytes: BigInt(record.dataSizeBytes),
    indexes: record.indexes.map((index) => ({
      definition: documentValue(index.definition),
      map: mapFields(index.map),
      layout: index.layout,
      multikeyPaths: [...index.multikeyPaths],
      usableFrom: BigInt(index.usableFrom),
      collationKeyVersion: index.collationKeyVersion,
    })),
    building: record.building.map((root) => BigInt(root)),
    unfinished: record.unfinished.map((definition) => documentValue(definition)),
  })
}

/** Throws DataCorruptionDetected when a field is missing: the page's checksum held, so an unknown format wrote it. */
export function decodeCollectionRecord(bytes: Uint8Array): CollectionRecord {
  const fields = new FieldReader(bytes)
  const indexes: IndexRecord[] = []
  for (const element of documentFields(documentOf(fields.get('indexes')))) {
    const index = new FieldReader(documentOf(element))
    indexes.push({
      definition: index.document('definition'),
      map: decodeMap(index.document('map')),
      layout: index.string('layout') === 'unique' ? 'unique' : 'shared',
      multikeyPaths: [...documentFields(documentOf(index.get('multikeyPaths')))].map(numberOf),
      usableFrom: index.number('usableFrom') as Timestamp,
      collationKeyVersion: index.numberOr('collationKeyVersion', 1),
    })
  }
  return {
    id: fields.number('id') as CollectionId,
    database: fields.string('database'),
    name: fields.string('name'),
    uuid: fields.uuid('uuid'),
    options: fields.document('options'),
    records: decodeMap(fields.document('records')),
    nextRecordId: fields.number('nextRecordId') as RecordId,
    documentCount: fields.number('documentCount'),
    dataSizeBytes: fields.number('dataSizeBytes'),
    indexes,
    building: [...documentFields(documentOf(fields.get('building')))].map((root) => numberOf(root) as PageId),
    unfinished: fields.documents('unfinished'),
  }
}

/** Reads required fields of a document the engine itself wrote. */
export class FieldReader {
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get(name: string): Value {
    const value = getField(this.#bytes, name)
    if (value === undefined) {
      throw new DatabaseError('DataCorruptionDetected', `a catalog document has no field '${name}'`)
    }
    return value
  }

  number(name: string): number {
    return numberOf(this.get(name))
  }

  numberOr(name: string, otherwise: number): number {
    const value = getField(this.#bytes, name)
    return value === undefined ? otherwise : numberOf(value)
  }

  string(name: string): string {
    const value = this.get(name)
    if (value.type !== bsonType.string) {
      throw new DatabaseError('DataCorruptionDetected', `field '${name}' of a catalog document is not a string`)
    }
    return readString(value.bytes, value.start)
  }

  /** A copy of the 16 bytes of a UUID. */
  uuid(name: string): Uint8Array {
    const value = this.get(name)
    const content = value.start + binaryHeaderLength
    if (value.type !== bsonType.binary || value.end - content !== 16) {
      throw new DatabaseError('DataCorruptionDetected', `field '${name}' of a catalog document is not a UUID`)
    }
    return value.bytes.slice(content, value.end)
  }

  /** A copy of an embedded document's bytes. */
  document(name: string): Uint8Array {
    return documentOf(this.get(name)).slice()
  }

  /** Copies of an array's documents; none when there is no such field. */
  documents(name: string): Uint8Array[] {
    const value = getField(this.#bytes, name)
    return value === undefined ? [] : [...documentFields(documentOf(value))].map((each) => documentOf(each).slice())
  }
}

function mapFields(map: MapRecord): Record<string, unknown> {
  return { root: BigInt(map.root), supersededCount: BigInt(map.supersededCount), newest: BigInt(map.newest) }
}

function decodeMap(bytes: Uint8Array): MapRecord {
  const fields = new FieldReader(bytes)
  return {
    root: fields.number('root') as PageId,
    supersededCount: fields.number('supersededCount'),
    newest: fields.number('newest') as Timestamp,
  }
}
