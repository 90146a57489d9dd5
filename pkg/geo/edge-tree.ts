/**
 * The edges of a line or a border by where they are, so that what happens in one place is found without looking at all of them.
 *
 * Edges follow one another, so neighbours in the list are neighbours on the sphere, mostly: a tree of boxes over the list as it is, `fanOut`
 * nodes to a node above, is as good as one that sorts them, and is made in one pass. Boxes are in space, three intervals each, so that
 * there is no pole and no antimeridian to look out for.
 */
import { Effort } from './effort.ts'
import { dot, type Vector } from './vector.ts'

const fanOut = 4
/** What rounding may add to a box. */
const slack = 4e-15

/** Takes the number of an edge; true ends the search. */
export type EdgeVisit = (edge: number) => boolean
/** Takes the numbers of two edges, the lower one first; true ends the search. */
export type PairVisit = (edge: number, other: number) => boolean

/** Edge i goes from vertex i to vertex i + 1. */
interface Edges {
  readonly edgeCount: number
  vertex(i: number): Vector
}

export class EdgeTree {
  /** Of each level, edges first: six numbers a node, lows and highs of x, y, z. */
  readonly #levels: readonly Float64Array[]

  constructor(edges: Edges) {
    const levels = [boxesOf(edges)]
    while (levels.at(-1)!.length > 6 * fanOut) levels.push(joined(levels.at(-1)!))
    this.#levels = levels
  }

  /** Visits, in their order, at least all edges that have a place in common with the edge from `a` to `b`. */
  someAlong(a: Vector, b: Vector, visit: EdgeVisit): boolean {
    return this.#some(new Sought(a, b, bulgeOf(a, b)), visit)
  }

  /** Visits at least all edges that come as near to `place` as that, in every coordinate. */
  someNear(place: Vector, distance: number, visit: EdgeVisit): boolean {
    return this.#some(new Sought(place, place, distance), visit)
  }

  #some(sought: Sought, visit: EdgeVisit): boolean {
    const top = this.#levels.length - 1
    const count = this.#levels[top]!.length / 6
    for (let node = 0; node < count; node++) if (this.#someIn(top, node, sought, visit)) return true
    return false
  }

