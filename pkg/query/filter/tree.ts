/**
 * A parsed filter. Readonly: the planner takes bounds from it, `compile.ts` makes a predicate of it, explain prints it.
 *
 * `$ne`, `$nin` and `$not` are a `not` around what they negate; implicit equality is a comparison with `eq`; `$all` is an
 * `and` of what each of its elements means.
 */
import type { Value } from '../../bson/value.ts'
import type { Collation } from '../../collation/collation.ts'
import type { Expression } from '../../expression/expression.ts'
import type { GeometryTest } from '../../geo/match.ts'
import type { Regex } from '../../regex/regex.ts'
import type { Path } from '../path.ts'
import type { Schema } from '../schema/schema.ts'

export type Filter = LogicalFilter | NotFilter | ConstantFilter | ExprFilter | JsonSchemaFilter | PathFilter

export interface LogicalFilter {
  readonly kind: 'and' | 'or' | 'nor'
  readonly filters: readonly Filter[]
}

export interface NotFilter {
  readonly kind: 'not'
  readonly filter: Filter
}

/** `$alwaysTrue`, `$alwaysFalse`, and what is decided while parsing (`$all: []`). */
export interface ConstantFilter {
  readonly kind: 'constant'
  readonly value: boolean
}

export interface ExprFilter {
  readonly kind: 'expr'
  readonly expression: Expression
  /** What `$$NOW` is. */
  readonly nowMs: number
  /** Values of further variables, by slot. */
  readonly variables: readonly Value[]
  /** How many steps it may take; undefined: as many as a turn has, and more elsewhere. */
  readonly stepsMax: number | undefined
}

/** The document obeys a schema. */
export interface JsonSchemaFilter {
  readonly kind: 'jsonSchema'
  readonly schema: Schema
  /** The length of the schema's document: it may say much about every value. */
  readonly sizeBytes: number
}

/** What tests the values that a path leads to. */
export type PathFilter =
  | ComparisonFilter
  | InFilter
  | ExistsFilter
  | TypeFilter
  | SizeFilter
  | ModFilter
  | BitsFilter
  | ElemMatchDocumentFilter
  | ElemMatchValueFilter
  | RegexFilter
  | AllFilter
  | GeoFilter
  | NearFilter

export type ComparisonOperator = 'eq' | 'gt' | 'gte' | 'lt' | 'lte'

/**
 * How strings compare: undefined where no string is compared with, and for the simple collation, by bytes. Where it is there, the filter has
 * `keyed` values beside those it was given (see `Collation.keyed`).
 */
export interface Collated<Keyed> {
  readonly collation: Collation
  readonly keyed: Keyed
}

export interface ComparisonFilter {
  readonly kind: 'comparison'
  readonly path: Path
  readonly operator: ComparisonOperator
  readonly value: Value
  readonly collated?: Collated<Value> | undefined
}

export interface InFilter {
  readonly kind: 'in'
  readonly path: Path
  /** Ascending, distinct, in the order of the collation. */
  readonly values: readonly Value[]
  /** Of each of the values. */
  readonly collated?: Collated<readonly Value[]> | undefined
}

export interface ExistsFilter {
  readonly kind: 'exists'
  readonly path: Path
}

export interface TypeFilter {
  readonly kind: 'type'
  readonly path: Path
  /** BSON type numbers. */
  readonly types: ReadonlySet<number>
}

export interface SizeFilter {
  readonly kind: 'size'
  readonly path: Path
  readonly size: number
}

export interface ModFilter {
  readonly kind: 'mod'
  readonly path: Path
  readonly divisor: bigint
  readonly remainder: bigint
}

export interface BitsFilter {
  readonly kind: 'bits'
  readonly path: Path
  readonly operator: 'allSet' | 'anySet' | 'allClear' | 'anyClear'
  /** Ascending, distinct; beyond 63 the sign (of a number) or zero (of binary data) is looked at. */
  readonly positions: readonly number[]
}

/** Each of the values is equal to something the path leads to. */
export interface AllFilter {
  readonly kind: 'all'
  readonly path: Path
  /** Ascending, distinct. */
  readonly values: readonly Value[]
  readonly collated?: Collated<readonly Value[]> | undefined
}

export interface RegexFilter {
  readonly kind: 'regex'
  readonly path: Path
  readonly pattern: string
  readonly options: string
  readonly regex: Regex
}

/** Where the geometry lies that the path leads to; what is none does not match. */
export interface GeoFilter {
  readonly kind: 'geo'
  readonly path: Path
  readonly operator: 'within' | 'intersects'
  readonly sought: SoughtGeometry
}

/** What is nearest to a place comes first: there is no way to do that (`refuseNear`). */
export interface NearFilter {
  readonly kind: 'near'
  readonly path: Path
}

/** What the operand of a geo operator comes to. Filters that say the same may have one in common. */
export interface SoughtGeometry {
  /** As it was given. */
  readonly operand: Value
  readonly test: GeometryTest
}

/** Some element of an array is a document that the filter matches. */
export interface ElemMatchDocumentFilter {
  readonly kind: 'elemMatchDocument'
  readonly path: Path
  readonly filter: Filter
}

/** Some element of an array passes all tests; the paths in `filter` are `valueItself`. */
export interface ElemMatchValueFilter {
  readonly kind: 'elemMatchValue'
  readonly path: Path
  readonly filter: Filter
}

/** `{}`: every document. */
export const matchAll: LogicalFilter = { kind: 'and', filters: [] }

export function isMatchAll(filter: Filter): boolean {
  return filter.kind === 'and' && filter.filters.length === 0
}

/** One filter for several that must all hold; `and`s among them are dissolved. */
export function conjunction(filters: readonly Filter[]): Filter {
  if (filters.length === 1) return filters[0]!
  if (filters.every(({ kind }) => kind !== 'and')) return { kind: 'and', filters }
  const flat = filters.flatMap((filter) => (filter.kind === 'and' ? filter.filters : [filter]))
  return flat.length === 1 ? flat[0]! : { kind: 'and', filters: flat }
}

/** The filters that must all hold for `filter` to hold: what the planner looks at. */
export function conjuncts(filter: Filter): readonly Filter[] {
  return filter.kind === 'and' ? filter.filters : [filter]
}
