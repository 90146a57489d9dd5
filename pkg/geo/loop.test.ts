import { describe, expect, test } from 'vitest'
import { Loop } from './loop.ts'
import { contains, meets, relation } from './loop-relation.ts'
import { type Random, randomFrom, randomPlace, randomStar, type Star } from './testdata/random-sphere.ts'
import { angleBetween, cross, dot, normalized, opposite, type Vector, vectorOf } from './vector.ts'

const loopOf = (...vertices: (readonly [number, number])[]) => new Loop(vertices.map(([x, y]) => vectorOf(x, y)))
const has = (loop: Loop, x: number, y: number) => loop.contains(vectorOf(x, y))

describe('a region', () => {
  test('around the north pole has the pole and no place south of its edges', () => {
    const cap = loopOf([0, 60], [90, 60], [180, 60], [-90, 60])
    expect(cap.isSmall()).toBe(true)
    expect([has(cap, 12, 90), has(cap, 0, 61), has(cap, 45, 61), has(cap, 45, 68), has(cap, 0, -90)]).toEqual([
      true,
      true,
      // The shortest way from 0° to 90° at 60° north comes as far north as 67.8° in the middle.
      false,
      true,
      false,
    ])
  })

  test('lies across the antimeridian', () => {
    const box = loopOf([170, -10], [-170, -10], [-170, 10], [170, 10])
    expect(box.isSmall()).toBe(true)
    expect([has(box, 180, 0), has(box, -175, 5), has(box, 175, -5), has(box, 0, 0), has(box, 165, 0)]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })

  test('is the other one when its vertices go the other way', () => {
    const outside = loopOf([0, 0], [0, 10], [10, 10], [10, 0])
    expect(outside.isSmall()).toBe(false)
    expect([has(outside, 5, 5), has(outside, 50, 50), has(outside, -170, -80)]).toEqual([false, true, true])
    expect(has(outside.smaller(), 5, 5)).toBe(true)
  })

  test('may be a hemisphere, either of them', () => {
    const north = loopOf([0, 0], [90, 0], [180, 0], [-90, 0])
    expect([north.isSmall(), has(north, 33, 1), has(north, 33, -1)]).toEqual([true, true, false])
    expect([north.inverted().isSmall(), has(north.inverted(), 33, -1)]).toEqual([true, true])
  })

  test.each([
    [
      'comes to a place twice',
      [
        [0, 0],
        [10, 0],
        [5, 5],
        [10, 10],
        [0, 10],
        [5, 5],
      ],
      'Duplicate vertices: 2 and 5',
    ],
    [
      'crosses itself',
      [
        [0, 0],
        [2, 2],
        [2, 0],
        [0, 2],
      ],
      'Edges 0 and 2 cross. Edge locations in degrees: [0.0000000, 0.0000000]-[2.0000000, 2.0000000] and [2.0000000, 0.0000000]-[0.0000000, 2.0000000]',
    ],
    [
      'is in order',
      [
        [0, 0],
        [10, 0],
        [5, 5],
        [10, 10],
        [0, 10],
      ],
      undefined,
    ],
    [
      'has all vertices on one line',
      [
        [0, 0],
        [1, 0],
        [2, 0],
      ],
      undefined,
    ],
  ] as const)('says when its border %s', (_, vertices, flaw) => expect(loopOf(...vertices).flaw()).toBe(flaw))
})

/** In which direction from `place` the other lies. */
function azimuth(place: Vector, other: Vector): number {
  const east = normalized(cross({ x: 0.1, y: 0.2, z: 1 }, place))
  const north = cross(place, east)
  return Math.atan2(dot(other, north), dot(other, east))
}

/** How often the border goes around `place`, by the directions in which one has to look after who walks along it. */
function windings(place: Vector, { vertices, border }: Loop): number {
  let sum = 0
  vertices.forEach((vertex, i) => {
    let step = azimuth(place, border.vertex(i + 1)) - azimuth(place, vertex)
    if (step > Math.PI) step -= 2 * Math.PI
    if (step < -Math.PI) step += 2 * Math.PI
    sum += step
  })
  return Math.round(sum / (2 * Math.PI))
}

function isNearBorder(place: Vector, { vertices, border }: Loop): boolean {
  return vertices.some((vertex, i) => {
    const normal = normalized(cross(vertex, border.vertex(i + 1)))
    return Math.abs(dot(normal, place)) < 1e-9 || angleBetween(place, vertex) < 1e-9
  })
}

test.each([3, 5, 30, 400])('a region of %i vertices has the places that its border goes around once', (count) => {
  const random = randomFrom(count)
  for (let i = 0; i < 60; i++) {
    const { loop, centre } = randomStar(random, count, 0.1 + random() * 1.3)
    expect(loop.flaw()).toBeUndefined()
    expect([loop.contains(centre), loop.contains(opposite(centre)), loop.isSmall()]).toEqual([true, false, true])
    for (let k = 0; k < 60; k++) {
      const place = randomPlace(random)
      // Looked at from the other side of the sphere the border goes around, too: the other way.
      if (isNearBorder(place, loop) || dot(place, centre) < 0) continue
      expect(loop.contains(place)).toBe(windings(place, loop) === 1)
      expect(loop.inverted().contains(place)).toBe(!loop.contains(place))
    }
  }
})

/** Triangles that fill the sphere, with vertices and edges where coordinates are exact. */
function octants(): Loop[] {
  const [x, y, z] = [vectorOf(0, 0), { x: 0, y: 1, z: 0 }, { x: 0, y: 0, z: 1 }]
  return [1, -1].flatMap((sx) =>
    [1, -1].flatMap((sy) =>
      [1, -1].map((sz) => {
        const [a, b, c] = [sx === 1 ? x : opposite(x), sy === 1 ? y : opposite(y), sz === 1 ? z : opposite(z)]
        return new Loop(sx * sy * sz === 1 ? [a, b, c] : [c, b, a])
      }),
    ),
  )
}

test('every place is in one of the regions that fill the sphere, and regions that share a border do not meet', () => {
  const parts = octants()
  const random = randomFrom(9)
  const onEdges = [-180, -90, 0, 90, 180].flatMap((x) => [-90, -45, 0, 45, 90].map((y) => vectorOf(x, y)))
  const places = [
    ...parts.flatMap(({ vertices }) => vertices),
    ...onEdges,
    ...Array.from({ length: 500 }, () => randomPlace(random)),
  ]
  for (const place of places) expect(parts.filter((part) => part.contains(place))).toHaveLength(1)
  for (const a of parts) for (const b of parts) expect(meets(a, b)).toBe(a === b)
})

function stars(random: Random): [Loop, Loop] {
  const first: Star = randomStar(random, 3 + Math.floor(random() * 60), 0.05 + random() * 0.8)
  const centre = random() < 0.7 ? first.loop.vertices[0]! : first.centre
  const second = randomStar(random, 3 + Math.floor(random() * 60), 0.01 + random() * 0.8, centre)
  return [first.loop, second.loop]
}

test('relations of two regions agree with one another and with the places that they have', () => {
  const random = randomFrom(11)
  const seen = new Set<string>()
  for (let i = 0; i < 1500; i++) {
    const [a, b] = stars(random)
    const [isWithin, isMet, how] = [contains(a, b), meets(a, b), relation(a, b)]
    seen.add(`${isWithin} ${isMet} ${how}`)
    expect(meets(b, a)).toBe(isMet)
    // What is in A is not in the rest of the sphere.
    expect(meets(a.inverted(), b)).toBe(!isWithin)
    expect(how === 'contains').toBe(isWithin)
    if (isWithin) expect(isMet).toBe(true)
    const shared = b.vertices.filter((vertex) => a.contains(vertex)).length
    if (isWithin) expect(shared).toBe(b.vertices.length)
    if (shared > 0) expect(isMet).toBe(true)
    if (shared > 0 && shared < b.vertices.length) expect(how).toBe('crosses')
  }
  expect([...seen].sort()).toEqual(['false true crosses', 'false true neither', 'true true contains'])
})

test('the edges that are found along a way are all that it crosses', () => {
  const random = randomFrom(12)
  for (let i = 0; i < 40; i++) {
    const { loop } = randomStar(random, 300, 0.2 + random())
    for (let k = 0; k < 20; k++) {
      const [a, b] = [randomPlace(random), randomPlace(random)]
      const found = new Set<number>()
      loop.border.someAlong(a, b, (edge) => {
        found.add(edge)
        return false
      })
      const normal = cross(a, b)
      loop.vertices.forEach((c, edge) => {
        const d = loop.border.vertex(edge + 1)
        const other = cross(c, d)
        const isCrossed =
          dot(normal, c) * dot(normal, d) < 0 && dot(other, a) * dot(other, b) < 0 && dot(normal, c) * dot(other, b) > 0
        if (isCrossed) expect(found.has(edge)).toBe(true)
      })
    }
  }
})
