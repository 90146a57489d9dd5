/** Filters by where geometries lie, as tests of documents. For tests. */
import { encodeDocument } from '../../bson/convert.ts'
import { compileFilter } from '../filter/compile.ts'
import { parseFilter } from '../filter/parse.ts'

export type Json = Record<string, unknown>

export function testOf(filter: Json): (document: Json) => boolean {
  const predicate = compileFilter(parseFilter(encodeDocument(filter)))
  return (document) => predicate(encodeDocument(document), 0)
}

/** Of the field `a`. */
export const within = (geometry: object) => testOf({ a: { $geoWithin: { $geometry: geometry } } })
export const meeting = (geometry: object) => testOf({ a: { $geoIntersects: { $geometry: geometry } } })
