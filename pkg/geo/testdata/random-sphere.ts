/** Random places and regions of the sphere, from a seed. For tests. */
import { Loop } from '../loop.ts'
import { cross, normalized, type Vector, vectorOf } from '../vector.ts'

export type Random = () => number

/** Numbers from 0 to 1. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export function randomPlace(random: Random): Vector {
  return vectorOf(random() * 360 - 180, (Math.asin(random() * 2 - 1) * 180) / Math.PI)
}

/** Where one comes from `centre` by `distance` radians in the direction `azimuth`. */
export function placeFrom(centre: Vector, azimuth: number, distance: number): Vector {
  const east = normalized(cross(Math.abs(centre.z) < 0.9 ? { x: 0, y: 0, z: 1 } : { x: 1, y: 0, z: 0 }, centre))
  const north = cross(centre, east)
  const [ahead, up] = [Math.sin(distance), Math.cos(distance)]
  const [c, s] = [Math.cos(azimuth) * ahead, Math.sin(azimuth) * ahead]
  return normalized({
    x: centre.x * up + east.x * c + north.x * s,
    y: centre.y * up + east.y * c + north.y * s,
    z: centre.z * up + east.z * c + north.z * s,
  })
}

export interface Star {
  readonly centre: Vector
  readonly loop: Loop
}

/** A region that is seen as a whole from its centre, `reach` radians wide at most (less than a quarter of a turn), with that many vertices. */
export function randomStar(random: Random, count: number, reach: number, centre = randomPlace(random)): Star {
  const vertices = Array.from({ length: count }, (_, i) =>
    placeFrom(centre, ((i + random() * 0.4) / count) * 2 * Math.PI, reach * (0.2 + 0.8 * random())),
  )
  return { centre, loop: new Loop(vertices) }
}
