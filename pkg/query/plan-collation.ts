/**
 * A filter as an index sees it. The keys of an index under a collation hold sort keys in the place of strings: comparisons under the same
 * collation are comparisons of keyed values, and what compares strings otherwise gives it no bounds.
 */
import type { Value } from '../bson/value.ts'
import { type Collation, holdsString } from '../collation/collation.ts'
import type { Collated, Filter } from './filter/tree.ts'

/** Nothing that bounds could be taken from. */
export const unbounded: Filter = { kind: 'constant', value: true }

/**
 * The filter with what bounds come to for an index of that collation (undefined: strings by their bytes). Only for bounds: what has none
 * is another filter here. The same object when nothing differs.
 */
export function seenBy(collation: Collation | undefined, filter: Filter): Filter {
  return collation === undefined && !isCollated(filter) ? filter : seen(collation, filter)
}

function isCollated(filter: Filter): boolean {
  switch (filter.kind) {
    case 'and':
    case 'or':
    case 'nor':
      return filter.filters.some(isCollated)
    case 'not':
    case 'elemMatchDocument':
    case 'elemMatchValue':
      return isCollated(filter.filter)
    case 'comparison':
    case 'in':
    case 'all':
      return filter.collated !== undefined
    default:
      return false
  }
}

function seen(collation: Collation | undefined, filter: Filter): Filter {
  switch (filter.kind) {
    case 'and':
    case 'or':
    case 'nor': {
      const filters = filter.filters.map((inner) => seen(collation, inner))
      return filters.every((inner, i) => inner === filter.filters[i]) ? filter : { kind: filter.kind, filters }
    }
    case 'not': {
      const inner = seen(collation, filter.filter)
      return inner === filter.filter ? filter : inner === unbounded ? unbounded : { kind: 'not', filter: inner }
    }
    case 'elemMatchDocument':
    case 'elemMatchValue': {
      const inner = seen(collation, filter.filter)
      return inner === filter.filter ? filter : { kind: filter.kind, path: filter.path, filter: inner }
    }
    case 'comparison': {
      const values = valuesSeen(collation, [filter.value], filter.collated && singly(filter.collated))
      if (values === undefined) return unbounded
      return values[0] === filter.value
        ? filter
        : { kind: 'comparison', path: filter.path, operator: filter.operator, value: values[0]! }
    }
    case 'in': {
      const values = valuesSeen(collation, filter.values, filter.collated)
      if (values === undefined) return unbounded
      return values === filter.values ? filter : { kind: 'in', path: filter.path, values }
    }
    case 'regex':
      return collation === undefined ? filter : unbounded
    default:
      return filter
  }
}

function singly({ collation, keyed }: Collated<Value>): Collated<readonly Value[]> {
  return { collation, keyed: [keyed] }
}

/** The values as they are in the keys of the index; undefined: it cannot tell where they are. */
function valuesSeen(
  collation: Collation | undefined,
  values: readonly Value[],
  collated: Collated<readonly Value[]> | undefined,
): readonly Value[] | undefined {
  if (collated !== undefined) return collated.collation === collation ? collated.keyed : undefined
  if (collation === undefined) return values
  return values.some(({ type, bytes, start }) => holdsString(type, bytes, start)) ? undefined : values
}
