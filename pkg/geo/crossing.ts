/**
 * Where edges meet. An edge is the shortest way between two places, along a great circle; its ends are vertices. What is said of vertices
 * that edges share is such that regions which have the same border on two sides share no place and leave none out.
 */
import { isInTurn, turn } from './orientation.ts'
import { cross, isSame, type Vector } from './vector.ts'

/** 1: the insides of AB and CD meet; 0: they have an end in common; -1: neither. */
export function crossing(a: Vector, b: Vector, c: Vector, d: Vector): -1 | 0 | 1 {
  const abc = turn(a, b, c)
  const abd = turn(a, b, d)
  // Both on one side of AB: by far the commonest.
  if (abc === abd && abc !== 0) return -1
  if (isSame(a, c) || isSame(a, d) || isSame(b, c) || isSame(b, d)) return 0
  // An edge without length meets nothing.
  if (abc === 0 || abd === 0) return -1
  const cda = turn(c, d, a)
  // All of A, C, B, D turn the same way: then each edge separates the ends of the other, on the same half of the sphere.
  return cda === abd && turn(d, c, b) === abd ? 1 : -1
}

/**
 * Whether AB passes over CD at an end that they share. Which of the edges around a vertex are passed over is counted from a direction that
 * depends on the vertex alone, so that of a closed border that comes there an even number is, or an odd one, as one goes by or through it.
 */
export function isVertexCrossing(a: Vector, b: Vector, c: Vector, d: Vector): boolean {
  if (isSame(a, b) || isSame(c, d)) return false
  if (isSame(a, d)) return isInTurn(firstDirection(a), c, b, a)
  if (isSame(b, c)) return isInTurn(firstDirection(b), d, a, b)
  if (isSame(a, c)) return isInTurn(firstDirection(a), d, b, a)
  return isInTurn(firstDirection(b), c, a, b)
}

/** Whether one who goes from `a` to `b` changes the side of the edge CD. */
export function changesSide(a: Vector, b: Vector, c: Vector, d: Vector): boolean {
  const met = crossing(a, b, c, d)
  return met > 0 || (met === 0 && isVertexCrossing(a, b, c, d))
}

/** A direction at right angles to `place`, never along an edge that anyone would draw. */
export function firstDirection(place: Vector): Vector {
  const { x, y, z } = place
  const [ax, ay, az] = [Math.abs(x), Math.abs(y), Math.abs(z)]
  if (ax <= ay && ax <= az) return cross(place, { x: 1, y: 0.00731, z: 0.00419 })
  if (ay <= az) return cross(place, { x: 0.00419, y: 1, z: 0.00731 })
  return cross(place, { x: 0.00731, y: 0.00419, z: 1 })
}

/** The border of one region and of another at a vertex that they share: A comes from `a0` and goes on to `a2`, B from `b0` to `b2`. */
export interface Wedges {
  readonly a0: Vector
  readonly a2: Vector
  readonly b0: Vector
  readonly b2: Vector
  readonly vertex: Vector
}

/** Whether, around the vertex, all of B is in A. */
export function wedgeContains({ a0, a2, b0, b2, vertex }: Wedges): boolean {
  return isInTurn(a2, b2, b0, vertex) && isInTurn(b0, a0, a2, vertex)
}

/** Whether, around the vertex, some of B is in A. */
export function wedgesMeet({ a0, a2, b0, b2, vertex }: Wedges): boolean {
  return !(isInTurn(a0, b2, b0, vertex) && isInTurn(b0, a2, a0, vertex))
}
