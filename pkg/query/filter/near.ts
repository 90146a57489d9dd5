/** Filters that ask for what is nearest: nothing tells that without a geo index, and few places have a use for it. */
import { DatabaseError } from '../../base/errors.ts'
import { conjuncts, type Filter } from './tree.ts'

/** Throws BadValue (2) where there are several of them, or one that is not at the top, whether there is anything to find or not. */
export function checkNear(filter: Filter): void {
  if (!holdsNear(filter)) return
  const parts = conjuncts(filter)
  if (parts.filter(isNear).length > 1) throw new DatabaseError('BadValue', 'Too many geoNear expressions')
  if (parts.some((part) => !isNear(part) && holdsNear(part))) throw misplacedNear()
}

/** For who plans: throws NoQueryExecutionPlans (291). */
export function refuseNear(filter: Filter): void {
  if (filter.kind === 'and' ? filter.filters.some(isNear) : isNear(filter)) {
    throw new DatabaseError('NoQueryExecutionPlans', 'unable to find index for $geoNear query')
  }
}

function isNear({ kind }: Filter): boolean {
  return kind === 'near'
}

/** For what cannot put anything in order: throws 5626500. */
export function refuseNearAnywhere(filter: Filter): void {
  if (holdsNear(filter)) {
    throw new DatabaseError(5626500, '$geoNear, $near, and $nearSphere are not allowed in this context')
  }
}

function holdsNear(filter: Filter): boolean {
  switch (filter.kind) {
    case 'near':
      return true
    case 'and':
    case 'or':
    case 'nor':
      return filter.filters.some(holdsNear)
    case 'not':
    case 'elemMatchDocument':
    case 'elemMatchValue':
      return holdsNear(filter.filter)
    default:
      return false
  }
}

/** For who compiles: only at the top of a filter it could be planned for. */
export function misplacedNear(): DatabaseError {
  return new DatabaseError('BadValue', 'geoNear must be top-level expr')
}
