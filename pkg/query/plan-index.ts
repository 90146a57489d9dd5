/**
 * What one index can do for a filter: bounds for each part of its key, the key ranges they come to, and what is left to be tested on
 * the documents.
 *
 * Arrays make bounds weaker. A key is made of one element of each array, but different elements may satisfy different
 * predicates: of several predicates on a path with an array only one gives bounds, and of several parts of the key whose
 * paths lead through the same array only the first has any. A numeric part of a path means a position in one place and a
 * field in another there: no bounds.
 */
import { bsonType } from '../bson/type.ts'
import { documentFields, int64Value, stringValue, type Value } from '../bson/value.ts'
import { hashValue } from '../bson/value-hash.ts'
import { copyBytes } from '../storage/copy.ts'
import { conjunction, conjuncts, type Filter } from './filter/tree.ts'
import { type KeyRanges, keyPoints, keyRanges, listedRanges } from './key-ranges.ts'
import { parsePath } from './path.ts'
import {
  type Bounds,
  boundsOf,
  containsNull,
  type Interval,
  intersect,
  isPoint,
  kept,
  point,
  union,
  wholeInterval,
} from './plan-bounds.ts'
import { seenBy } from './plan-collation.ts'
import type { QueryIndex } from './plan-source.ts'

/** One part of the key; a wildcard part is two: the path and its value. */
export interface BoundedPart {
  /** What explain calls it. */
  readonly name: string
  /** The path whose values the part has; undefined: none that a sort or filter could be about. */
  readonly path: string | undefined
  readonly descending: boolean
  /** Ascending by value. */
  readonly intervals: readonly Interval[]
  readonly multikeyPaths: number
}

export interface IndexBounds {
  readonly index: QueryIndex
  readonly parts: readonly BoundedPart[]
  /** Key bytes, in the order of the index. */
  readonly ranges: KeyRanges
  /** Of the parts that `ranges` leave open, from `checkedFrom` on: what their key bytes must lie in. */
  readonly checked: readonly KeyRanges[]
  readonly checkedFrom: number
  /** What must be tested on the document. */
  readonly residual: Filter
  /** Documents may have several entries within the ranges. */
  readonly repeats: boolean
  /** The one range is between these keys, as documents, whatever the parts say. */
  readonly between?: { readonly startKey: Uint8Array; readonly endKey: Uint8Array }
}

const rangesMax = 200

export function isWhole(intervals: readonly Interval[]): boolean {
  return intervals.length === 1 && intervals[0] === wholeInterval
}

/** Each way the index can be used for the filter: one, but for a wildcard index one for each path it may stand for. */
export function indexBounds(index: QueryIndex, filter: Filter): readonly IndexBounds[] {
  let parts = conjuncts(filter)
  let origins: Map<Filter, Filter> | undefined
  if (seenBy(index.collation, filter) !== filter) {
    // What each part says to the index, and of that the part it was, to be tested where the bounds do not say it.
    origins = new Map(parts.map((part) => [{ ...seenBy(index.collation, part) }, part]))
    parts = [...origins.keys()]
  }
  const { wildcardAt } = index.definition
  if (wildcardAt < 0) {
    const bounds = boundsFor(index, parts, origins, undefined)
    return bounds === undefined ? [] : [bounds]
  }
  const result: IndexBounds[] = []
  for (const path of new Set(parts.flatMap((part) => pathsOf(part)))) {
    if (!index.coversPath(path)) continue
    const bounds = boundsFor(index, parts, origins, path)
    if (bounds !== undefined) result.push(bounds)
  }
  return result
}

/** The paths that a wildcard part may stand for, for this filter. */
function pathsOf(filter: Filter): readonly string[] {
  if (filter.kind === 'not') return pathsOf(filter.filter)
  if (!('path' in filter) || filter.path.parts.length === 0) return []
  const { text } = filter.path
  if (filter.kind !== 'elemMatchDocument') return [text]
  return conjuncts(filter.filter)
    .flatMap((part) => pathsOf(part))
    .map((path) => `${text}.${path}`)
}

