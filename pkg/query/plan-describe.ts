/** Plans in the shape of explain's `winningPlan`: stages with their `inputStage`, as plain objects for `buildDocument`. */
import { type RawDocument, rawDocument, writeField } from '../bson/build.ts'
import { formatDecimal, readDecimal128 } from '../bson/decimal128.ts'
import { bsonType } from '../bson/type.ts'
import {
  documentFields,
  documentOf,
  readDouble,
  readInt32,
  readInt64,
  readString,
  readUint32,
  type Value,
} from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { type Filter, isMatchAll, matchAll } from './filter/tree.ts'
import { type Interval, reversed } from './plan-bounds.ts'
import type { IndexBounds } from './plan-index.ts'
import type { IndexScanNode, PlanNode } from './plan-node.ts'
import type { Projection } from './projection/tree.ts'

export interface DescribedRequest {
  readonly skip?: number | undefined
  readonly limit?: number | undefined
  readonly projection?: Projection | undefined
  /** Index keys are shown instead of documents. */
  readonly returnKey?: boolean | undefined
  /** The filter document as it was given, shown where it is tested. */
  readonly filterDocument?: Uint8Array | undefined
}

export type Stage = Readonly<Record<string, unknown>>

/** The plan with what execution puts around it: skip, limit, projection. */
export function describePlan(node: PlanNode, request: DescribedRequest = {}): Stage {
  const { skip, limit, projection } = request
  let stage = describeNode(node, request.filterDocument)
  const sorted = node.kind === 'sort'
  if (skip !== undefined && skip > 0) stage = { stage: 'SKIP', skipAmount: skip, inputStage: stage }
  // A sort that stops early has the limit in itself.
  if (limit !== undefined && limit > 0 && !sorted) stage = { stage: 'LIMIT', limitAmount: limit, inputStage: stage }
  if (request.returnKey === true) stage = { stage: 'RETURN_KEY', inputStage: stage }
  else if (projection !== undefined && projection.kind !== 'all') {
    stage = { stage: projectionStage(node, projection), transformBy: transformOf(projection), inputStage: stage }
  }
  return stage
}

/** Whether rows are what a projection shows, made of keys. */
function isCovered(node: PlanNode): boolean {
  if (node.kind === 'merge') return node.inputs.every((input) => input.projection !== undefined)
  if (node.kind === 'fetch' || node.kind === 'groupScan') return node.projection !== undefined
  return node.kind === 'distinctScan'
}

/** MongoDB has quicker ways for projections that only keep or drop fields of the document itself. */
function projectionStage(node: PlanNode, { root }: Exclude<Projection, { kind: 'all' }>): string {
  const isSimple = [...root.children.values()].every(({ kind }) => kind === 'keep' || kind === 'drop')
  if (!isSimple) return 'PROJECTION_DEFAULT'
  return isCovered(node) ? 'PROJECTION_COVERED' : 'PROJECTION_SIMPLE'
}

function describeNode(node: PlanNode, filterDocument: Uint8Array | undefined): Stage {
  const filter = filterDocument !== undefined && !isMatchAll(filterOf(node)) ? rawDocument(filterDocument) : undefined
  switch (node.kind) {
    case 'collectionScan':
      return { stage: 'COLLSCAN', filter, direction: directionName(node.direction) }
    case 'idLookup':
      if (node.whole) return { stage: 'IDHACK', keyPattern: { _id: 1 }, indexName: '_id_' }
      return { stage: 'FETCH', filter, inputStage: describeIdScan(node.ids) }
    case 'fetch': {
      if (node.keysOnly && isCountScan(node.input)) return describeCountScan(node.input)
      const scan = describeIndexScan(node.input, filterDocument)
      return node.keysOnly || node.projection !== undefined ? scan : { stage: 'FETCH', filter, inputStage: scan }
    }
    case 'merge': {
      const scans = node.inputs.map(({ input }) => describeIndexScan(input, filterDocument))
      const inputStages = node.exploded ? scans : node.inputs.map((input) => describeNode(input, filterDocument))
      const merged = { stage: 'SORT_MERGE', sortPattern: rawDocument(node.sort.document), inputStages }
      return node.exploded && !isCovered(node) ? { stage: 'FETCH', filter, inputStage: merged } : merged
    }
    case 'distinctScan': {
      const transformBy = rawFields([
        ['_id', false],
        [node.input.index.keyPaths[node.part]!.path, true],
      ])
      const scan = { ...describeIndexScan(node.input, filterDocument), stage: 'DISTINCT_SCAN' }
      return { stage: 'PROJECTION_COVERED', transformBy, inputStage: scan }
    }
    case 'groupScan': {
      const isFetching = node.projection === undefined
      const scans = node.passes.map((pass) => ({
        ...describeIndexScan(pass.input, filterDocument),
        stage: 'DISTINCT_SCAN',
        isFetching,
      }))
      return scans.length === 1 ? scans[0]! : { stage: 'UNION', inputStages: scans }
    }
    case 'or':
      return {
        stage: 'SUBPLAN',
        inputStage: {
          stage: 'OR',
          inputStages: node.inputs.map((input) =>
            describeNode(input, isMatchAll(input.filter) ? undefined : filterDocument),
          ),
        },
      }
    case 'sort':
      return {
        stage: 'SORT',
        sortPattern: rawDocument(node.sort.document),
        limitAmount: node.limit,
        type: 'simple',
        inputStage: describeNode(node.input, filterDocument),
      }
  }
}

