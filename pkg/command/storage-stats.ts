/** What a collection holds, as `collStats` and `$collStats` tell it. */
import { rawDocument } from '../bson/build.ts'
import type { Collection } from '../engine/collection.ts'
import { traitsOf } from './collection-traits.ts'

/** Sizes are divided by `scale`. `collection` undefined: it is not there, and holds nothing. */
export function storageStats(collection: Collection | undefined, scale: number): Readonly<Record<string, unknown>> {
  if (collection === undefined)
    return {
      size: 0,
      count: 0,
      numOrphanDocs: 0,
      storageSize: 0,
      totalSize: 0,
      nindexes: 0,
      totalIndexSize: 0,
      indexDetails: {},
      indexSizes: {},
      scaleFactor: scale,
    }
  const size = Math.floor(collection.dataSizeBytes / scale)
  return {
    size,
    count: collection.documentCount,
    ...(collection.documentCount === 0
      ? {}
      : { avgObjSize: Math.floor(collection.dataSizeBytes / collection.documentCount) }),
    numOrphanDocs: 0,
    storageSize: size,
    freeStorageSize: 0,
    ...cappedStats(collection, scale),
    nindexes: collection.indexes.length,
    indexBuilds: [],
    totalIndexSize: 0,
    totalSize: size,
    indexSizes: Object.fromEntries(collection.indexes.map((index) => [index.name, 0])),
    indexDetails: Object.fromEntries(
      collection.indexes.map((index) => [index.name, rawDocument(index.definition.bytes)]),
    ),
    scaleFactor: scale,
  }
}

function cappedStats(collection: Collection, scale: number): Readonly<Record<string, unknown>> {
  const { capped } = traitsOf(collection)
  if (capped === undefined) return { capped: false }
  return {
    capped: true,
    max: capped.documentsMax === Number.POSITIVE_INFINITY ? 0 : capped.documentsMax,
    maxSize: Math.floor(capped.sizeBytes / scale),
  }
}
