/** What `$geoWithin` and `$geoIntersects` say of random geometries agrees. */
import { describe, expect, test } from 'vitest'
import { type Position, point, ring, square } from '../../geo/testdata/geojson.ts'
import { randomFrom } from '../../geo/testdata/random-sphere.ts'
import { type Json, meeting, within } from '../testdata/geo-filters.ts'

describe('geometries of all types', () => {
  const random = randomFrom(21)
  const somewhere = (): Position => [Math.round(random() * 80 - 40) / 4, Math.round(random() * 80 - 40) / 4]
  const some = <Part>(part: () => Part) => Array.from({ length: 1 + Math.floor(random() * 3) }, part)
  const someLine = () => [somewhere(), ...some(somewhere).map(([x, y]): Position => [x + 0.1, y])]
  const someRings = (): Position[][] => {
    const [x, y] = somewhere()
    const size = 1 + Math.floor(random() * 12)
    return [
      ring(...square(x, y, size)),
      ...(random() < 0.5 ? [] : [ring(...square(x + size / 4, y + size / 4, size / 2))]),
    ]
  }
  const simple: (() => Json)[] = [
    () => ({ type: 'Point', coordinates: somewhere() }),
    () => ({ type: 'LineString', coordinates: someLine() }),
    () => ({ type: 'Polygon', coordinates: someRings() }),
    () => ({ type: 'MultiPoint', coordinates: some(somewhere) }),
    () => ({ type: 'MultiLineString', coordinates: some(someLine) }),
    () => ({ type: 'MultiPolygon', coordinates: some(someRings) }),
  ]
  const pick = () => simple[Math.floor(random() * simple.length)]!()
  const geometries = Array.from({ length: 120 }, () =>
    random() < 0.2 ? { type: 'GeometryCollection', geometries: some(pick) } : pick(),
  )

  test('meet one another or do not, whichever is asked for', () => {
    let met = 0
    for (const a of geometries) {
      const matches = meeting(a)
      for (const b of geometries) {
        const isMet = matches({ a: b })
        if (isMet) met++
        expect(meeting(b)({ a })).toBe(isMet)
      }
      expect(matches({ a })).toBe(true)
    }
    expect(met).toBeGreaterThan(1000)
  })

  test('are met by what they are within', () => {
    let count = 0
    for (const area of geometries.filter(({ type }) => type === 'Polygon' || type === 'MultiPolygon')) {
      const [isWithin, isMet] = [within(area), meeting(area)]
      for (const geometry of geometries) {
        if (!isWithin({ a: geometry })) continue
        count++
        expect(isMet({ a: geometry })).toBe(true)
      }
    }
    expect(count).toBeGreaterThan(100)
  })

  test('are within a whole where they are within its only part', () => {
    for (const area of geometries.filter(({ type }) => type === 'Polygon')) {
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
