/**
 * What geometries are to one another, against a model in the plane: seen from the centre of the sphere onto a plane that touches it
 * anywhere, at a pole too, great circles are straight lines. Only what lies far enough from all borders is compared.
 */
import { describe, expect, test } from 'vitest'
import { type Position, strict } from '../../geo/testdata/geojson.ts'
import { type Random, randomFrom, randomPlace } from '../../geo/testdata/random-sphere.ts'
import { angleBetween, cross, degreesOf, dot, normalized, opposite, type Vector, vectorOf } from '../../geo/vector.ts'
import { type Json, meeting, testOf, within } from '../testdata/geo-filters.ts'

interface Pair {
  readonly x: number
  readonly y: number
}

/** The shell and the holes. */
type Rings = readonly (readonly Pair[])[]

type Part =
  | { readonly kind: 'point'; readonly at: Pair }
  | { readonly kind: 'line'; readonly along: readonly Pair[] }
  | { readonly kind: 'polygon'; readonly rings: Rings }

/** Nearer to a border than this, nothing is said. */
const doubtful = 1e-6

class Doubt extends Error {}

/** Which side of the line through `a` and `b` the place is on. */
function side(a: Pair, b: Pair, { x, y }: Pair): boolean {
  const area = (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x)
  if (Math.abs(area) < doubtful * Math.hypot(b.x - a.x, b.y - a.y)) throw new Doubt()
  return area > 0
}

function edgesOf(rings: Rings): (readonly [Pair, Pair])[] {
  return rings.flatMap((ring) => ring.map((a, i) => [a, ring[(i + 1) % ring.length]!] as const))
}

function stepsOf(along: readonly Pair[]): (readonly [Pair, Pair])[] {
  return along.slice(1).map((b, i) => [along[i]!, b])
}

function crosses([a, b]: readonly [Pair, Pair], [c, d]: readonly [Pair, Pair]): boolean {
  return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b)
}

const anyCross = (some: (readonly [Pair, Pair])[], others: (readonly [Pair, Pair])[]) =>
  some.some((one) => others.some((other) => crosses(one, other)))

function has(rings: Rings, at: Pair): boolean {
  let isInside = false
  for (const [a, b] of edgesOf(rings)) {
    if (Math.abs(a.y - at.y) < doubtful) throw new Doubt()
    if (a.y > at.y !== b.y > at.y && side(a, b, at) === b.y > a.y) isInside = !isInside
  }
  return isInside
}

function meets(a: Part, b: Part): boolean {
  if (a.kind === 'point') return b.kind === 'polygon' && has(b.rings, a.at)
  if (b.kind === 'point') return a.kind === 'polygon' && has(a.rings, b.at)
  if (a.kind === 'line') {
    if (b.kind === 'line') return anyCross(stepsOf(a.along), stepsOf(b.along))
    return has(b.rings, a.along[0]!) || anyCross(stepsOf(a.along), edgesOf(b.rings))
  }
  if (b.kind === 'line') return meets(b, a)
  if (anyCross(edgesOf(a.rings), edgesOf(b.rings))) return true
  return a.rings.some(([at]) => has(b.rings, at!)) || b.rings.some(([at]) => has(a.rings, at!))
}

function contains(rings: Rings, part: Part): boolean {
  if (part.kind === 'point') return has(rings, part.at)
  if (part.kind === 'line') return has(rings, part.along[0]!) && !anyCross(stepsOf(part.along), edgesOf(rings))
  if (anyCross(edgesOf(rings), edgesOf(part.rings))) return false
  return part.rings.every(([at]) => has(rings, at!)) && !rings.some(([at]) => has(part.rings, at!))
}

/** undefined: too near to a border to be told. */
function certainly(answer: () => boolean): boolean | undefined {
  try {
    return answer()
  } catch (error) {
    if (error instanceof Doubt) return undefined
    throw error
  }
}

/** A plane that touches the sphere. */
class Plane {
  readonly #centre: Vector
  readonly #east: Vector
  readonly #north: Vector

  constructor(centre: Vector) {
    this.#centre = centre
    this.#east = normalized(cross(Math.abs(centre.z) < 0.9 ? { x: 0, y: 0, z: 1 } : { x: 1, y: 0, z: 0 }, centre))
    this.#north = cross(centre, this.#east)
  }

