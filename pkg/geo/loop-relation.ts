/** How two regions lie to one another, each inside of one closed border. */
import { crossing, type Wedges, wedgeContains, wedgesMeet } from './crossing.ts'
import type { Loop } from './loop.ts'
import { isSame, type Vector } from './vector.ts'

/** Whether all of `b` is in `a`. Regions that have the same border contain one another. */
export function contains(a: Loop, b: Loop): boolean {
  if (!isInOrOn(a, b.vertices[0]!)) return false
  if (bordersMeet(a, b, (wedges) => !wedgeContains(wedges))) return false
  // The borders are apart, and a part of that of B is in A. That could also be since together they fill the sphere.
  return !isStrictlyIn(b, a.vertices[0]!)
}

/** Whether some of `b` is in `a`. Regions on the two sides of a border do not meet. */
export function meets(a: Loop, b: Loop): boolean {
  if (isStrictlyIn(a, b.vertices[0]!)) return true
  if (bordersMeet(a, b, wedgesMeet)) return true
  return isStrictlyIn(b, a.vertices[0]!)
}

export type Relation = 'contains' | 'crosses' | 'neither'

/** Of regions that together do not fill the sphere: whether `a` contains `b`, or their borders cross, or none of the two. */
export function relation(a: Loop, b: Loop): Relation {
  let hasWider = false
  let hasNarrower = false
  let hasApart = false
  const crosses = bordersMeet(a, b, (wedges) => {
    const isWider = wedgeContains(wedges)
    const isNarrower = wedgeContains(seenFromOther(wedges))
    if (isWider && isNarrower) return false
    if (isWider) hasWider = true
    else if (isNarrower) hasNarrower = true
    else if (wedgesMeet(wedges)) return true
    else hasApart = true
    return hasWider && hasNarrower
  })
  if (crosses || (hasNarrower && hasApart)) return 'crosses'
  if (hasNarrower || hasApart) return 'neither'
  return isInOrOn(a, b.vertices[0]!) ? 'contains' : 'neither'
}

function seenFromOther({ a0, a2, b0, b2, vertex }: Wedges): Wedges {
  return { a0: b0, a2: b2, b0: a0, b2: a2, vertex }
}

function isInOrOn(loop: Loop, vertex: Vector): boolean {
  return loop.contains(vertex) || loop.border.hasVertex(vertex)
}

function isStrictlyIn(loop: Loop, vertex: Vector): boolean {
  return loop.contains(vertex) && !loop.border.hasVertex(vertex)
}

/** Whether an edge of one crosses one of the other; or `atVertex` says so of a vertex that they share. */
function bordersMeet(a: Loop, b: Loop, atVertex: (wedges: Wedges) => boolean): boolean {
  if (a.vertices.length < b.vertices.length) return bordersMeet(b, a, (wedges) => atVertex(seenFromOther(wedges)))
  for (let edge = 0; edge < b.vertices.length; edge++) {
    const [b0, b1] = [b.vertices[edge]!, b.border.vertex(edge + 1)]
    const isMet = (other: number) => {
      const [a0, a1] = [a.vertices[other]!, a.border.vertex(other + 1)]
      const met = crossing(b0, b1, a0, a1)
      if (met !== 0) return met > 0
      if (!isSame(a1, b1)) return false
      return atVertex({ a0, a2: a.border.vertex(other + 2), b0, b2: b.border.vertex(edge + 2), vertex: a1 })
    }
    if (a.border.someAlong(b0, b1, isMet)) return true
  }
  return false
}
