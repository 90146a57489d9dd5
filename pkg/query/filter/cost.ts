/**
 * What testing a document takes, roughly: nanoseconds for each of its bytes, when the filter has to look at all of them. Who has a large
 * document asks before he tests it in a turn that others wait for.
 */
import { unreachable } from '../../base/assert.ts'
import { bsonType } from '../../bson/type.ts'
import type { Filter } from './tree.ts'

/** Going over the elements of documents and arrays, and looking at each. */
const testNs = 1
/** Making the sort key of a string. */
const collatedNs = 60
const regexNs = 60
/** Reading a geometry, most of whose bytes are coordinates, and looking at all of its edges. */
const geoNs = 100
/** Of a schema: `uniqueItems` alone takes so long, and what is said of the items of arrays is said of each. */
const schemaNs = 20
const schemaByteNs = 0.1

export function filterNsPerByte(filter: Filter): number {
  switch (filter.kind) {
    case 'and':
    case 'or':
    case 'nor':
      return filter.filters.reduce((sum, inner) => sum + filterNsPerByte(inner), 0)
    case 'not':
      return filterNsPerByte(filter.filter)
    case 'elemMatchDocument':
    case 'elemMatchValue':
      return testNs + filterNsPerByte(filter.filter)
    case 'constant':
    // It counts for itself what it does.
    case 'expr':
      return 0
    case 'jsonSchema':
      return schemaNs + schemaByteNs * filter.sizeBytes
    case 'regex':
      return regexNs
    case 'geo':
      return geoNs
    case 'comparison':
      return filter.collated === undefined ? testNs : collatedNs
    case 'in':
    case 'all': {
      const each = filter.collated === undefined ? testNs * 4 : collatedNs
      return each + regexNs * filter.values.filter(({ type }) => type === bsonType.regex).length
    }
    case 'exists':
    case 'type':
    case 'size':
    case 'mod':
    case 'bits':
    case 'near':
      return testNs
    default:
      return unreachable(filter)
  }
}

/** The same by the top-level fields that the filter looks at; under the empty name what it takes of the whole document. */
export function fieldCosts(filter: Filter, into = new Map<string, number>()): ReadonlyMap<string, number> {
  switch (filter.kind) {
    case 'and':
    case 'or':
    case 'nor':
      for (const inner of filter.filters) fieldCosts(inner, into)
      return into
    case 'not':
      return fieldCosts(filter.filter, into)
    case 'constant':
    case 'expr':
      return into
    default: {
      const name = filter.kind === 'jsonSchema' ? '' : (filter.path.parts[0]?.name ?? '')
      return into.set(name, (into.get(name) ?? 0) + filterNsPerByte(filter))
    }
  }
}
