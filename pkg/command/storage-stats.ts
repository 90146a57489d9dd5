/** What a collection holds, as `collStats` and `$collStats` tell it. */
import { rawDocument } from '../bson/build.ts'
import type { Collection } from '../engine/collection.ts'
import { traitsOf } from './collection-traits.ts'
import { shownIndexes } from './timeseries.ts'

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
  const { timeseries } = traitsOf(collection)
  const indexes = shownIndexes(collection)
  const indexSizes = indexes.map((index) => Math.floor(index.sizeBytes / scale))
  const totalIndexSize = indexSizes.reduce((sum, each) => sum + each, 0)
  return {
    size,
    ...(timeseries === undefined ? counted(collection) : { timeseries: timeseriesStats(collection) }),
    numOrphanDocs: 0,
    storageSize: size,
    freeStorageSize: 0,
    ...cappedStats(collection, scale),
    nindexes: indexes.length,
    indexBuilds: [],
    totalIndexSize,
    totalSize: size + totalIndexSize,
    indexSizes: Object.fromEntries(indexes.map((index, i) => [index.name, indexSizes[i]])),
    indexDetails: Object.fromEntries(indexes.map((index) => [index.name, rawDocument(index.definition.bytes)])),
    scaleFactor: scale,
  }
}

function counted({ documentCount, dataSizeBytes }: Collection): Readonly<Record<string, unknown>> {
  return documentCount === 0
    ? { count: documentCount }
    : { count: documentCount, avgObjSize: Math.floor(dataSizeBytes / documentCount) }
}

/** Each measurement lies by itself: what MongoDB tells of buckets is true of buckets of one. */
function timeseriesStats({ name, database, documentCount }: Collection): Readonly<Record<string, unknown>> {
  return {
    bucketsNs: `${database}.system.buckets.${name}`,
    bucketCount: documentCount,
    numMeasurementsCommitted: BigInt(documentCount),
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
