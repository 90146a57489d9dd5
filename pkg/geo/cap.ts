/** All that is no farther from a centre than an angle, on the sphere. */
import type { Loop } from './loop.ts'
import type { Place } from './place.ts'
import type { Polygon } from './polygon.ts'
import type { Line, Region } from './region.ts'
import { angleBetween, cross, dot, normalized, opposite, type Vector } from './vector.ts'

export class Cap implements Region {
  readonly #centre: Vector
  readonly #radius: number
  /** Of the straight line from the centre to the border, squared. */
  readonly #chordSquared: number

  /** `radius`: in radians, not negative; with half a turn or more it is the whole sphere. */
  constructor(centre: Place, radius: number) {
    this.#centre = centre.vector
    this.#radius = Math.min(radius, Math.PI)
    this.#chordSquared = 4 * Math.sin(this.#radius / 2) ** 2
  }

  hasPlace(place: Place): boolean {
    return this.#contains(place.vector) || this.#meetsCell(place.cell)
  }

  containsLine({ vertices }: Line): boolean {
    if (this.#radius === Math.PI) return true
    return vertices.every(
      (vertex, i) => this.#contains(vertex) && (i === 0 || this.#containsEdge(vertices[i - 1]!, vertex)),
    )
  }

  containsPolygon(polygon: Polygon): boolean {
    if (this.#radius === Math.PI) return true
    const { vertices, border } = polygon.shell
    const isBorderInside = vertices.every(
      (vertex, i) => this.#contains(vertex) && this.#containsEdge(vertex, border.vertex(i + 1)),
    )
    return isBorderInside && (this.#isConvex || !polygon.contains(opposite(this.#centre)))
  }

  get #isConvex(): boolean {
    return this.#radius <= Math.PI / 2
  }

  #contains(vector: Vector): boolean {
    const difference = { x: vector.x - this.#centre.x, y: vector.y - this.#centre.y, z: vector.z - this.#centre.z }
    return this.#radius === Math.PI || dot(difference, difference) <= this.#chordSquared
  }

  /** Given that the ends are inside. What is left of the sphere is convex where the cap is not. */
  #containsEdge(a: Vector, b: Vector): boolean {
    return this.#isConvex || distanceToEdge(opposite(this.#centre), a, b) >= Math.PI - this.#radius
  }

  #meetsCell({ vertices, border }: Loop): boolean {
    return vertices.some(
      (vertex, i) =>
        this.#contains(vertex) || distanceToEdge(this.#centre, vertex, border.vertex(i + 1)) <= this.#radius,
    )
  }
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