  #someIn(level: number, node: number, sought: Sought, visit: EdgeVisit): boolean {
    if (!sought.meets(this.#levels[level]!, node * 6)) return false
    if (level === 0) return visit(node)
    const end = Math.min((node + 1) * fanOut, this.#levels[level - 1]!.length / 6)
    for (let child = node * fanOut; child < end; child++) {
      if (this.#someIn(level - 1, child, sought, visit)) return true
    }
    return false
  }

  /** Visits at least all pairs of edges that have a place in common. */
  somePair(visit: PairVisit): boolean {
    const top = this.#levels.length - 1
    return this.#somePairAmong(top, 0, this.#levels[top]!.length / 6, visit, new Effort())
  }

  /** Of nodes of one level. */
  #somePairAmong(level: number, from: number, to: number, visit: PairVisit, effort: Effort): boolean {
    for (let node = from; node < to; node++) {
      if (level > 0) {
        const end = Math.min((node + 1) * fanOut, this.#levels[level - 1]!.length / 6)
        if (this.#somePairAmong(level - 1, node * fanOut, end, visit, effort)) return true
      }
      for (let other = node + 1; other < to; other++)
        if (this.#somePairOf(level, node, other, visit, effort)) return true
    }
    return false
  }

  #somePairOf(level: number, node: number, other: number, visit: PairVisit, effort: Effort): boolean {
    effort.step()
    if (areApart(this.#levels[level]!, node * 6, other * 6)) return false
    if (level === 0) return visit(node, other)
    const count = this.#levels[level - 1]!.length / 6
    const end = Math.min((node + 1) * fanOut, count)
    const otherEnd = Math.min((other + 1) * fanOut, count)
    for (let child = node * fanOut; child < end; child++) {
      for (let otherChild = other * fanOut; otherChild < otherEnd; otherChild++) {
        if (this.#somePairOf(level - 1, child, otherChild, visit, effort)) return true
      }
    }
    return false
  }
}

/** The box around an edge, and its plane, on both sides of which must lie what meets it. */
class Sought {
  readonly #xLow: number
  readonly #xHigh: number
  readonly #yLow: number
  readonly #yHigh: number
  readonly #zLow: number
  readonly #zHigh: number
  /** The plane's normal; nothing where the ends of the edge are one. */
  readonly #nx: number
  readonly #ny: number
  readonly #nz: number

  constructor(a: Vector, b: Vector, reach: number) {
    this.#xLow = Math.min(a.x, b.x) - reach
    this.#xHigh = Math.max(a.x, b.x) + reach
    this.#yLow = Math.min(a.y, b.y) - reach
    this.#yHigh = Math.max(a.y, b.y) + reach
    this.#zLow = Math.min(a.z, b.z) - reach
    this.#zHigh = Math.max(a.z, b.z) + reach
    this.#nx = a.y * b.z - a.z * b.y
    this.#ny = a.z * b.x - a.x * b.z
    this.#nz = a.x * b.y - a.y * b.x
  }

  meets(boxes: Float64Array, at: number): boolean {
    const xLow = boxes[at]!
    const xHigh = boxes[at + 1]!
    if (xLow > this.#xHigh || xHigh < this.#xLow) return false
    const yLow = boxes[at + 2]!
    const yHigh = boxes[at + 3]!
    if (yLow > this.#yHigh || yHigh < this.#yLow) return false
    const zLow = boxes[at + 4]!
    const zHigh = boxes[at + 5]!
    if (zLow > this.#zHigh || zHigh < this.#zLow) return false
    const middle = this.#nx * (xLow + xHigh) + this.#ny * (yLow + yHigh) + this.#nz * (zLow + zHigh)
    const reach =
      Math.abs(this.#nx) * (xHigh - xLow) + Math.abs(this.#ny) * (yHigh - yLow) + Math.abs(this.#nz) * (zHigh - zLow)
    return Math.abs(middle) <= reach + slack
  }
}

/** How far the edge rises above the straight line between its ends, at most. */
export function bulgeOf(a: Vector, b: Vector): number {
  const sum = { x: a.x + b.x, y: a.y + b.y, z: a.z + b.z }
  return 1 - Math.sqrt(dot(sum, sum)) / 2 + slack
}

function boxesOf(edges: Edges): Float64Array {
  const boxes = new Float64Array(edges.edgeCount * 6)
  for (let edge = 0; edge < edges.edgeCount; edge++) {
    const [a, b] = [edges.vertex(edge), edges.vertex(edge + 1)]
    const bulge = bulgeOf(a, b)
    boxes[edge * 6] = Math.min(a.x, b.x) - bulge
    boxes[edge * 6 + 1] = Math.max(a.x, b.x) + bulge
    boxes[edge * 6 + 2] = Math.min(a.y, b.y) - bulge
    boxes[edge * 6 + 3] = Math.max(a.y, b.y) + bulge
    boxes[edge * 6 + 4] = Math.min(a.z, b.z) - bulge
    boxes[edge * 6 + 5] = Math.max(a.z, b.z) + bulge
  }
  return boxes
}

/** The nodes above. */
function joined(below: Float64Array): Float64Array {
  const boxes = new Float64Array(Math.ceil(below.length / 6 / fanOut) * 6)
  for (let at = 0; at < boxes.length; at += 2) {
    boxes[at] = Number.POSITIVE_INFINITY
    boxes[at + 1] = Number.NEGATIVE_INFINITY
  }
  for (let from = 0; from < below.length; from += 2) {
    const at = Math.floor(from / 6 / fanOut) * 6 + (from % 6)
    if (below[from]! < boxes[at]!) boxes[at] = below[from]!
    if (below[from + 1]! > boxes[at + 1]!) boxes[at + 1] = below[from + 1]!
  }
  return boxes
}

function areApart(boxes: Float64Array, a: number, b: number): boolean {
  return (
    boxes[a]! > boxes[b + 1]! ||
    boxes[b]! > boxes[a + 1]! ||
    boxes[a + 2]! > boxes[b + 3]! ||
    boxes[b + 2]! > boxes[a + 3]! ||
    boxes[a + 4]! > boxes[b + 5]! ||
    boxes[b + 4]! > boxes[a + 5]!
  )
}
