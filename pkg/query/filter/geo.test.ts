/** `$geoWithin` and `$geoIntersects` over documents. */
import { Decimal128 } from 'bson'
import { describe, expect, test } from 'vitest'
import { encodeDocument } from '../../bson/convert.ts'
import { box, line, type Position, point, polygon, square, strict } from '../../geo/testdata/geojson.ts'
import { type Json, meeting, testOf, within } from '../testdata/geo-filters.ts'
import { parseFilter } from './parse.ts'
import type { GeoFilter } from './tree.ts'

/** Which of the values, by their places. */
const found = (matches: (document: Json) => boolean, values: readonly unknown[]) =>
  values.flatMap((a, i) => (matches({ a }) ? [i] : []))

describe('a place', () => {
  test('is within what it lies in or on the border of, on both sides', () => {
    const [left, right] = [within(box(0, 0, 10)), within(box(10, 0, 10))]
    const values = [
      point(5, 5),
      point(10, 5),
      point(15, 5),
      point(10, 10),
      point(10, 10.001),
      point(5, 0),
      point(5, -0.001),
    ]
    expect(found(left, values)).toEqual([0, 1, 3, 5])
    expect(found(right, values)).toEqual([1, 2, 3])
  })

  test('is not within a hole, but on its border', () => {
    const values = [point(5, 5), point(2, 2), point(4, 5), point(4, 4)]
    expect(found(within(polygon(square(0, 0, 10), square(4, 4, 2))), values)).toEqual([1, 2, 3])
  })

  test('is written in many ways', () => {
    const values = [
      [5, 5],
      [5, 5, 100],
      { x: 5, y: 5 },
      { lng: 5, lat: 5, more: 'x' },
      { type: 'Point', coordinates: [5n, Decimal128.fromString('5.0')] },
      { type: 'Point', coordinates: { x: 5, y: 5 } },
      { type: 'Point', coordinates: [5, 5, 1], crs: { type: 'name', properties: { name: 'EPSG:4326' } } },
      {
        type: 'MultiPoint',
        coordinates: [
          [5, 5],
          [6, 6],
        ],
      },
      { type: 'GeometryCollection', geometries: [point(5, 5), line([1, 1], [2, 2])] },
    ]
    expect(found(within(box(0, 0, 10)), values)).toEqual(values.map((_, i) => i))
  })

  test('is nothing else', () => {
    const values = [
      5,
      null,
      'x',
      [],
      {},
      [5],
      ['5', '5'],
      { x: 5 },
      { type: 'Point' },
      { type: 'point', coordinates: [5, 5] },
      { type: 'Point', coordinates: [5, Number.NaN] },
      { type: 'Point', coordinates: [5, 91] },
      { type: 'Point', coordinates: [181, 5] },
      { ...point(5, 5), crs: strict },
      { ...box(1, 1, 1), crs: strict },
      { type: 'Polygon', coordinates: [] },
      [5, 95],
      undefined,
      { type: 'GeometryCollection', geometries: [point(5, 5), point(5, 95)] },
    ]
    expect(found(within(box(0, 0, 10)), values)).toEqual([])
    expect(found(meeting(box(0, 0, 10)), values)).toEqual([])
  })

  test('is found in arrays and along paths', () => {
    const filter = { $geoWithin: { $geometry: box(0, 0, 10) } }
    const along = testOf({ 'a.b': filter })
    expect(along({ a: [{ b: point(50, 50) }, { b: [point(51, 51), point(5, 5)] }] })).toBe(true)
    expect(along({ a: [{ b: point(50, 50) }, { c: point(5, 5) }] })).toBe(false)
    expect(testOf({ 'a.1': filter })({ a: [point(50, 50), point(5, 5)] })).toBe(true)
    expect(
      testOf({ a: filter })({
        a: [
          [50, 50],
          [5, 5],
        ],
      }),
    ).toBe(true)
    expect(
      testOf({ a: { $elemMatch: filter } })({
        a: [
          [50, 50],
          [5, 5],
        ],
      }),
    ).toBe(true)
    expect(testOf({ a: { $elemMatch: { b: filter } } })({ a: [{ b: point(5, 5) }] })).toBe(true)
    expect(testOf({ a: { $not: filter } })({})).toBe(true)
    expect(testOf({ $nor: [{ a: filter }] })({ a: point(5, 5) })).toBe(false)
    expect(testOf({ $or: [{ a: filter }, { b: 1 }] })({ a: point(50, 5), b: 1 })).toBe(true)
  })

  test('at a pole or on the antimeridian is within what lies there', () => {
    const north = within(
      polygon([
        [0, 80],
        [90, 80],
        [180, 80],
        [-90, 80],
      ]),
    )
    expect(found(north, [point(33, 90), point(-120, 85), point(0, 79), point(0, -90)])).toEqual([0, 1])
    const across = within(
      polygon([
        [170, -10],
        [-170, -10],
        [-170, 10],
        [170, 10],
      ]),
    )
    expect(found(across, [point(180, 0), point(-180, 0), point(-175, 5), point(0, 0)])).toEqual([0, 1, 2])
  })
})

