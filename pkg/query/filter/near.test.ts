/** The arguments of `$near` and its like are checked as MongoDB checks them. */
import { expect, test } from 'vitest'
import { DatabaseError } from '../../base/errors.ts'
import { encodeDocument } from '../../bson/convert.ts'
import { point } from '../../geo/testdata/geojson.ts'
import type { Json } from '../testdata/geo-filters.ts'
import { parseFilter } from './parse.ts'

function outcome(operators: Json): string {
  try {
    return parseFilter(encodeDocument({ a: operators })).kind
  } catch (error) {
    if (error instanceof DatabaseError) return `${error.code} ${error.message}`
    throw error
  }
}

test.each<[Json, string]>([
  [{ $near: [1, 2] }, 'near'],
  [{ $near: { x: 1, y: 2 } }, 'near'],
  [{ $near: [1, 2, 3] }, 'near'],
  [{ $near: [1000, 2], $maxDistance: 5, $minDistance: 1 }, 'near'],
  [{ $nearSphere: [1, 2] }, 'near'],
  [{ $geoNear: point(1, 2) }, 'near'],
  [{ $near: { $geometry: point(1, 2), $minDistance: 0, $maxDistance: 5 } }, 'near'],
  [{ $near: { $geometry: { coordinates: [1, 2] } } }, 'near'],
  [{ $near: [1, 2, -3] }, '18522 max distance must be non-negative'],
  [{ $near: [1] }, '2 invalid point provided to geo near query: { 0: 1 }'],
  [
    {
      $near: {
        $box: [
          [0, 0],
          [1, 1],
        ],
      },
    },
    '2 invalid point provided to geo near query: { $box: [ [ 0, 0 ], [ 1, 1 ] ] }',
  ],
  [{ $near: 5 }, '2 geo near query argument is not an object'],
  [{ $nearSphere: [1000, 2] }, '2 Legacy point is out of bounds for spherical query'],
  [{ $near: [1, 2], $maxDistance: 'x' }, '16895 $maxDistance must be a number'],
  [{ $near: [1, 2], $minDistance: -1 }, '16894 $minDistance must be non-negative'],
  [{ $near: [1, 2], $gt: 5 }, '34413 invalid argument in geo near query: $gt'],
  [{ $gt: 5, $near: [1, 2] }, '2 near must be first in: { $gt: 5, $near: [ 1, 2 ] }'],
  [{ $maxDistance: 5 }, '2 unknown operator: $maxDistance'],
  [
    { $near: { $geometry: point(1, 2) }, $maxDistance: 5 },
    '2 geo near accepts just one argument when querying for a GeoJSON point. Extra field found: $maxDistance: 5',
  ],
  [{ $near: { $geometry: 5 } }, '2 $geometry is required for geo near query'],
  [{ $near: { $geometry: [1, 2] } }, '2 $near requires geojson point, given { 0: 1, 1: 2 }'],
  [
    { $near: { $geometry: { type: 'LineString', coordinates: [] } } },
    '2 invalid point in geo near query $geometry argument: { type: "LineString", coordinates: [] }  Expected geojson geometry with type Point, but got type LineString',
  ],
  [
    { $near: { $geometry: point(1, 91) } },
    '2 invalid point in geo near query $geometry argument: { type: "Point", coordinates: [ 1, 91 ] }  Longitude/latitude is out of bounds, lng: 1 lat: 91',
  ],
  [{ $near: { $geometry: point(1, 2), $maxDistance: -1 } }, '2 $maxDistance must be non-negative'],
  [{ $near: { $geometry: point(1, 2), limit: 1 } }, '2 invalid argument in geo near query: limit'],
])('%j', (operators, expected) => expect(outcome(operators)).toBe(expected))
