/**
 * Index bounds: intervals of values that a filter leaves possible for one path, and their key bytes.
 *
 * Bounds may let too much through (the whole filter is tested again on what is read), but never too little: every document the
 * filter matches has an index entry within them. That rests on how entries are made: missing counts as null, an array is entered by
 * each element, an empty one as undefined.
 */
import { buildArray } from '../bson/build.ts'
import { compare } from '../bson/order.ts'
import { bsonType } from '../bson/type.ts'
import {
  booleanValue,
  dateValue,
  documentFields,
  documentValue,
  doubleValue,
  isNumber,
  maxKeyValue,
  minKeyValue,
  nullValue,
  numberOf,
  objectIdValue,
  stringValue,
  undefinedValue,
  type Value,
  valueAt,
} from '../bson/value.ts'
import type { ComparisonFilter, Filter } from './filter/tree.ts'

export interface Interval {
  readonly low: Value
  readonly lowInclusive: boolean
  readonly high: Value
  readonly highInclusive: boolean
}

/** Everything: bounds that a filter says nothing about. */
export const wholeInterval: Interval = {
  low: minKeyValue,
  lowInclusive: true,
  high: maxKeyValue,
  highInclusive: true,
}

export function isPoint({ low, lowInclusive, high, highInclusive }: Interval): boolean {
  return lowInclusive && highInclusive && (low === high || compare(low, high) === 0)
}

/** What a filter leaves possible for the values of one path. */
export interface Bounds {
  /** Ascending, disjoint. */
  readonly intervals: readonly Interval[]
  /** A document matches exactly when it has a key within the intervals: the filter need not be tested again. */
  readonly exact: boolean
}

/** Undefined when the filter bounds nothing that an index could use. `single`: no array is on the path in any document. */
export function boundsOf(filter: Filter, single = false): Bounds | undefined {
  switch (filter.kind) {
    case 'comparison':
      if (filter.operator !== 'eq') return rangeOf(filter)
      return { intervals: normalize(equalTo(filter.value)), exact: isExact(filter.value) }
    case 'in':
      return kept(keptPoints, filter.values, makePoints)
    case 'regex':
      return regexBounds(filter.pattern, filter.options)
    case 'not': {
      if (filter.filter.kind !== 'comparison' && filter.filter.kind !== 'in') return undefined
      const inner = boundsOf(filter.filter, single)
      // Without arrays a key within the bounds of null is null or missing, and both are what is negated.
      const exact =
        inner?.exact === true || (single && filter.filter.kind === 'comparison' && isNullish(filter.filter.value))
      return inner === undefined || !exact
        ? undefined
        : { intervals: kept(keptOutside, inner.intervals, complement), exact: false }
    }
    default:
      return undefined
  }
}

/** From so many values on, what they come to is kept as long as they are: it is asked for by each index, and when a query is planned again. */
const keptMin = 64

const keptPoints = new WeakMap<readonly Value[], Bounds>()
const keptOutside = new WeakMap<readonly Interval[], readonly Interval[]>()

/** What `make` makes of `given`, which never changes. */
export function kept<Given extends readonly unknown[], Made>(
  known: WeakMap<Given, Made>,
  given: Given,
  make: (given: Given) => Made,
): Made {
  if (given.length < keptMin) return make(given)
  let made = known.get(given)
  if (made === undefined) {
    made = make(given)
    known.set(given, made)
  }
  return made
}

/** `values`: ascending, distinct. */
function makePoints(values: readonly Value[]): Bounds {
  const exact = values.every(isExact)
  // Without arrays each value is one point, and they are in order.
  if (exact || !values.some(({ type }) => type === bsonType.array)) return { intervals: values.map(point), exact }
  return { intervals: normalize(values.flatMap(equalTo)), exact }
}

function isNullish(value: Value): boolean {
  return value.type === bsonType.null
}

/** Equality with null is about missing fields too, with an array about whole arrays: more than a key tells. */
function isExact({ type }: Value): boolean {
  return type !== bsonType.null && type !== bsonType.undefined && type !== bsonType.array && type !== bsonType.regex
}

