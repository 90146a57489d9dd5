/** All that is no farther from a centre than an angle, on the sphere. */
import type { Loop } from './loop.ts'
import { cellSizeMax, type Place } from './place.ts'
import type { Polygon } from './polygon.ts'
import type { Line, Region } from './region.ts'
import { angleBetween, cross, dot, normalized, opposite, type Vector } from './vector.ts'

export class Cap implements Region {
  readonly #centre: Vector
  readonly #radius: number
  /** Of the straight line from the centre to the border, squared. */
  readonly #chordSquared: number
  /** The same of a line to where no cell begins that meets the cap. */
  readonly #reachSquared: number

  /** `radius`: in radians, not negative; with half a turn or more it is the whole sphere. */
  constructor(centre: Place, radius: number) {
    this.#centre = centre.vector
    this.#radius = Math.min(radius, Math.PI)
    const chord = 2 * Math.sin(this.#radius / 2)
    this.#chordSquared = chord ** 2
    this.#reachSquared = (chord + cellSizeMax) ** 2
  }

  hasPlace(place: Place): boolean {
    if (this.#contains(place.vector)) return true
    if (chordSquared(place.vector, this.#centre) > this.#reachSquared) return false
    return place.holds(this.#centre) || this.#meetsBorder(place.cell)
  }

  containsLine({ vertices }: Line): boolean {
    if (this.#radius === Math.PI) return true
    return vertices.every(
      (vertex, i) => this.#contains(vertex) && (i === 0 || this.#containsEdge(vertices[i - 1]!, vertex)),
    )
  }

  containsPolygon(polygon: Polygon): boolean {
    if (this.#radius === Math.PI) return true
    if (!this.#containsBorder(polygon.shell)) return false
    if (this.#isConvex) return true
    // What is beyond the cap, which no border comes into then, lies in the polygon as a whole or not at all.
    return polygon.holes.every((hole) => this.#containsBorder(hole)) && !polygon.contains(opposite(this.#centre))
  }

  get #isConvex(): boolean {
    return this.#radius <= Math.PI / 2
  }

  #contains(vector: Vector): boolean {
    return this.#radius === Math.PI || chordSquared(vector, this.#centre) <= this.#chordSquared
  }

  #containsBorder({ vertices, border }: Loop): boolean {
    return vertices.every((vertex, i) => this.#contains(vertex) && this.#containsEdge(vertex, border.vertex(i + 1)))
  }

  /** Given that the ends are inside. What is left of the sphere is convex where the cap is not. */
  #containsEdge(a: Vector, b: Vector): boolean {
    return this.#isConvex || distanceToEdge(opposite(this.#centre), a, b) >= Math.PI - this.#radius
  }

  #meetsBorder({ vertices, border }: Loop): boolean {
    return vertices.some(
      (vertex, i) =>
        this.#contains(vertex) || distanceToEdge(this.#centre, vertex, border.vertex(i + 1)) <= this.#radius,
    )
  }
}

/** Of the straight line between two places, squared. */
function chordSquared(a: Vector, b: Vector): number {
  const difference = { x: a.x - b.x, y: a.y - b.y, z: a.z - b.z }
  return dot(difference, difference)
}

/** In radians. */
function distanceToEdge(place: Vector, a: Vector, b: Vector): number {
  const normal = normalized(cross(a, b))
  // Beside the edge, between the planes that stand on its ends, the nearest is at right angles.
  if (dot(cross(normal, a), place) > 0 && dot(cross(b, normal), place) > 0) {
    return Math.asin(Math.min(1, Math.abs(dot(normal, place))))
  }
  return Math.min(angleBetween(place, a), angleBetween(place, b))
}
