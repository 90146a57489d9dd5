/** What is wrong with `$geoWithin` and `$geoIntersects` is told as MongoDB tells it. */
import { expect, test } from 'vitest'
import { DatabaseError } from '../../base/errors.ts'
import { encodeDocument } from '../../bson/convert.ts'
import { box, line, point, polygon, ring, square, strict } from '../../geo/testdata/geojson.ts'
import { parseFilter } from './parse.ts'

type Json = Record<string, unknown>

function refusal(filter: Json): string {
  try {
    parseFilter(encodeDocument(filter))
  } catch (error) {
    if (error instanceof DatabaseError) return `${error.code} ${error.message}`
    throw error
  }
  return 'accepted'
}

const polygons: [object, string][] = [
  [{ $geometry: 1 }, 'unknown geo specifier: $geometry: 1'],
  [{ $geometry: {} }, 'unknown GeoJSON type: {}'],
  [
    { $geometry: { type: 'Circle', coordinates: [[1, 2.5]] } },
    'unknown GeoJSON type: { type: "Circle", coordinates: [ [ 1, 2.5 ] ] }',
  ],
  [{ $geometry: { type: 'Polygon' } }, 'Polygon coordinates must be an array, instead got type missing'],
  [{ $geometry: { type: 'Polygon', coordinates: [] } }, 'Polygon has no loops.'],
  [{ $geometry: { type: 'Polygon', coordinates: [[]] } }, 'Loop has no vertices: []'],
  [
    {
      $geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 0],
            [1, 1],
          ],
        ],
      },
    },
    'Loop is not closed, first vertex does not equal last vertex: [ [ 0, 0 ], [ 1, 0 ], [ 1, 1 ] ]',
  ],
  [
    { $geometry: { type: 'Polygon', coordinates: [ring([0, 0], [1, 0])] } },
    'Loop must have at least 3 different vertices, 2 unique vertices were provided: ',
  ],
  [
    { $geometry: { type: 'Polygon', coordinates: [[5]] } },
    'GeoJSON coordinates must be an array, instead got type int',
  ],
  [
    { $geometry: { type: 'Polygon', coordinates: [ring([0, 0], [2, 2], [2, 0], [0, 2])] } },
    'Loop is not valid: [ [ 0, 0 ], [ 2, 2 ], [ 2, 0 ], [ 0, 2 ], [ 0, 0 ] ] Edges 0 and 2 cross. ',
  ],
  [
    { $geometry: polygon(square(0, 0, 10), square(20, 20, 1)) },
    'Secondary loops not contained by first exterior loop - secondary loops must be holes: ',
  ],
  [
    { $geometry: polygon(square(0, 0, 10), square(1, 1, 5), square(4, 4, 4)) },
    "Polygon isn't valid: Loop 1 crosses loop 2 ",
  ],
  [
    { $geometry: polygon(square(0, 0, 10), square(1, 1, 5), square(2, 2, 1)) },
    'Polygon interior loops cannot be nested: ',
  ],
  [
    {
      $geometry: polygon(
        square(0, 0, 10),
        [
          [0, 0],
          [5, 0.1],
          [0.1, 5],
        ],
        [
          [10, 10],
          [0, 10],
          [9, 9.5],
        ],
      ),
    },
    "Polygon isn't valid: Duplicate edge: loop 2, edge 0 and loop 0, edge 2 ",
  ],
  [
    {
      $geometry: polygon(square(0, 0, 10), [
        [0, 0],
        [9, 5],
        [10, 10],
        [5, 9],
      ]),
    },
    'Loop 1 shares more than one vertex with its parent loop 0: ',
  ],
  [
    { $geometry: { ...polygon(square(0, 0, 5), square(1, 1, 1)), crs: strict } },
    'Only one simple loop is allowed in a big polygon, instead provided 2 loops: ',
  ],
  [{ $geometry: { ...box(0, 0, 1), crs: { type: 'name', properties: { name: 'x' } } } }, 'Unknown CRS name: x'],
  [
    { $geometry: point(0, 0) },
    '$within not supported with provided geometry: { $geoWithin: { $geometry: { type: "Point", coordinates: [ 0, 0 ] } } }',
  ],
  [{}, "geo query doesn't have any geometry"],
  [
    {
      $box: [
        [0, 0],
        [1, 1],
      ],
      $polygon: [],
    },
    "$geoWithin doesn't accept multiple shapes $geoWithin: { $box: ",
  ],
  [{ $box: [[0, 0]] }, 'Point must be an array or object, instead got type missing'],
  [
    {
      $box: [
        [0, 0, 0],
        [1, 1],
      ],
    },
    'Point must only contain two numeric elements',
  ],
  [
    {
      $polygon: [
        [0, 0],
        [1, 'x'],
      ],
    },
    'Point must only contain numeric elements, instead got type string',
  ],
  [
    {
      $polygon: [
        [0, 0],
        [1, 1],
      ],
    },
    'Polygon must have at least 3 points, instead got 2 vertices',
  ],
  [{ $center: [[0, 0], -1] }, 'Radius must be a non-negative number: -1'],
  [{ $centerSphere: [[0, 91], 1] }, 'Longitude/latitude is out of bounds, lng: 0 lat: 91'],
  [{ $centerSphere: [[0, 0], 1, 1] }, 'Only 2 fields allowed for circular region, but more were provided'],
  [{ $circle: [] }, 'unknown geo specifier: $circle: []'],
]
for (const [operand, message] of polygons) {
  test(message, () => expect(refusal({ a: { $geoWithin: operand } })).toContain(`2 ${message}`))
}

test.each<[Json, string]>([
  [{ $geoIntersects: 1 }, 'geometry must be an object'],
  [
    {
      $geoIntersects: {
        $box: [
          [0, 0],
          [1, 1],
        ],
      },
    },
    '$geoIntersect not supported with provided geometry: { $geoIntersects: ',
  ],
  [{ $geoIntersects: { $geometry: [500, 0] } }, '$geoIntersect not supported with provided geometry: '],
  [
    { $geoIntersects: { $geometry: line([0, 0]) } },
    'GeoJSON LineString must have at least 2 vertices, instead got 1 vertices: ',
  ],
  [
    { $geoIntersects: { $geometry: { ...point(0, 0), crs: strict } } },
    'Strict winding order CRS is only supported by polygon',
  ],
  [
    { $geoIntersects: { $geometry: { type: 'GeometryCollection', geometries: [] } } },
    'GeometryCollection geometries must have at least 1 element',
  ],
  [
    { $geoIntersects: { $geometry: { type: 'GeometryCollection', geometries: [{ type: 'GeometryCollection' }] } } },
    'GeometryCollections cannot be nested: ',
  ],
  [{ $geoIntersects: { $geometry: point(0, 0) }, $exists: true }, "can't parse extra field: $exists: true"],
])('%j', (operators, message) => expect(refusal({ a: operators })).toContain(`2 ${message}`))