/** A pattern that begins with plain text finds only strings that do; regular expressions match themselves. */
function regexBounds(pattern: string, options: string): Bounds {
  const prefix = options.replace('u', '') === '' ? plainPrefix(pattern) : ''
  const strings = bracketOf(bsonType.string)!
  const text: Interval =
    prefix === ''
      ? strings
      : { low: stringValue(prefix), lowInclusive: true, high: successor(prefix) ?? strings.high, highInclusive: false }
  return { intervals: [text, regexInterval], exact: false }
}

const regexInterval: Interval = {
  low: valueAt(bsonType.regex, new Uint8Array([0, 0]), 0, 2),
  lowInclusive: true,
  high: valueAt(bsonType.dbPointer, new Uint8Array([1, 0, 0, 0, 0, ...new Uint8Array(12)]), 0, 17),
  highInclusive: false,
}

function plainPrefix(pattern: string): string {
  if (!pattern.startsWith('^') || pattern.includes('|')) return ''
  const match = /^\^([A-Za-z0-9 _:,/@-]*)(.?)/.exec(pattern)
  const text = match?.[1] ?? ''
  // What follows may make the last character optional.
  return match !== null && '*?{'.includes(match[2]!) && match[2] !== '' ? text.slice(0, -1) : text
}

/** The least text after all that begin with `prefix`, which is ASCII. */
function successor(prefix: string): Value | undefined {
  const last = prefix.charCodeAt(prefix.length - 1)
  return stringValue(prefix.slice(0, -1) + String.fromCharCode(last + 1))
}

/** The value alone. */
export function point(value: Value): Interval {
  return { low: value, lowInclusive: true, high: value, highInclusive: true }
}

/** An array is found as an element of another, or by its own first element. */
function equalTo(value: Value): Interval[] {
  if (value.type !== bsonType.array) return [point(value)]
  const [first] = documentFields(value.bytes, value.start)
  return [point(value), point(first ?? undefinedValue)]
}

/** What lies outside of ascending, disjoint intervals. */
export function complement(intervals: readonly Interval[]): readonly Interval[] {
  const result: Interval[] = []
  let low: Value = minKeyValue
  let lowInclusive = true
  let isPointBefore = false
  for (const interval of intervals) {
    const gap: Interval = { low, lowInclusive, high: interval.low, highInclusive: !interval.lowInclusive }
    // Between two points there is something.
    const isPointNow = interval.low === interval.high
    if ((isPointBefore && isPointNow) || !isEmpty(gap)) result.push(gap)
    isPointBefore = isPointNow
    low = interval.high
    lowInclusive = !interval.highInclusive
  }
  const rest: Interval = { low, lowInclusive, high: maxKeyValue, highInclusive: true }
  if (!isEmpty(rest)) result.push(rest)
  return result
}

/** Whether everything in `a` is in `b` too; both ascending and disjoint. */
export function isWithin(a: readonly Interval[], b: readonly Interval[]): boolean {
  let at = 0
  return a.every((x) => {
    while (at < b.length && compareHighs(b[at]!, x) < 0) at++
    return at < b.length && compareLows(b[at]!, x) <= 0
  })
}

export function containsNull(intervals: readonly Interval[]): boolean {
  return intersect(intervals, [point(nullValue)]).length > 0
}

function rangeOf({ operator, value }: ComparisonFilter): Bounds | undefined {
  const { type } = value
  if (type === bsonType.minKey || type === bsonType.maxKey) return undefined
  const inclusive = operator === 'gte' || operator === 'lte'
  if (type === bsonType.null || (isNumber(type) && Number.isNaN(numberOf(value)))) {
    return { intervals: inclusive ? [point(value)] : [], exact: false }
  }
  const bracket = bracketOf(type)
  if (bracket === undefined) return undefined
  const interval: Interval =
    operator === 'gt' || operator === 'gte'
      ? { ...bracket, low: value, lowInclusive: inclusive }
      : { ...bracket, high: value, highInclusive: inclusive }
  return { intervals: isEmpty(interval) ? [] : [interval], exact: type !== bsonType.document }
}

const brackets = new Map<number, Interval | undefined>()

/** As `makeBracket`, made once. */
function bracketOf(type: number): Interval | undefined {
  let bracket = brackets.get(type)
  if (bracket === undefined && !brackets.has(type)) {
    bracket = makeBracket(type)
    brackets.set(type, bracket)
  }
  return bracket
}

