/** Whether a geometry of a document is within what a query names, or meets it. */
import { isOnSphere, placeOf } from './coordinates.ts'
import { type Geometry, noParts, type PartsGeometry, regionsOf, type StoredGeometry } from './geometry.ts'
import { cellSizeMax, type Place } from './place.ts'
import type { PlanarShape } from './planar.ts'
import type { Polygon } from './polygon.ts'
import { readStored } from './read-geometry.ts'
import type { BorderedRegion, Line, Region } from './region.ts'

/** Tests the value of a field; what is no geometry does not match. */
export type GeometryTest = (type: number, bytes: Uint8Array, start: number) => boolean

/** Shapes of the plane hold single points only. */
export function withinShape(shape: PlanarShape): GeometryTest {
  return (type, bytes, start) => {
    const geometry = readStored(type, bytes, start)
    return geometry?.kind === 'point' && shape.holds(geometry.pair.x, geometry.pair.y)
  }
}

/** Every part is in one of the regions as a whole. */
export function withinRegions(regions: readonly Region[]): GeometryTest {
  return (type, bytes, start) => {
    const geometry = spherical(readStored(type, bytes, start))
    if (geometry === undefined) return false
    return (
      geometry.places.every((place) => regions.some((region) => region.hasPlace(place))) &&
      geometry.lines.every((line) => regions.some((region) => region.containsLine(line))) &&
      geometry.polygons.every((polygon) => regions.some((region) => region.containsPolygon(polygon)))
    )
  }
}

/** Some part of one meets some part of the other. undefined: `queried` is not on the sphere. */
export function meeting(queried: Geometry): GeometryTest | undefined {
  const parts = queried.kind === 'strict' ? noParts : spherical(queried)
  if (parts === undefined) return undefined
  const { places, lines } = parts
  const regions = regionsOf(queried)
  return (type, bytes, start) => {
    const geometry = spherical(readStored(type, bytes, start))
    if (geometry === undefined) return false
    return (
      geometry.places.some((place) => isPlaceMet(place, places, lines, regions)) ||
      geometry.lines.some((line) => isLineMet(line, places, lines, regions)) ||
      geometry.polygons.some((polygon) => isPolygonMet(polygon, places, lines, regions))
    )
  }
}

/** undefined: it is not on the sphere. */
function spherical(geometry: StoredGeometry | undefined): PartsGeometry | undefined {
  if (geometry?.kind !== 'point') return geometry
  return isOnSphere(geometry.pair) ? { ...noParts, places: [placeOf(geometry.pair)] } : undefined
}

type Regions = readonly BorderedRegion[]

function isPlaceMet(place: Place, places: readonly Place[], lines: readonly Line[], regions: Regions): boolean {
  return (
    places.some((other) => other.isSame(place)) ||
    lines.some((line) => isOnLine(place, line)) ||
    regions.some((region) => region.hasPlace(place))
  )
}

function isLineMet(line: Line, places: readonly Place[], lines: readonly Line[], regions: Regions): boolean {
  return (
    places.some((place) => isOnLine(place, line)) ||
    lines.some((other) => other.touches(line)) ||
    regions.some((region) => region.meetsLine(line))
  )
}

function isPolygonMet(polygon: Polygon, places: readonly Place[], lines: readonly Line[], regions: Regions): boolean {
  return (
    places.some((place) => polygon.hasPlace(place)) ||
    lines.some((line) => polygon.meetsLine(line)) ||
    regions.some((region) => region.meetsPolygon(polygon))
  )
}

function isOnLine(place: Place, line: Line): boolean {
  if (!line.hasEdgeNear(place.vector, cellSizeMax)) return false
  return line.vertices.some((vertex) => place.holds(vertex)) || line.touches(place.cell.border)
}
