import type { Value } from '../bson/value.ts'
import { ownedValue } from './owned-value.ts'

/** What a search stage or a text or geographic query adds to a document, and nothing else does. */
export const metadataOfSearches: ReadonlySet<string> = new Set(['geoNearDistance', 'geoNearPoint', 'textScore'])

/** What may be known of a document besides its fields: the names of `$meta`. */
export const metadataNames: ReadonlySet<string> = new Set([
  ...metadataOfSearches,
  'indexKey',
  'randVal',
  'recordId',
  'score',
  'scoreDetails',
  'searchHighlights',
  'searchScore',
  'searchScoreDetails',
  'searchSequenceToken',
  'sortKey',
  'stream',
  'timeseriesBucketMaxTime',
  'timeseriesBucketMinTime',
  'vectorSearchScore',
])

/** What is known of a document besides its fields, by the names of `$meta`. */
export type MetadataOf = (name: string) => Value | undefined

/** A document that is kept, with what is known of it. */
export interface KeptDocument {
  readonly bytes: Uint8Array
  readonly metadata: ReadonlyMap<string, Value>
}

/** All that `metadataOf` knows of the current document, with bytes of its own. */
export function ownedMetadata(metadataOf: MetadataOf | undefined): ReadonlyMap<string, Value> {
  const all = new Map<string, Value>()
  if (metadataOf === undefined) return all
  for (const name of metadataNames) {
    const value = metadataOf(name)
    if (value !== undefined) all.set(name, ownedValue(value))
  }
  return all
}