/** Undefined when the index may lack documents that match. `wildcardPath`: what the wildcard part stands for. */
function boundsFor(
  index: QueryIndex,
  filters: readonly Filter[],
  origins: ReadonlyMap<Filter, Filter> | undefined,
  wildcardPath: string | undefined,
): IndexBounds | undefined {
  const { definition } = index
  const done: Filter[] = []
  const parts: BoundedPart[] = []
  let usable = true
  index.keyPaths.forEach(({ path, descending, kind }, i) => {
    const arrays = index.multikeyPaths[i]!
    if (kind === 'wildcard') {
      const intervals = wildcardIntervals(wildcardPath!, arrays, filters, done)
      const below = isWhole(intervals) && demandsPath(wildcardPath!, arrays, filters)
      const paths = below ? pathsBelow(wildcardPath!) : [point(stringValue(wildcardPath!))]
      usable = below || !isWhole(intervals)
      parts.push({ name: '$_path', path: undefined, descending: false, intervals: paths, multikeyPaths: 0 })
      parts.push({
        name: wildcardPath!,
        path: below ? undefined : wildcardPath,
        descending,
        intervals,
        multikeyPaths: below ? arrays | 1 : arrays,
      })
      return
    }
    const shared = parts.some((other) => !isWhole(other.intervals) && sharesArray(other, path, arrays))
    const intervals =
      kind === 'hashed'
        ? hashedIntervals(path, filters)
        : shared
          ? [wholeInterval]
          : intervalsFor(path, arrays, filters, done)
    parts.push({
      name: path,
      path: kind === 'hashed' ? undefined : path,
      descending,
      intervals,
      multikeyPaths: arrays,
    })
  })
  if (definition.sparse && !parts.some((part) => demandsField(part, filters))) return undefined
  if (!usable) return undefined
  const left = without(filters, done)
  return boundsOfParts(index, parts, conjunction(origins ? left.map((filter) => origins.get(filter)!) : left))
}

/** The filters that are not done. Of few it is quicker to look at all than to make a set. */
function without(filters: readonly Filter[], done: readonly Filter[]): readonly Filter[] {
  if (filters.length <= 8) return filters.filter((filter) => !done.includes(filter))
  const those = new Set(done)
  return filters.filter((filter) => !those.has(filter))
}

/** Whether no document that lacks the part's field is looked for. */
function demandsField({ path, intervals }: BoundedPart, filters: readonly Filter[]): boolean {
  if (!isWhole(intervals)) return !containsNull(intervals)
  return filters.some((filter) => filter.kind === 'exists' && filter.path.text === path)
}

/** Also without regard to whether the index has all documents: for a hint. */
export function wholeIndex(index: QueryIndex, filter: Filter): IndexBounds {
  const parts = index.keyPaths.map(({ path, descending, kind }, i): BoundedPart => {
    const multikeyPaths = index.multikeyPaths[i]!
    return {
      name: path,
      path: kind === 'ordered' ? path : undefined,
      descending,
      intervals: [wholeInterval],
      multikeyPaths,
    }
  })
  return boundsOfParts(index, parts, filter)
}

/** What bounds on the parts come to. `residual`: what they do not say. */
export function boundsOfParts(index: QueryIndex, parts: readonly BoundedPart[], residual: Filter): IndexBounds {
  const { ranges, used } = rangesOf(parts)
  let last = parts.length
  while (last > used && isWhole(parts[last - 1]!.intervals)) last--
  const checked = parts.slice(used, last).map(({ intervals, descending }) => keyRanges(intervals, descending))
  // Points of a part without arrays cannot be met twice by one document.
  const repeats =
    index.definition.wildcardAt >= 0
      ? index.multikey || parts.some(({ name, intervals }) => name === '$_path' && !intervals.every(isPoint))
      : parts.some(
          ({ multikeyPaths, intervals }) => multikeyPaths !== 0 && !(intervals.length <= 1 && intervals.every(isPoint)),
        )
  return { index, parts, ranges, checked, checkedFrom: used, residual, repeats }
}

/** Points of the first parts one by one, then the ranges of the next. */
function rangesOf(parts: readonly BoundedPart[]): { ranges: KeyRanges; used: number } {
  const used = boundedCount(parts)
  if (used === 0) return { ranges: wholeRanges, used }
  const { intervals, descending } = parts[used - 1]!
  if (used === 1) return { ranges: keyRanges(intervals, descending), used }
  let prefixes: readonly Uint8Array[] = noPrefix
  for (let i = 0; i < used - 1; i++) {
    const part = parts[i]!
    prefixes = prefixes.flatMap((prefix) => keyPoints(part.intervals, part.descending, prefix))
  }
  return { ranges: prefixes.flatMap((prefix) => listedRanges(intervals, descending, prefix)), used }
}

