/** The filter of a partial index as a predicate: what the engine, which knows no filters, is given when it is opened. */
import type { Collation } from '../collation/collation.ts'
import { compileFilter } from './filter/compile.ts'
import type { Predicate } from './filter/operator.ts'
import { collated, parseFilter } from './filter/parse.ts'

export function compileIndexFilter(filter: Uint8Array, collation?: Collation): Predicate {
  return compileFilter(parseFilter(filter, 0, collated(collation)))
}
