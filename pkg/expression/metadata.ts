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
