/** Vertices with an edge from each to the next: a line, or a closed border. */
import { crossing } from './crossing.ts'
import { bulgeOf, EdgeTree, type EdgeVisit, type PairVisit } from './edge-tree.ts'
import { isSame, type Vector } from './vector.ts'

/** With fewer edges than this the tree is not worth making. */
const treeEdgesMin = 24

export class Chain {
  readonly vertices: readonly Vector[]
  readonly edgeCount: number
  #tree: EdgeTree | undefined

  /** `closed`: the last vertex has an edge to the first. */
  constructor(vertices: readonly Vector[], closed: boolean) {
    this.vertices = vertices
    this.edgeCount = closed ? vertices.length : vertices.length - 1
  }

  /** The vertex with that number, counted on around a closed border. */
  vertex(i: number): Vector {
    const { vertices } = this
    return vertices[i < vertices.length ? i : i - vertices.length]!
  }

  /** Visits at least all edges that have a place in common with the edge from `a` to `b`, in their order. */
  someAlong(a: Vector, b: Vector, visit: EdgeVisit): boolean {
    if (this.edgeCount >= treeEdgesMin) return this.#edges().someAlong(a, b, visit)
    for (let edge = 0; edge < this.edgeCount; edge++) if (visit(edge)) return true
    return false
  }

  /** Visits at least all pairs of edges that have a place in common. */
  somePair(visit: PairVisit): boolean {
    if (this.edgeCount >= treeEdgesMin) return this.#edges().somePair(visit)
    for (let edge = 0; edge < this.edgeCount; edge++) {
      for (let other = edge + 1; other < this.edgeCount; other++) if (visit(edge, other)) return true
    }
    return false
  }

  /** Whether an edge may come as near to `place` as that, in each coordinate. */
  hasEdgeNear(place: Vector, distance: number): boolean {
    if (this.edgeCount >= treeEdgesMin) return this.#edges().someNear(place, distance, () => true)
    for (let edge = 0; edge < this.edgeCount; edge++) {
      if (isNearEdge(place, this.vertices[edge]!, this.vertex(edge + 1), distance)) return true
    }
    return false
  }

  hasVertex(place: Vector): boolean {
    if (this.edgeCount < treeEdgesMin) return this.vertices.some((vertex) => isSame(vertex, place))
    return this.#edges().someNear(
      place,
      0,
      (edge) => isSame(this.vertices[edge]!, place) || isSame(this.vertex(edge + 1), place),
    )
  }

  /** Whether an edge of this crosses one of the other, or has an end in common with it. */
  touches(other: Chain): boolean {
    if (other.edgeCount > this.edgeCount) return other.touches(this)
    for (let edge = 0; edge < other.edgeCount; edge++) {
      const [a, b] = [other.vertices[edge]!, other.vertex(edge + 1)]
      const isMet = (mine: number) => crossing(a, b, this.vertices[mine]!, this.vertex(mine + 1)) >= 0
      if (this.someAlong(a, b, isMet)) return true
    }
    return false
  }

  #edges(): EdgeTree {
    this.#tree ??= new EdgeTree(this)
    return this.#tree
  }
}

function isNearEdge(place: Vector, a: Vector, b: Vector, distance: number): boolean {
  const reach = distance + bulgeOf(a, b)
  return (
    place.x >= Math.min(a.x, b.x) - reach &&
    place.x <= Math.max(a.x, b.x) + reach &&
    place.y >= Math.min(a.y, b.y) - reach &&
    place.y <= Math.max(a.y, b.y) + reach &&
    place.z >= Math.min(a.z, b.z) - reach &&
    place.z <= Math.max(a.z, b.z) + reach
  )
}