describe('edges', () => {
  test('are great circles', () => {
    // From 0° to 60° at 45° north the shortest way is at 49.1° in the middle.
    const cap = polygon([
      [0, 45],
      [60, 45],
      [60, 30],
      [0, 30],
    ])
    expect(found(within(cap), [point(30, 49), point(30, 49.2), point(30, 34), point(30, 33)])).toEqual([0, 2])
  })

  test('of a line within a polygon may lie on its border, or leave it by next to nothing', () => {
    const values = [
      line([0, 0], [5, 5]),
      line([0, 0], [10, 0]),
      line([10, 0], [10, 10], [5, 5]),
      line([5, 5], [10 + 1e-11, 5]),
      line([5, 5], [10 + 1e-9, 5]),
      line([50, 50], [50 + 1e-11, 50]),
    ]
    expect(found(within(box(0, 0, 10)), values)).toEqual([0, 1, 2, 3])
  })

  test('of a polygon of 10,000 vertices are found as those of a few are', () => {
    const wide = Array.from({ length: 10_000 }, (_, i): Position => {
      const angle = (i / 10_000) * 2 * Math.PI
      return [20 * Math.cos(angle), 20 * Math.sin(angle)]
    })
    const values = [point(0, 0), point(0, 19.99), point(0, 20.01), point(14, 14), point(14.2, 14.2), point(180, 0)]
    expect(found(within(polygon(wide)), values)).toEqual([0, 1, 3])
    expect(
      found(meeting(line([-30, 0], [-25, 0], [-25, 30], [0, 19.9])), [polygon(wide), polygon(wide, square(-1, -1, 2))]),
    ).toEqual([0, 1])
    expect(
      found(within(polygon(wide)), [polygon(wide), box(-1, -1, 2), box(19, 0, 2), line([0, 0], [10, 10])]),
    ).toEqual([0, 1, 3])
  })
})

test('a long geometry is read once, however often the filter is parsed', () => {
  const long = Array.from({ length: 5000 }, (_, i): Position => {
    const angle = (i / 5000) * 2 * Math.PI
    return [20 * Math.cos(angle), 20 * Math.sin(angle)]
  })
  const parse = (geometry: object, more: object = {}) =>
    parseFilter(encodeDocument({ a: { $geoWithin: { $geometry: geometry }, ...more } })) as GeoFilter
  const first = parse(polygon(long))
  expect(parse(polygon(long)).sought).toBe(first.sought)
  expect(parse(polygon([...long.slice(1), long[0]!])).sought).not.toBe(first.sought)
  expect(() => parse(polygon(long), { $exists: true })).toThrow("can't parse extra field")
})

describe('a region beyond a hemisphere', () => {
  const all = [
    point(0, 0),
    point(50, 50),
    line([20, 20], [40, 40]),
    line([-5, 0], [30, 0]),
    box(20, 20, 5),
    box(-5, -5, 5),
    box(9, 9, 5),
  ]
  const clockwise = { ...polygon(square(-10, -10, 20).toReversed()), crs: strict }

  test('is meant where vertices have a strict order', () => {
    expect(found(within(clockwise), all)).toEqual([1, 2, 4])
    expect(found(meeting(clockwise), all)).toEqual([1, 2, 3, 4, 6])
  })

  test('is not meant otherwise', () => {
    expect(found(within({ ...clockwise, crs: undefined }), all)).toEqual([0, 5])
    expect(found(within({ ...box(-10, -10, 20), crs: strict }), all)).toEqual([0, 5])
  })
})

describe('a shape from before', () => {
  const values = [
    [5, 5],
    [10, 10],
    [500, 500],
    point(5, 5),
    line([1, 1], [2, 2]),
    { type: 'MultiPoint', coordinates: [[5, 5]] },
  ]

  test.each<[string, object, number[]]>([
    [
      'a box',
      {
        $box: [
          [10, 10],
          [0, 0],
        ],
      },
      [0, 1, 3],
    ],
    [
      'a polygon',
      {
        $polygon: [
          [0, 0],
          [600, 0],
          [600, 600],
          [0, 600],
        ],
      },
      [0, 1, 2, 3],
    ],
    [
      'a polygon of named coordinates',
      { $polygon: { a: { x: 0, y: 0 }, b: { x: 9, y: 0 }, c: { x: 0, y: 20 } } },
      [0, 3],
    ],
    ['a circle', { $center: [[0, 0], 10] }, [0, 3]],
    ['a cap', { $centerSphere: [[0, 0], 0.2] }, [0, 3, 4, 5]],
    ['the whole sphere', { $centerSphere: [[0, 0], 10] }, [0, 1, 3, 4, 5]],
  ])('is %s', (_, shape, expected) => {
    expect(found(testOf({ a: { $geoWithin: shape } }), values)).toEqual(expected)
    expect(found(testOf({ a: { $within: { ...shape, $uniqueDocs: true } } }), values)).toEqual(expected)
  })

  test('is a cap of no size, with the places whose square it lies in', () => {
    const cap = testOf({ a: { $geoWithin: { $centerSphere: [[10, 10], 0] } } })
    expect(found(cap, [point(10, 10), point(10 + 1e-8, 10), point(10 + 1e-6, 10)])).toEqual([0, 1])
  })

  test('is a cap beyond a hemisphere, with all but what is on the other side', () => {
    const wide = testOf({ a: { $geoWithin: { $centerSphere: [[0, 0], 3] } } })
    const over = [
      line([150, 0], [150, 5]),
      line([170, 3], [-170, 3]),
      box(150, 0, 5),
      box(170, -10, 10),
      polygon([
        [160, -20],
        [-160, -20],
        [-160, 20],
        [160, 20],
      ]),
    ]
    expect(found(wide, [point(170, 0), point(175, 0), ...over])).toEqual([0, 2, 4])
  })
})
