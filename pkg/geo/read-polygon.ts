/** Polygons of GeoJSON, with all that a border has to obey. */
import { bsonType, type Value } from '../bson/type.ts'
import { documentFields } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { BigPolygon } from './big-polygon.ts'
import { readPosition, typeOf } from './coordinates.ts'
import { InvalidGeometry } from './invalid-geometry.ts'
import { Loop } from './loop.ts'
import { contains } from './loop-relation.ts'
import { flawBetween } from './loops-flaw.ts'
import { Polygon } from './polygon.ts'
import type { BorderedRegion } from './region.ts'
import { isSame, type Vector } from './vector.ts'

/** `coordinates`: an array of rings, of which the first is the shell. Each is the border of the smaller region, however it goes around. */
export function readPolygon(coordinates: Value | undefined): Polygon {
  if (coordinates?.type !== bsonType.array) {
    throw new InvalidGeometry(`Polygon coordinates must be an array, instead got type ${typeOf(coordinates)}`)
  }
  const rings: Value[] = []
  const loops: Loop[] = []
  for (const ring of documentFields(coordinates.bytes, coordinates.start)) {
    rings.push(ring)
    const loop = readLoop(ring, ring).smaller()
    if (loops.length > 0 && !contains(loops[0]!, loop)) {
      const message = 'Secondary loops not contained by first exterior loop - secondary loops must be holes: '
      throw new InvalidGeometry(message, ring, ' first loop: ', rings[0]!)
    }
    loops.push(loop)
  }
  if (loops.length === 0) throw new InvalidGeometry('Polygon has no loops.')
  const flaw = flawBetween(loops)
  if (flaw !== undefined) throw new InvalidGeometry(flaw, coordinates)
  return new Polygon(loops[0]!, loops.slice(1))
}

/** `coordinates`: an array of one ring, which goes around what is meant with that on its left. */
export function readStrictPolygon(coordinates: Value | undefined): BorderedRegion {
  if (coordinates?.type !== bsonType.array) {
    throw new InvalidGeometry(`Coordinates of polygon must be an array, instead got type ${typeOf(coordinates)}`)
  }
  const rings = [...documentFields(coordinates.bytes, coordinates.start)]
  if (rings.length !== 1) {
    const message = `Only one simple loop is allowed in a big polygon, instead provided ${rings.length} loops: `
    throw new InvalidGeometry(message, coordinates)
  }
  const loop = readLoop(rings[0]!, coordinates)
  return loop.isSmall() ? new Polygon(loop) : new BigPolygon(loop)
}

/** `where`: what messages show. */
function readLoop(ring: Value, where: Value): Loop {
  const vertices = readVertices(ring)
  if (vertices.length === 0) throw new InvalidGeometry('Loop has no vertices: ', ring)
  if (!isSame(vertices[0]!, vertices.at(-1)!)) {
    throw new InvalidGeometry('Loop is not closed, first vertex does not equal last vertex: ', ring)
  }
  const distinct = withoutRepetitions(vertices).slice(0, -1)
  if (distinct.length < 3) {
    const message = `Loop must have at least 3 different vertices, ${distinct.length} unique vertices were provided: `
    throw new InvalidGeometry(message, where)
  }
  const loop = new Loop(distinct)
  const flaw = loop.flaw()
  if (flaw !== undefined) throw new InvalidGeometry('Loop is not valid: ', where, ` ${flaw}`)
  return loop
}

export function readVertices(coordinates: Value | undefined): Vector[] {
  if (coordinates?.type !== bsonType.array) {
    throw new InvalidGeometry(
      `GeoJSON coordinates must be an array of coordinates, instead got type ${typeOf(coordinates)}`,
    )
  }
  const vertices: Vector[] = []
  const walker = new ElementWalker().reset(coordinates.bytes, coordinates.start)
  while (walker.next()) vertices.push(readPosition(walker.value()))
  return vertices
}

/** Without vertices that are the same as the one before. */
export function withoutRepetitions(vertices: readonly Vector[]): Vector[] {
  return vertices.filter((vertex, i) => i === 0 || !isSame(vertex, vertices[i - 1]!))
}