/** How many parts bound the ranges: all but the last by points, together not too many. The first may have as many as it likes. */
function boundedCount(parts: readonly BoundedPart[]): number {
  let count = 1
  let used = 0
  for (const { intervals } of parts) {
    if (isWhole(intervals) || (used > 0 && count * intervals.length > rangesMax)) break
    used++
    count *= intervals.length
    if (used === parts.length || !intervals.every(isPoint)) break
  }
  return used
}

const wholeRanges: KeyRanges = [{ lower: undefined, upper: undefined }]
const noPrefix: readonly Uint8Array[] = [new Uint8Array(0)]

export function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  copyBytes(a, 0, a.length, both, 0)
  copyBytes(b, 0, b.length, both, a.length)
  return both
}

/** What the filters leave possible for a path; those that the intervals say exactly are added to `done`. */
function intervalsFor(path: string, arrays: number, filters: readonly Filter[], done: Filter[]): readonly Interval[] {
  const numeric = parsePath(path).parts.some(({ position }) => position >= 0)
  if (numeric && arrays !== 0) return [wholeInterval]
  let intervals: readonly Interval[] | undefined
  /** Those that the intervals are of and say exactly. */
  let exact: Filter[] = []
  for (const filter of filters) {
    const found = boundsOn(filter, path, arrays === 0)
    if (found === undefined) continue
    if (intervals === undefined || (arrays !== 0 && tighter(found.intervals, intervals))) {
      intervals = found.intervals
      exact = found.exact ? [filter] : []
    } else if (arrays === 0) {
      intervals = intersect(intervals, found.intervals)
      if (found.exact) exact.push(filter)
    }
  }
  if (intervals === undefined) return [wholeInterval]
  if (!numeric) for (const filter of exact) done.push(filter)
  return intervals
}

/** Bounds that one filter gives a path; an `or` whose branches are all about that path gives all of theirs. */
function boundsOn(filter: Filter, path: string, single: boolean): Bounds | undefined {
  if (filter.kind === 'or') {
    const lists: (readonly Interval[])[] = []
    let exact = true
    for (const branch of filter.filters) {
      const found = boundsOn(branch, path, single)
      if (found === undefined) return undefined
      lists.push(found.intervals)
      exact &&= found.exact
    }
    return { intervals: union(lists), exact }
  }
  if (filter.kind === 'not') {
    const inner = filter.filter
    return 'path' in inner && inner.path.text === path ? boundsOf(filter, single) : undefined
  }
  if (filter.kind === 'elemMatchDocument') {
    if (!path.startsWith(`${filter.path.text}.`)) return undefined
    const rest = path.slice(filter.path.text.length + 1)
    for (const part of conjuncts(filter.filter)) {
      // Negations inside are about one element, of many.
      const found = part.kind === 'not' ? undefined : boundsOn(part, rest, false)
      if (found !== undefined) return { intervals: found.intervals, exact: false }
    }
    return undefined
  }
  if (filter.kind === 'elemMatchValue') {
    // Elements that are arrays themselves are no keys of their own elements: the tests are about the element as a whole.
    if (filter.path.text !== path) return undefined
    let intervals: readonly Interval[] | undefined
    for (const part of conjuncts(filter.filter)) {
      if (part.kind !== 'comparison' || part.value.type === bsonType.array || part.value.type === bsonType.null)
        continue
      const found = boundsOf(part)
      if (found !== undefined)
        intervals = intervals === undefined ? found.intervals : intersect(intervals, found.intervals)
    }
    return intervals === undefined ? undefined : { intervals, exact: false }
  }
  return 'path' in filter && filter.path.text === path ? boundsOf(filter, single) : undefined
}

function wildcardIntervals(
  path: string,
  arrays: number,
  filters: readonly Filter[],
  done: Filter[],
): readonly Interval[] {
  if (arrays !== 0 && parsePath(path).parts.some(({ position }) => position >= 0)) return [wholeInterval]
  const usable = filters.filter(isFoundByWildcard)
  return intervalsFor(path, arrays, usable, done)
}

