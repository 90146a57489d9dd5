/** How much the collections hold, for the commands that tell sizes. */
import type { Collection } from '../engine/collection.ts'

export interface Sizes {
  collections: number
  documents: number
  dataBytes: number
  indexes: number
}

export function databaseSizes(collections: readonly Collection[]): Sizes {
  const sizes: Sizes = { collections: collections.length, documents: 0, dataBytes: 0, indexes: 0 }
  for (const collection of collections) {
    sizes.documents += collection.documentCount
    sizes.dataBytes += collection.dataSizeBytes
    sizes.indexes += collection.indexes.length
  }
  return sizes
}