/** All values that a range over `type` may match. Ranges over arrays, and over types that nobody ranges over, have no bounds. */
function makeBracket(type: number): Interval | undefined {
  switch (type) {
    case bsonType.int32:
    case bsonType.int64:
    case bsonType.double:
    case bsonType.decimal128:
      return closed(doubleValue(-Infinity), doubleValue(Infinity))
    case bsonType.string:
    case bsonType.symbol:
      return { low: stringValue(''), lowInclusive: true, high: documentValue(emptyDocument), highInclusive: false }
    case bsonType.document: {
      const array = valueAt(bsonType.array, buildArray([]), 0, 5)
      return { low: documentValue(emptyDocument), lowInclusive: true, high: array, highInclusive: false }
    }
    case bsonType.objectId:
      return closed(objectIdValue(new Uint8Array(12)), objectIdValue(new Uint8Array(12).fill(0xff)))
    case bsonType.boolean:
      return closed(booleanValue(false), booleanValue(true))
    case bsonType.date:
      return closed(dateValue(-(2n ** 63n)), dateValue(2n ** 63n - 1n))
    case bsonType.timestamp:
      return closed(timestampBytes(0), timestampBytes(0xff))
    default:
      return undefined
  }
}

const emptyDocument = new Uint8Array([5, 0, 0, 0, 0])

function closed(low: Value, high: Value): Interval {
  return { low, lowInclusive: true, high, highInclusive: true }
}

function timestampBytes(byte: number): Value {
  return valueAt(bsonType.timestamp, new Uint8Array(8).fill(byte), 0, 8)
}

function isEmpty(interval: Interval): boolean {
  const order = compare(interval.low, interval.high)
  return order > 0 || (order === 0 && !(interval.lowInclusive && interval.highInclusive))
}

/** What lies in both; both ascending and disjoint. */
export function intersect(a: readonly Interval[], b: readonly Interval[]): readonly Interval[] {
  const result: Interval[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    const x = a[i]!
    const y = b[j]!
    const byHigh = compareHighs(x, y)
    const low = compareLows(x, y) > 0 ? x : y
    const high = byHigh < 0 ? x : y
    const both: Interval = {
      low: low.low,
      lowInclusive: low.lowInclusive,
      high: high.high,
      highInclusive: high.highInclusive,
    }
    if (!isEmpty(both)) result.push(both)
    // What ends first meets nothing that comes later.
    if (byHigh <= 0) i++
    if (byHigh >= 0) j++
  }
  return result
}

/** Intervals of any of the lists, ascending and disjoint. */
export function union(lists: readonly (readonly Interval[])[]): readonly Interval[] {
  if (lists.length === 1) return lists[0]!
  const all = lists.flat().sort(compareLows)
  const result: Interval[] = []
  for (const interval of all) {
    const last = result.at(-1)
    if (last === undefined || isApart(last, interval)) result.push(interval)
    else if (compareHighs(last, interval) < 0)
      result[result.length - 1] = { ...last, high: interval.high, highInclusive: interval.highInclusive }
  }
  return result
}

/** Whether there is something between the end of `a` and the beginning of `b`, which begins later. */
function isApart(a: Interval, b: Interval): boolean {
  const order = compare(a.high, b.low)
  return order < 0 || (order === 0 && !a.highInclusive && !b.lowInclusive)
}

/** By where they begin. */
function compareLows(x: Interval, y: Interval): number {
  return compare(x.low, y.low) || Number(y.lowInclusive) - Number(x.lowInclusive)
}

/** By where they end. */
function compareHighs(x: Interval, y: Interval): number {
  return compare(x.high, y.high) || Number(x.highInclusive) - Number(y.highInclusive)
}

/** Points, ascending, each once. */
function normalize(points: Interval[]): Interval[] {
  if (points.length < 2) return points
  points.sort((a, b) => compare(a.low, b.low))
  return points.filter((interval, i) => i === 0 || compare(points[i - 1]!.low, interval.low) !== 0)
}

export function reversed(interval: Interval): Interval {
  return {
    low: interval.high,
    lowInclusive: interval.highInclusive,
    high: interval.low,
    highInclusive: interval.lowInclusive,
  }
}
