/** Filters that index keys alone decide: tested before a document is read. */
import { longDocumentBytes } from '../base/detour.ts'
import { compileFilter, type Predicate } from './filter/compile.ts'
import { conjunction, conjuncts, type Filter, isMatchAll } from './filter/tree.ts'
import { KeyDocument, partThatHolds } from './key-document.ts'
import type { KeyScan, QueryIndex } from './plan-source.ts'

export interface SplitFilter {
  /** About fields that the index holds. */
  readonly onKeys: Filter
  readonly onDocuments: Filter
}

/** Takes from a conjunction what the keys of `index` decide. */
export function splitByKeys(index: QueryIndex, filter: Filter): SplitFilter {
  if (isMatchAll(filter)) return { onKeys: filter, onDocuments: filter }
  const parts = conjuncts(filter)
  const isOnKeys = (part: Filter): boolean => pathsOn(index, part, new Set()) !== undefined
  return {
    onKeys: conjunction(parts.filter(isOnKeys)),
    onDocuments: conjunction(parts.filter((part) => !isOnKeys(part))),
  }
}

/** Adds the paths that a filter is about to `paths`; undefined when it is about something that the index does not hold. */
function pathsOn(index: QueryIndex, filter: Filter, paths: Set<string>): Set<string> | undefined {
  switch (filter.kind) {
    case 'and':
    case 'or':
    case 'nor':
      return filter.filters.every((part) => pathsOn(index, part, paths) !== undefined) ? paths : undefined
    case 'not':
      return pathsOn(index, filter.filter, paths)
    case 'constant':
      return paths
    case 'expr':
    case 'jsonSchema':
      return undefined
    default:
      return partThatHolds(index, filter.path.text) < 0 ? undefined : paths.add(filter.path.text)
  }
}

/** What a key says of a filter; the document must be asked when it says nothing. */
export type Verdict = 'passes' | 'fails' | 'unknown'

export class KeyFilter {
  readonly #document: KeyDocument
  readonly #predicate: Predicate

  /** `filter`: the part that `splitByKeys` gave to the keys. Undefined when it lets everything through. */
  static of(index: QueryIndex, filter: Filter): KeyFilter | undefined {
    return isMatchAll(filter) ? undefined : new KeyFilter(index, filter)
  }

  private constructor(index: QueryIndex, filter: Filter) {
    this.#document = KeyDocument.of(index, pathsOn(index, filter, new Set()) ?? [], false)
    this.#predicate = compileFilter(filter)
  }

  test(scan: KeyScan): Verdict {
    const document = this.#document
    // What may take long is left to who tests documents.
    if (!document.load(scan) || document.end > longDocumentBytes) return 'unknown'
    return this.#predicate(document.bytes, 0) ? 'passes' : 'fails'
  }
}