function filterOf(node: PlanNode): Filter {
  if (node.kind === 'sort') return filterOf(node.input)
  if (node.kind === 'merge') return node.inputs[0]?.filter ?? matchAll
  return 'filter' in node ? node.filter : matchAll
}

/** Whether one range says all: then MongoDB counts its entries without looking at them. */
function isCountScan({ bounds, filter }: IndexScanNode): boolean {
  return bounds.ranges.length === 1 && bounds.checked.length === 0 && isMatchAll(filter)
}

function describeCountScan(node: IndexScanNode): Stage {
  const { filter, direction, ...shown } = describeIndexScan(node, undefined)
  const edge = (side: 'low' | 'high'): RawDocument | Stage =>
    rawFields(
      node.bounds.parts.map(({ name, intervals, descending }) => {
        const interval = descending ? reversed(intervals.at(-1)!) : intervals[0]!
        const value = side === 'low' ? interval.low : interval.high
        // Sort keys are no UTF-8.
        return [name, node.index.collation === undefined || name === '$_path' ? value : showValue(value, true)]
      }),
    )
  const isIncluded = (side: 'lowInclusive' | 'highInclusive'): boolean =>
    node.bounds.parts.every(({ intervals, descending }) => (descending ? reversed(intervals[0]!) : intervals[0]!)[side])
  return {
    ...shown,
    stage: 'COUNT_SCAN',
    indexBounds: {
      startKey: edge('low'),
      startKeyInclusive: isIncluded('lowInclusive'),
      endKey: edge('high'),
      endKeyInclusive: isIncluded('highInclusive'),
    },
  }
}

function describeIndexScan(
  { index, bounds, direction, filter }: IndexScanNode,
  filterDocument: Uint8Array | undefined,
): Stage {
  const { definition } = index
  return {
    stage: 'IXSCAN',
    filter: isMatchAll(filter) || filterDocument === undefined ? undefined : rawDocument(filterDocument),
    keyPattern: rawDocument(definition.keyPattern),
    indexName: index.name,
    ...(index.collation && { collation: rawDocument(index.collation.document) }),
    isMultiKey: index.multikey,
    multiKeyPaths: rawFields(
      index.keyPaths.map(({ path }, i) => [path === '' ? '$**' : path, arrayPaths(path, index.multikeyPaths[i]!)]),
    ),
    isUnique: index.unique,
    isSparse: definition.sparse,
    isPartial: definition.partialFilter !== undefined,
    indexVersion: 2,
    direction: directionName(direction),
    indexBounds:
      bounds.between === undefined
        ? describeBounds(bounds, direction, index.collation !== undefined)
        : describeBetween(bounds.between),
  }
}

/** `keyed`: strings are sort keys. */
function describeBounds({ parts }: IndexBounds, direction: 1 | -1, keyed: boolean): RawDocument | Stage {
  return rawFields(
    parts.map(({ name, intervals, descending }) => {
      // Bounds are shown as they are walked: from the greater value when the walk goes down.
      const downwards = descending !== (direction === -1)
      return [
        name,
        (downwards ? intervals.map(reversed).reverse() : intervals).map((each) =>
          showInterval(each, keyed && name !== '$_path'),
        ),
      ]
    }),
  )
}

function describeBetween({ startKey, endKey }: { startKey: Uint8Array; endKey: Uint8Array }): Stage {
  return { startKey: rawDocument(startKey), endKey: rawDocument(endKey) }
}

/** The paths within `path` that led to arrays. */
function arrayPaths(path: string, arrays: number): readonly string[] {
  const parts = path.split('.')
  return parts.map((_, i) => parts.slice(0, i + 1).join('.')).filter((_, i) => ((arrays >>> Math.min(i, 30)) & 1) === 1)
}

