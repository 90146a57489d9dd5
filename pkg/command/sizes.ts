/** How much the collections hold, for the commands that tell sizes. */
import type { Collection } from '../engine/collection.ts'
import { isView } from './view.ts'

export interface Sizes {
  /** Without views, and with what MongoDB keeps them in, which it counts. */
  collections: number
  views: number
  documents: number
  dataBytes: number
  indexes: number
}

export function databaseSizes(collections: readonly Collection[]): Sizes {
  const sizes: Sizes = { collections: 0, documents: 0, dataBytes: 0, indexes: 0, views: 0 }
  for (const collection of collections) {
    if (isView(collection)) {
      sizes.views++
      continue
    }
    sizes.collections++
    sizes.documents += collection.documentCount
    sizes.dataBytes += collection.dataSizeBytes
    sizes.indexes += collection.indexes.length
  }
  // Views have a collection of their own, system.views, which counts.
  if (sizes.views > 0) sizes.collections++
  return sizes
}

/** What the documents take on disk, in whole pages; an empty collection has one. */
export function sizeInPages(collections: readonly Collection[], pageSizeBytes: number): number {
  let pages = 0
  for (const collection of collections)
    if (!isView(collection)) pages += Math.max(1, Math.ceil(collection.dataSizeBytes / pageSizeBytes))
  return pages * pageSizeBytes
}

/** What the indexes of the collections take, by a look at each. */
export function sizeOfIndexes(collections: readonly Collection[]): number {
  let bytes = 0
  for (const collection of collections)
    if (!isView(collection)) for (const index of collection.indexes) bytes += index.sizeBytes
  return bytes
}
