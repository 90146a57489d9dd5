/** What `$geoWithin` and `$geoIntersects` say of random geometries agrees. */
import { describe, expect, test } from 'vitest'
import { DatabaseError } from '../../base/errors.ts'
import { type Position, point, ring, square } from '../../geo/testdata/geojson.ts'
import { randomFrom } from '../../geo/testdata/random-sphere.ts'
import { type Json, meeting, within } from '../testdata/geo-filters.ts'

const random = randomFrom(21)
const pick = <Choice>(choices: readonly Choice[]) => choices[Math.floor(random() * choices.length)]!
const some = <Part>(part: () => Part) => Array.from({ length: 1 + Math.floor(random() * 3) }, part)

interface Makers {
  readonly place: () => Position
  readonly line: () => Position[]
  readonly rings: () => Position[][]
}

function randomGeometry({ place, line, rings }: Makers): Json {
  const simple = () =>
    pick<() => Json>([
      () => ({ type: 'Point', coordinates: place() }),
      () => ({ type: 'LineString', coordinates: line() }),
      () => ({ type: 'Polygon', coordinates: rings() }),
      () => ({ type: 'MultiPoint', coordinates: some(place) }),
      () => ({ type: 'MultiLineString', coordinates: some(line) }),
      () => ({ type: 'MultiPolygon', coordinates: some(rings) }),
    ])()
  return random() < 0.2 ? { type: 'GeometryCollection', geometries: some(simple) } : simple()
}

/** Squares and lines with corners on a grid, so that many share borders or touch them. */
const onGrid = (): Position => [Math.round(random() * 80 - 40) / 4, Math.round(random() * 80 - 40) / 4]
const gridMakers: Makers = {
  place: onGrid,
  line: () => [onGrid(), ...some(onGrid).map(([x, y]): Position => [x + 0.1, y])],
  rings: () => {
    const [x, y] = onGrid()
    const size = 1 + Math.floor(random() * 12)
    const hole = random() < 0.5 ? [] : [ring(...square(x + size / 4, y + size / 4, size / 2))]
    return [ring(...square(x, y, size)), ...hole]
  },
}

/** Poles, the antimeridian, the equator, and what lies next to them by less than anything. */
const coordinates = [
  0, 1, -1, 30, 90, -90, 180, -180, 45, 1e-15, 1e-9, 1e-300, 5e-324, 179.99999999999997, 89.99999999999999,
]
const awkward = (): Position => {
  const [x, y] = [pick(coordinates), pick(coordinates)]
  const moved = random() < 0.2 ? (random() - 0.5) * 1e-12 : 0
  return [Math.max(-180, Math.min(180, x + moved)), Math.max(-90, Math.min(90, y - moved))]
}
const awkwardMakers: Makers = {
  place: awkward,
  line: () => [awkward(), ...some(awkward)],
  rings: () => [ring(awkward(), awkward(), awkward(), ...some(awkward))],
}

/** Most of what is made of awkward places is no geometry. */
function isValid(geometry: Json): boolean {
  try {
    meeting(geometry)
    return true
  } catch (error) {
    if (error instanceof DatabaseError) return false
    throw error
  }
}

describe.each<[string, Makers]>([
  ['on a grid', gridMakers],
  ['in awkward places', awkwardMakers],
])('geometries %s', (_, makers) => {
  const geometries: Json[] = []
  while (geometries.length < 120) {
    const geometry = randomGeometry(makers)
    if (isValid(geometry)) geometries.push(geometry)
  }
  const areas = geometries.filter(({ type }) => type === 'Polygon' || type === 'MultiPolygon')

  test('meet one another or do not, whichever is asked for', () => {
    const tests = geometries.map(meeting)
    let met = 0
    geometries.forEach((a, i) => {
      geometries.forEach((b, k) => {
        const isMet = tests[i]!({ a: b })
        if (isMet) met++
        expect(tests[k]!({ a })).toBe(isMet)
      })
      expect(tests[i]!({ a })).toBe(true)
    })
    expect(met).toBeGreaterThan(1000)
  })

  test('are met by what they are within', () => {
    let count = 0
    for (const area of areas) {
      const [isWithin, isMet] = [within(area), meeting(area)]
      for (const geometry of geometries) {
        if (!isWithin({ a: geometry })) continue
        count++
        expect(isMet({ a: geometry })).toBe(true)
      }
    }
    expect(count).toBeGreaterThan(50)
  })

  test('are within a whole where they are within its only part', () => {
    for (const area of areas.filter(({ type }) => type === 'Polygon')) {
      const several = within({ type: 'MultiPolygon', coordinates: [area['coordinates']] })
      const collected = within({ type: 'GeometryCollection', geometries: [point(80, 80), area] })
      const alone = within(area)
      for (const geometry of geometries) {
        expect(several({ a: geometry })).toBe(alone({ a: geometry }))
        expect(collected({ a: geometry })).toBe(alone({ a: geometry }))
      }
    }
  })
})