function describeIdScan(ids: readonly Value[]): Stage {
  return {
    stage: 'IXSCAN',
    keyPattern: { _id: 1 },
    indexName: '_id_',
    isMultiKey: false,
    isUnique: true,
    isSparse: false,
    isPartial: false,
    indexVersion: 2,
    direction: 'forward',
    indexBounds: { _id: ids.map((id) => `[${showValue(id)}, ${showValue(id)}]`) },
  }
}

function directionName(direction: 1 | -1): string {
  return direction === 1 ? 'forward' : 'backward'
}

/** Names that are paths may look like integers, which objects would put first; built one by one they stay in order. */
function rawFields(fields: readonly (readonly [string, unknown])[]): RawDocument | Stage {
  if (fields.length === 1) return { [fields[0]![0]]: fields[0]![1] }
  const writer = new BsonWriter()
  writer.beginDocument()
  for (const [name, value] of fields) writeField(writer, name, value)
  writer.end()
  return rawDocument(writer.finish())
}

function transformOf(projection: Exclude<Projection, { kind: 'all' }>): Stage {
  const transform: Record<string, unknown> = {}
  collect(projection.root, '')
  return transform

  function collect(node: typeof projection.root, prefix: string): void {
    for (const [name, child] of node.children) {
      if (child.kind === 'branch') collect(child, `${prefix}${name}.`)
      else if (child.kind === 'keep' || child.kind === 'drop') transform[prefix + name] = child.kind === 'keep'
      else if (child.kind === 'positional') transform[`${prefix}${name}.$`] = true
      else transform[prefix + name] = child.source
    }
  }
}

/** As MongoDB prints bounds: `[30, inf.0]`, `("a", {})`. */
export function showInterval({ low, lowInclusive, high, highInclusive }: Interval, keyed = false): string {
  return `${lowInclusive ? '[' : '('}${showValue(low, keyed)}, ${showValue(high, keyed)}${highInclusive ? ']' : ')'}`
}

function showValue(value: Value, keyed = false): string {
  const { type, bytes, start } = value
  switch (type) {
    case bsonType.minKey:
      return 'MinKey'
    case bsonType.maxKey:
      return 'MaxKey'
    case bsonType.null:
      return 'null'
    case bsonType.undefined:
      return 'undefined'
    case bsonType.boolean:
      return bytes[start] === 0 ? 'false' : 'true'
    case bsonType.int32:
      return String(readInt32(bytes, start))
    case bsonType.int64:
      return String(readInt64(bytes, start))
    case bsonType.double:
      return showDouble(readDouble(bytes, start))
    case bsonType.decimal128:
      return formatDecimal(readDecimal128(bytes, start))
    case bsonType.string:
    case bsonType.symbol:
      return keyed ? showSortKey(value) : JSON.stringify(readString(bytes, start))
    case bsonType.code:
      return JSON.stringify(readString(bytes, start))
    case bsonType.objectId:
      return `ObjectId('${hex(bytes, start, start + 12)}')`
    case bsonType.date:
      return `new Date(${readInt64(bytes, start)})`
    case bsonType.timestamp:
      return `Timestamp(${readUint32(bytes, start + 4)}, ${readUint32(bytes, start)})`
    case bsonType.binary:
      return `BinData(${bytes[start + 4]!}, ${hex(bytes, start + 5, value.end).toUpperCase()})`
    case bsonType.document:
    case bsonType.array:
      return showFields(value, keyed)
    default:
      return `<type ${type}>`
  }
}

function showSortKey({ bytes, start, end }: Value): string {
  return `CollationKey(0x${hex(bytes, start + 4, end - 1)})`
}

function showFields(value: Value, keyed: boolean): string {
  const array = value.type === bsonType.array
  const shown = [...documentFields(documentOf(value))].map((field) =>
    array ? showValue(field, keyed) : `${field.name}: ${showValue(field, keyed)}`,
  )
  const [open, close] = array ? ['[', ']'] : ['{', '}']
  return shown.length === 0 ? `${open}${close}` : `${open} ${shown.join(', ')} ${close}`
}

function showDouble(n: number): string {
  if (Number.isNaN(n)) return 'nan.0'
  if (!Number.isFinite(n)) return n > 0 ? 'inf.0' : '-inf.0'
  return Number.isInteger(n) && Math.abs(n) < 1e21 ? `${n}.0` : String(n)
}

function hex(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += bytes[at]!.toString(16).padStart(2, '0')
  return text
}
