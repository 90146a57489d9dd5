/** Shapes of the plane, of longitude and latitude or of whatever else coordinates stand for: they hold pairs of numbers, nothing else. */

export interface Pair {
  readonly x: number
  readonly y: number
}

export interface PlanarShape {
  readonly holds: (x: number, y: number) => boolean
}

/** With its border; any two opposite corners. */
export class Box implements PlanarShape {
  readonly #low: Pair
  readonly #high: Pair

  constructor(a: Pair, b: Pair) {
    this.#low = { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y) }
    this.#high = { x: Math.max(a.x, b.x), y: Math.max(a.y, b.y) }
  }

  holds(x: number, y: number): boolean {
    return x >= this.#low.x && x <= this.#high.x && y >= this.#low.y && y <= this.#high.y
  }
}

/** With its border. */
export class Circle implements PlanarShape {
  readonly #centre: Pair
  readonly #radius: number

  constructor(centre: Pair, radius: number) {
    this.#centre = centre
    this.#radius = radius
  }

  holds(x: number, y: number): boolean {
    const { x: cx, y: cy } = this.#centre
    // Straight above or beside the centre nothing is lost to a difference: 51.9999 + 0.0001 reaches 52, and 52 - 51.9999 is more than 0.0001.
    if (x === cx) return Math.min(y, cy) + this.#radius >= Math.max(y, cy)
    if (y === cy) return Math.min(x, cx) + this.#radius >= Math.max(x, cx)
    return Math.sqrt((x - cx) ** 2 + (y - cy) ** 2) <= this.#radius
  }
}

const leafEdges = 8

/**
 * What a ray to the right leaves an odd number of times; it may cross itself. Vertices, level edges and upright edges belong to it, and of
 * slanting edges those on the left, a place on which counts as before it. MongoDB's rule, which is one for single places: neighbouring
 * polygons may both hold a place or neither.
 */
export class PlanarPolygon implements PlanarShape {
  readonly #corners: readonly Pair[]
  /** Of each group of edges: the lowest and the highest y, and the highest x. */
  readonly #reach: Float64Array

  constructor(corners: readonly Pair[]) {
    this.#corners = corners
    const reach = new Float64Array(Math.ceil(corners.length / leafEdges) * 3)
    for (let group = 0; group * 3 < reach.length; group++) {
      reach[group * 3] = Number.POSITIVE_INFINITY
      reach[group * 3 + 1] = Number.NEGATIVE_INFINITY
      reach[group * 3 + 2] = Number.NEGATIVE_INFINITY
      for (let i = group * leafEdges; i <= Math.min((group + 1) * leafEdges, corners.length); i++) {
        const { x, y } = corners[i % corners.length]!
        reach[group * 3] = Math.min(reach[group * 3]!, y)
        reach[group * 3 + 1] = Math.max(reach[group * 3 + 1]!, y)
        reach[group * 3 + 2] = Math.max(reach[group * 3 + 2]!, x)
      }
    }
    this.#reach = reach
  }

  holds(x: number, y: number): boolean {
    const reach = this.#reach
    let isInside = false
    for (let group = 0; group * 3 < reach.length; group++) {
      if (y < reach[group * 3]! || y > reach[group * 3 + 1]! || x > reach[group * 3 + 2]!) continue
      const end = Math.min((group + 1) * leafEdges, this.#corners.length)
      for (let edge = group * leafEdges; edge < end; edge++) {
        const side = sideOf(
          this.#corners[edge]!,
          this.#corners[edge + 1 === this.#corners.length ? 0 : edge + 1]!,
          x,
          y,
        )
        if (side === 'on') return true
        if (side === 'before') isInside = !isInside
      }
    }
    return isInside
  }
}

/** Where the place is seen from an edge: on it, before it on the ray, or neither. */
function sideOf(a: Pair, b: Pair, x: number, y: number): 'on' | 'before' | 'elsewhere' {
  if ((x === a.x && y === a.y) || (x === b.x && y === b.y)) return 'on'
  if (a.y === b.y) return y === a.y && x >= Math.min(a.x, b.x) && x <= Math.max(a.x, b.x) ? 'on' : 'elsewhere'
  if (y <= Math.min(a.y, b.y) || y > Math.max(a.y, b.y)) return 'elsewhere'
  if (a.x === b.x) return x === a.x ? 'on' : x < a.x ? 'before' : 'elsewhere'
  return x <= ((y - a.y) * (b.x - a.x)) / (b.y - a.y) + a.x ? 'before' : 'elsewhere'
}
