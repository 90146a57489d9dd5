/**
 * What makes queries alike: a filter without the values it compares with, the sort, the projection. Queries of one shape share
 * a plan in the plan cache and a hash in explain.
 */
import type { Filter } from './filter/tree.ts'
import type { Sort } from './sort/parse.ts'

/** Parts of a conjunction count in any order. */
export function filterShape(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
    case 'nor': {
      const { filters } = filter
      if (filters.length === 1) return `${filter.kind}(${filterShape(filters[0]!)})`
      return `${filter.kind}(${filters.map(filterShape).sort().join()})`
    }
    case 'not':
      return `not(${filterShape(filter.filter)})`
    case 'constant':
      return String(filter.value)
    case 'expr':
      return 'expr'
    case 'jsonSchema':
      return 'jsonSchema'
    case 'comparison':
      return `${filter.operator} ${quoted(filter.path.text)}`
    case 'elemMatchDocument':
    case 'elemMatchValue':
      return `${filter.kind} ${quoted(filter.path.text)}(${filterShape(filter.filter)})`
    default:
      return `${filter.kind} ${quoted(filter.path.text)}`
  }
}

/** A path that could be taken for something else is written so that it cannot. */
function quoted(path: string): string {
  return path.includes('(') || path.includes(')') || path.includes(',') ? JSON.stringify(path) : path
}

/** `projection`: as it was given. */
export function queryShape(filter: Filter, sort: Sort | undefined, projection: Uint8Array | undefined): string {
  let shape = filterShape(filter)
  if (sort !== undefined) {
    shape += '|sort'
    if (sort.natural !== undefined) shape += ` $natural ${sort.natural}`
    for (const { path, descending } of sort.parts) shape += ` ${descending ? '-' : '+'}${quoted(path.text)}`
  }
  if (projection !== undefined && projection.length > 5) shape += `|projection ${latin1(projection)}`
  return shape
}

/** 8 hexadecimal digits, as MongoDB shows hashes of shapes. */
export function shapeHash(shape: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < shape.length; i++) hash = Math.imul(hash ^ shape.charCodeAt(i), 0x01000193)
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  hash ^= hash >>> 16
  return (hash >>> 0).toString(16).toUpperCase().padStart(8, '0')
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
