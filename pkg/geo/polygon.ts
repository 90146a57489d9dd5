/** A polygon of no more than a hemisphere: what is inside of its shell and of none of its holes. */
import { changesSide, crossing, isVertexCrossing } from './crossing.ts'
import type { Loop } from './loop.ts'
import { contains, meets, relation } from './loop-relation.ts'
import { cellSizeMax, type Place } from './place.ts'
import type { BorderedRegion, Line } from './region.ts'
import { angleBetween, cross, dot, isSame, normalized, type Vector } from './vector.ts'

/** Radians by which a line within a polygon may leave it: 1e-10 degrees, as in MongoDB. */
const leaveMax = (1e-10 * Math.PI) / 180

export class Polygon implements BorderedRegion {
  readonly shell: Loop
  readonly holes: readonly Loop[]
  readonly #loops: readonly Loop[]

  /** `holes`: the regions that are left out, all of them in the shell, none in another. */
  constructor(shell: Loop, holes: readonly Loop[] = []) {
    this.shell = shell
    this.holes = holes
    this.#loops = [shell, ...holes]
  }

  contains(vector: Vector): boolean {
    return this.shell.contains(vector) && !this.holes.some((hole) => hole.contains(vector))
  }

  hasPlace(place: Place): boolean {
    if (this.shell.isFarFrom(place.vector)) return false
    if (this.contains(place.vector)) return true
    if (!this.#loops.some((loop) => loop.isNear(place.vector, cellSizeMax))) return false
    return this.meetsPolygon(new Polygon(place.cell))
  }

  containsPolygon(other: Polygon): boolean {
    if (this.holes.length === 0 && other.holes.length === 0) return contains(this.shell, other.shell)
    return this.#encloses(other.shell) === true && this.holes.every((hole) => other.#encloses(hole) === false)
  }

  /** Whether all of a region is in the polygon or all of it outside; undefined: borders cross. */
  #encloses(region: Loop): boolean | undefined {
    let isInside = false
    for (const loop of this.#loops) {
      const how = relation(loop, region)
      if (how === 'crosses') return undefined
      if (how === 'contains') isInside = !isInside
    }
    return isInside
  }

  meetsPolygon(other: Polygon): boolean {
    if (this.holes.length === 0 && other.holes.length === 0) return meets(this.shell, other.shell)
    return this.#meetsRegion(other.shell) || other.#meetsRegion(this.shell)
  }

  /** For a region in which this polygon is not. */
  #meetsRegion(region: Loop): boolean {
    let isInside = false
    for (const loop of this.#loops) {
      if (contains(loop, region)) isInside = !isInside
      else if (!contains(region, loop) && meets(loop, region)) return true
    }
    return isInside
  }

  meetsLine(line: Line): boolean {
    const { vertices } = line
    let isInside = this.contains(vertices[0]!)
    if (isInside) return true
    for (let i = 1; i < vertices.length; i++) {
      const [a, b] = [vertices[i - 1]!, vertices[i]!]
      let atStart = false
      let atEnd = false
      const isCrossed = this.#someAlong(a, b, (c, d) => {
        const met = crossing(a, b, c, d)
        if (met > 0) return true
        if (met === 0 && isVertexCrossing(a, b, c, d)) {
          if (isSame(a, c) || isSame(a, d)) atStart = !atStart
          else atEnd = !atEnd
        }
        return false
      })
      if (isCrossed || isInside !== atStart) return true
      isInside = isInside !== (atStart !== atEnd)
    }
    return false
  }

  containsLine(line: Line): boolean {
    const { vertices } = line
    let isInside = this.contains(vertices[0]!)
    // A line that is no longer than it may be outside has to be inside somewhere.
    let hasBeenInside = isInside
    for (let i = 1; i < vertices.length; i++) {
      const [a, b] = [vertices[i - 1]!, vertices[i]!]
      const length = angleBetween(a, b)
      // Where, in radians from `a`, the border is passed; and the end.
      const passages: number[] = []
      this.#someAlong(a, b, (c, d) => {
        if (changesSide(a, b, c, d)) passages.push(passageOf(a, b, c, d, length))
        return false
      })
      passages.sort((one, other) => one - other)
      passages.push(length)
      let from = 0
      for (const to of passages) {
        if (!isInside && to - from > leaveMax) return false
        if (isInside && to > from) hasBeenInside = true
        isInside = !isInside
        from = to
      }
      // Nothing is passed at the end.
      isInside = !isInside
    }
    return hasBeenInside
  }

  /** Visits at least all edges of the borders that the edge from `a` to `b` meets. */
  #someAlong(a: Vector, b: Vector, visit: (c: Vector, d: Vector) => boolean): boolean {
    return this.#loops.some(({ border, vertices }) =>
      border.someAlong(a, b, (edge) => visit(vertices[edge]!, border.vertex(edge + 1))),
    )
  }
}

/** How far from `a`, in radians, the edge of that length from `a` to `b` meets the one from `c` to `d`. */
function passageOf(a: Vector, b: Vector, c: Vector, d: Vector, length: number): number {
  if (isSame(a, c) || isSame(a, d)) return 0
  if (isSame(b, c) || isSame(b, d)) return length
  const line = normalized(cross(cross(a, b), cross(c, d)))
  const middle = { x: a.x + b.x, y: a.y + b.y, z: a.z + b.z }
  const meeting = dot(line, middle) >= 0 ? line : { x: -line.x, y: -line.y, z: -line.z }
  return Math.min(length, angleBetween(a, meeting))
}
