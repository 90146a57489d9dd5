/** Partial indexes: whether all that a filter matches is among the documents that an index is of. */
import type { Value } from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import { collated, parseFilter } from './filter/parse.ts'
import type { Filter } from './filter/tree.ts'
import { boundsOf, isWithin } from './plan-bounds.ts'
import { seenBy } from './plan-collation.ts'
import type { QueryIndex } from './plan-source.ts'

/** Whether all that the filter matches is in the index, as far as the index's own filter goes. */
export function impliesPartial({ collation, definition: { partialFilter } }: QueryIndex, filter: Filter): boolean {
  if (partialFilter === undefined) return true
  return implies(seenBy(collation, filter), seenBy(collation, parsedPartial(partialFilter, collation)))
}

const partials = new WeakMap<Uint8Array, Filter>()

function parsedPartial(bytes: Uint8Array, collation: Collation | undefined): Filter {
  let filter = partials.get(bytes)
  if (filter === undefined) {
    filter = parseFilter(bytes, 0, collated(collation))
    partials.set(bytes, filter)
  }
  return filter
}

/** Whether every document that `filter` matches is matched by `partial`, too; false when that is not seen. */
function implies(filter: Filter, partial: Filter): boolean {
  if (partial.kind === 'and') return partial.filters.every((part) => implies(filter, part))
  if (filter.kind === 'or') return filter.filters.every((branch) => implies(branch, partial))
  if (filter.kind === 'and' && filter.filters.some((part) => implies(part, partial))) return true
  if (partial.kind === 'or') return partial.filters.some((branch) => implies(filter, branch))
  if (filter.kind === 'and' || !('path' in filter) || !('path' in partial)) return false
  if (filter.path.text !== partial.path.text) return false
  if (filter.kind === 'geo' && partial.kind === 'geo') {
    return filter.operator === partial.operator && sameValue(filter.sought.operand, partial.sought.operand)
  }
  if (filter.kind !== 'comparison' && filter.kind !== 'in') return false
  const bounds = boundsOf(filter)
  if (bounds === undefined) return false
  if (partial.kind === 'exists') return bounds.exact
  const wanted = boundsOf(partial)
  if (wanted === undefined) return false
  if (bounds.exact && wanted.exact) return isWithin(bounds.intervals, wanted.intervals)
  // Equality with null or an array is no interval: only the same predicate implies it.
  return (
    filter.kind === 'comparison' &&
    partial.kind === 'comparison' &&
    filter.operator === partial.operator &&
    sameValue(filter.value, partial.value)
  )
}

function sameValue(a: Value, b: Value): boolean {
  if (a.type !== b.type || a.end - a.start !== b.end - b.start) return false
  for (let i = 0; i < a.end - a.start; i++) if (a.bytes[a.start + i] !== b.bytes[b.start + i]) return false
  return true
}
