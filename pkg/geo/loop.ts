/**
 * A closed border, and the region to the left of it. Every place is in the region or in the rest of the sphere, never in both: a vertex or a
 * place on an edge, too (`orientation.ts`). So regions that fill the sphere have every place once.
 */
import { Chain } from './chain.ts'
import { changesSide, crossing, firstDirection } from './crossing.ts'
import { isInTurn, turn } from './orientation.ts'
import { cross, degreesOf, dot, isSame, normalized, normalOf, opposite, type Vector } from './vector.ts'

/** Of a border that no hemisphere holds. */
const nothingBeyond = -2
/** In the cosine: more than the size of a place makes, at any angle. */
const boundMargin = 1e-8

/** A part of the sphere that holds a whole border: all beyond it is on one side of the border. */
interface Bound {
  readonly axis: Vector
  /** Of the angle around the axis. */
  readonly cosine: number
  readonly isBeyondInside: boolean
}

export class Loop {
  readonly border: Chain
  readonly #startsInside: boolean
  #knownBound: Bound | undefined

  /** Three vertices at least, no two of them the same. */
  constructor(vertices: readonly Vector[]) {
    this.border = new Chain(vertices, true)
    const [previous, first, next] = [vertices.at(-1)!, vertices[0]!, vertices[1]!]
    this.#startsInside = isInTurn(firstDirection(first), previous, next, first)
  }

  get vertices(): readonly Vector[] {
    return this.border.vertices
  }

  /** The region on the other side. */
  inverted(): Loop {
    return new Loop(this.vertices.toReversed())
  }

  /** This region or the one on the other side, whichever is smaller; of two hemispheres this one. */
  smaller(): Loop {
    return this.isSmall() ? this : this.inverted()
  }

  /** Whether it is no more than a hemisphere. */
  isSmall(): boolean {
    const { cosine, isBeyondInside } = this.#bound
    return cosine > nothingBeyond ? !isBeyondInside : this.#turnsLeft()
  }

  /** Whether who goes around it turns left on the whole: then it is no more than a hemisphere (the theorem of Gauss and Bonnet). */
  #turnsLeft(): boolean {
    const { border, vertices } = this
    let angle = 0
    let edge = normalOf(vertices.at(-1)!, vertices[0]!)
    for (let i = 0; i < vertices.length; i++) {
      const [vertex, following] = [vertices[i]!, border.vertex(i + 1)]
      const next = normalOf(vertex, following)
      angle += turnAngle(edge, next) * (turn(vertices.at(i - 1)!, vertex, following) > 0 ? 1 : -1)
      edge = next
    }
    // Hemispheres are small, whatever rounding adds.
    return angle >= -1e-14
  }

  contains(place: Vector): boolean {
    return this.isFarFrom(place) ? this.#bound.isBeyondInside : this.#containsByCrossings(place)
  }

  /** Whether `place` lies beyond all of the border, with some distance: farther than any place has a size. */
  isFarFrom(place: Vector): boolean {
    return dot(place, this.#bound.axis) < this.#bound.cosine
  }

  /** Whether the border may come as near to `place` as that, which is no more than the size of a place. */
  isNear(place: Vector, distance: number): boolean {
    return !this.isFarFrom(place) && this.border.hasEdgeNear(place, distance)
  }

  #containsByCrossings(place: Vector): boolean {
    const { border, vertices } = this
    const start = vertices[0]!
    let isInside = this.#startsInside
    if (isSame(place, start)) return isInside
    border.someAlong(start, place, (edge) => {
      if (changesSide(start, place, vertices[edge]!, border.vertex(edge + 1))) isInside = !isInside
      return false
    })
    return isInside
  }

  get #bound(): Bound {
    this.#knownBound ??= this.#boundOfBorder()
    return this.#knownBound
  }

  #boundOfBorder(): Bound {
    const { vertices } = this
    let [x, y, z] = [0, 0, 0]
    for (const vertex of vertices) {
      x += vertex.x
      y += vertex.y
      z += vertex.z
    }
    const axis = normalized({ x, y, z })
    let cosine = 1
    for (const vertex of vertices) cosine = Math.min(cosine, dot(axis, vertex))
    cosine -= boundMargin
    // Edges between vertices of a hemisphere stay in it.
    if (cosine <= 0) return { axis, cosine: nothingBeyond, isBeyondInside: false }
    return { axis, cosine, isBeyondInside: this.#containsByCrossings(opposite(axis)) }
  }

  /** What is wrong with the border: it comes to a place twice, or crosses itself. undefined: nothing. */
  flaw(): string | undefined {
    const { border, vertices } = this
    const last = vertices.length - 1
    const isFlawed = (edge: number, other: number) => {
      const met = crossing(vertices[edge]!, border.vertex(edge + 1), vertices[other]!, border.vertex(other + 1))
      return met > 0 || (met === 0 && other !== edge + 1 && !(edge === 0 && other === last))
    }
    // What exactly is wrong takes longer to find than that something is.
    return border.somePair(isFlawed) ? (this.#repetition() ?? this.#selfCrossing()) : undefined
  }

  #repetition(): string | undefined {
    const { vertices } = this
    const lasts = new Map<number, number>()
    const before = new Int32Array(vertices.length)
    for (let i = 0; i < vertices.length; i++) {
      const vertex = vertices[i]!
      // The same of the same places; the rare others with the same are chained.
      const key = vertex.x + vertex.y * 3.17 + vertex.z * 11.3
      const last = lasts.get(key) ?? -1
      for (let at = last; at >= 0; at = before[at]!) {
        if (isSame(vertices[at]!, vertex)) return `Duplicate vertices: ${at} and ${i}`
      }
      before[i] = last
      lasts.set(key, i)
    }
    return undefined
  }

  #selfCrossing(): string | undefined {
    const { border, vertices } = this
    for (let edge = 0; edge < vertices.length; edge++) {
      const [a, b] = [vertices[edge]!, border.vertex(edge + 1)]
      let crossed = edge
      const isCrossed = (other: number) => {
        crossed = other
        return other > edge && crossing(a, b, vertices[other]!, border.vertex(other + 1)) > 0
      }
      if (border.someAlong(a, b, isCrossed)) {
        const places = `${shown(a)}-${shown(b)} and ${shown(vertices[crossed]!)}-${shown(border.vertex(crossed + 1))}`
        return `Edges ${edge} and ${crossed} cross. Edge locations in degrees: ${places}`
      }
    }
    return undefined
  }
}

/** By how much two edges that follow one another differ in direction, given their normals. */
function turnAngle(edge: Vector, next: Vector): number {
  const sine = cross(edge, next)
  return Math.atan2(Math.sqrt(dot(sine, sine)), dot(edge, next))
}

function shown(place: Vector): string {
  const [longitude, latitude] = degreesOf(place)
  return `[${longitude.toFixed(7)}, ${latitude.toFixed(7)}]`
}