/** Whether all values that the filter is about have keys in a wildcard index. */
function isFoundByWildcard(filter: Filter): boolean {
  switch (filter.kind) {
    case 'regex':
      return true
    case 'comparison':
      return filter.operator === 'eq' ? isIndexed(filter.value) : isScalar(filter.value)
    case 'in':
      return filter.values.every(isIndexed)
    case 'elemMatchDocument':
      return conjuncts(filter.filter).every(isFoundByWildcard)
    default:
      return false
  }
}

/** Whether only documents with something at or below the path are looked for. */
function demandsPath(path: string, arrays: number, filters: readonly Filter[]): boolean {
  if (arrays !== 0 && parsePath(path).parts.some(({ position }) => position >= 0)) return false
  return filters.some((filter) => {
    if (filter.kind === 'not') {
      const inner = filter.filter
      return (
        inner.kind === 'comparison' &&
        inner.operator === 'eq' &&
        inner.path.text === path &&
        inner.value.type === bsonType.null &&
        arrays === 0
      )
    }
    return (filter.kind === 'exists' || filter.kind === 'type') && filter.path.text === path
  })
}

/** The path and all that go on from it. */
function pathsBelow(path: string): readonly Interval[] {
  const below: Interval = {
    low: stringValue(`${path}.`),
    lowInclusive: true,
    high: stringValue(`${path}/`),
    highInclusive: false,
  }
  return [point(stringValue(path)), below]
}

/** What equality with finds in a wildcard index: scalars, the empty document, and arrays that do not begin with a document. */
function isIndexed(value: Value): boolean {
  if (value.type === bsonType.document) return value.end - value.start === 5
  if (value.type !== bsonType.array) return isScalar(value)
  const [first] = documentFields(value.bytes, value.start)
  return first === undefined || first.type === bsonType.array || isIndexed(first)
}

/** Documents and arrays have no keys of their own in a wildcard index. */
function isScalar({ type }: Value): boolean {
  return type !== bsonType.document && type !== bsonType.array && type !== bsonType.null && type !== bsonType.undefined
}

/** Points only: a hash says nothing of order. Values of one hash may differ, so that the filter is tested again. */
function hashedIntervals(path: string, filters: readonly Filter[]): readonly Interval[] {
  for (const filter of filters) {
    if (!('path' in filter) || filter.path.text !== path) continue
    const values =
      filter.kind === 'comparison' && filter.operator === 'eq'
        ? [filter.value]
        : filter.kind === 'in'
          ? filter.values
          : undefined
    if (values === undefined) continue
    if (!values.every(hasHash)) continue
    return kept(keptHashes, values, hashPoints)
  }
  return [wholeInterval]
}

const keptHashes = new WeakMap<readonly Value[], readonly Interval[]>()

function hashPoints(values: readonly Value[]): readonly Interval[] {
  const hashes = BigInt64Array.from(values, ({ type, bytes, start }) => hashValue(type, bytes, start)).sort()
  const points: Interval[] = []
  hashes.forEach((hash, i) => {
    if (i === 0 || hash !== hashes[i - 1]) points.push(point(int64Value(hash)))
  })
  return points
}

/** Null is missing, too, and an array may be in no hashed index. */
function hasHash({ type }: Value): boolean {
  return type !== bsonType.array && type !== bsonType.null && type !== bsonType.undefined
}

function tighter(a: readonly Interval[], b: readonly Interval[]): boolean {
  const pointsA = a.every(isPoint)
  const pointsB = b.every(isPoint)
  return pointsA === pointsB ? a.length < b.length : pointsA
}

/** Whether two parts of the key go through an array at a prefix that their paths have in common. */
function sharesArray(other: BoundedPart, path: string, arrays: number): boolean {
  if (other.path === undefined || other.multikeyPaths === 0 || arrays === 0) return false
  const a = other.path.split('.')
  const b = path.split('.')
  for (let depth = 0; depth < Math.min(a.length, b.length) && a[depth] === b[depth]; depth++) {
    const bit = 1 << Math.min(depth, 30)
    if ((other.multikeyPaths & bit) !== 0 && (arrays & bit) !== 0) return true
  }
  return false
}
