import type { IndexDefinition } from './definition.ts'
import { type Extractor, KeyExtractor } from './extract.ts'
import { WildcardExtractor } from './extract-wildcard.ts'

/** What takes the keys of an index from documents. */
export function extractorOf(definition: IndexDefinition): Extractor {
  return definition.wildcardAt < 0
    ? new KeyExtractor(definition.keyPaths, definition.sparse, definition.collation)
    : new WildcardExtractor(definition)
}