  onSphere({ x, y }: Pair): Vector {
    const [c, e, n] = [this.#centre, this.#east, this.#north]
    return normalized({ x: c.x + x * e.x + y * n.x, y: c.y + x * e.y + y * n.y, z: c.z + x * e.z + y * n.z })
  }

  /** undefined: it is on the other half of the sphere. */
  seen(place: Vector): Pair | undefined {
    const height = dot(place, this.#centre)
    if (height <= 0.01) return undefined
    return { x: dot(place, this.#east) / height, y: dot(place, this.#north) / height }
  }

  position(at: Pair): Position {
    return degreesOf(this.onSphere(at))
  }

  ring(ring: readonly Pair[]): Position[] {
    return [...ring, ring[0]!].map((at) => this.position(at))
  }

  geometry(parts: readonly Part[]): Json {
    const geometries = parts.map((part): Json => {
      if (part.kind === 'point') return { type: 'Point', coordinates: this.position(part.at) }
      if (part.kind === 'line') return { type: 'LineString', coordinates: part.along.map((at) => this.position(at)) }
      return { type: 'Polygon', coordinates: part.rings.map((ring) => this.ring(ring)) }
    })
    return geometries.length === 1 ? geometries[0]! : { type: 'GeometryCollection', geometries }
  }
}

/** Where on the plane something is made, and how wide. */
interface Extent {
  readonly centre: Pair
  readonly reach: number
}

/** Mostly in one place, of all sizes, so that much lies within something. */
function randomExtent(random: Random): Extent {
  const spread = random() < 0.5 ? 0.1 : 4
  return { centre: { x: (random() - 0.5) * spread, y: (random() - 0.5) * spread }, reach: 10 ** (random() * 2 - 1.8) }
}

/** Seen as a whole from its centre, from half of `reach` to all of it wide. */
function star(random: Random, { x, y }: Pair, reach: number): Pair[] {
  const count = 3 + Math.floor(random() * (random() < 0.2 ? 60 : 6))
  return Array.from({ length: count }, (_, i) => {
    const angle = ((i + random() * 0.2) / count) * 2 * Math.PI
    const far = reach * (0.5 + random() * 0.5)
    return { x: x + far * Math.cos(angle), y: y + far * Math.sin(angle) }
  })
}

function randomRings(random: Random, { centre, reach }: Extent): Rings {
  const shell = star(random, centre, reach)
  const hole = (at: number) => star(random, { x: centre.x + at * reach, y: centre.y }, reach * (0.03 + random() * 0.07))
  // A shell of three vertices comes as near to its centre as a fourth of how far these are.
  const holes = [hole(-0.105), hole(0.105)].slice(0, Math.floor(random() * 3))
  return [shell, ...(shell.length > 4 ? holes : [])]
}

function randomPart(random: Random, extent = randomExtent(random)): Part {
  const { centre, reach } = extent
  const near = (): Pair => ({ x: centre.x + (random() - 0.5) * reach, y: centre.y + (random() - 0.5) * reach })
  const kind = Math.floor(random() * 3)
  if (kind === 0) return { kind: 'point', at: centre }
  if (kind === 1) return { kind: 'line', along: Array.from({ length: 2 + Math.floor(random() * 3) }, near) }
  return { kind: 'polygon', rings: randomRings(random, extent) }
}

const centres: readonly (readonly [string, (random: Random) => Vector])[] = [
  ['the north pole', () => vectorOf(0, 90)],
  ['the south pole', () => vectorOf(0, -90)],
  ['the antimeridian', () => vectorOf(180, 10)],
  ['anywhere', randomPlace],
]

const runs = 500

describe.each(centres)('around %s', (_, centreOf) => {
  test('geometries meet and are within one another as they are seen on a plane', () => {
    const random = randomFrom(31)
    const told = { met: 0, apart: 0, within: 0, notWithin: 0 }
    for (let run = 0; run < runs; run++) {
      const plane = new Plane(centreOf(random))
      const one = Array.from({ length: 1 + Math.floor(random() * 2) }, () => randomPart(random))
      const other = Array.from({ length: 1 + Math.floor(random() * 2) }, () => randomPart(random))
      const [a, b] = [plane.geometry(one), plane.geometry(other)]
      const isMet = certainly(() => one.some((part) => other.some((each) => meets(part, each))))
      if (isMet !== undefined) {
        told[isMet ? 'met' : 'apart']++
        expect(meeting(a)({ a: b }), `run ${run}`).toBe(isMet)
      }
      const areas = one.flatMap((part) => (part.kind === 'polygon' ? [part.rings] : []))
      const isWithin = certainly(() => other.every((part) => areas.some((rings) => contains(rings, part))))
      if (areas.length === 0 || isWithin === undefined) continue
      told[isWithin ? 'within' : 'notWithin']++
      expect(within(a)({ a: b }), `run ${run}`).toBe(isWithin)
    }
    for (const count of Object.values(told)) expect(count).toBeGreaterThan(20)
  })

  test('what is beyond a hemisphere has all but what it leaves out', () => {
    const random = randomFrom(32)
    const told = { met: 0, apart: 0, within: 0, notWithin: 0 }
    for (let run = 0; run < runs; run++) {
      const plane = new Plane(centreOf(random))
      const [shell] = randomRings(random, randomExtent(random))
      const part = randomPart(random)
      const geometry = { a: plane.geometry([part]) }
      // Which way a ring goes around does not change with the plane: this one has its inside on the right.
      const rest = { type: 'Polygon', coordinates: [plane.ring(shell!.toReversed())], crs: strict }
      const isWithin = certainly(() => !meets({ kind: 'polygon', rings: [shell!] }, part))
      if (isWithin !== undefined) {
        told[isWithin ? 'within' : 'notWithin']++
        expect(within(rest)(geometry), `run ${run}`).toBe(isWithin)
      }
      const isMet = certainly(() => !contains([shell!], part))
      if (isMet !== undefined) {
        told[isMet ? 'met' : 'apart']++
        expect(meeting(rest)(geometry), `run ${run}`).toBe(isMet)
      }
    }
    for (const count of Object.values(told)) expect(count).toBeGreaterThan(5)
  })

  test('a cap has what nowhere is farther from its centre', () => {
    const random = randomFrom(33)
    const told = { within: 0, notWithin: 0 }
    for (let run = 0; run < runs; run++) {
      const plane = new Plane(centreOf(random))
      const extent = randomExtent(random)
      const part = randomPart(random, extent)
      const isOpposite = random() < 0.5
      const { x, y } = extent.centre
      // In a hole, perhaps.
      const inside = { x: x + random() * 0.2 * extent.reach, y }
      const centre = isOpposite ? opposite(plane.onSphere(inside)) : randomPlace(random)
      const radius = isOpposite ? Math.PI - random() * extent.reach : random() * Math.PI
      const isWithin = certainly(() => isInCap(plane, part, centre, radius))
      if (isWithin === undefined) continue
      told[isWithin ? 'within' : 'notWithin']++
      const cap = testOf({ a: { $geoWithin: { $centerSphere: [degreesOf(centre), radius] } } })
      expect(cap({ a: plane.geometry([part]) }), `run ${run}`).toBe(isWithin)
    }
    for (const count of Object.values(told)) expect(count).toBeGreaterThan(20)
  })
})

/** By going along all edges in small steps. */
function isInCap(plane: Plane, part: Part, centre: Vector, radius: number): boolean {
  const steps = 200
  const isNear = (at: Pair): boolean => {
    const distance = angleBetween(plane.onSphere(at), centre)
    if (Math.abs(distance - radius) < 1e-4) throw new Doubt()
    return distance < radius
  }
  if (part.kind === 'point') return isNear(part.at)
  const edges = part.kind === 'line' ? stepsOf(part.along) : edgesOf(part.rings)
  const isAlong = edges.every(([a, b]) =>
    Array.from({ length: steps + 1 }, (_, i) => i / steps).every((share) =>
      isNear({ x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share }),
    ),
  )
  // What is farthest may be in the middle of the polygon, if it is anywhere there.
  const farthest = part.kind === 'polygon' ? plane.seen(opposite(centre)) : undefined
  return isAlong && !(part.kind === 'polygon' && farthest !== undefined && has(part.rings, farthest))
}
