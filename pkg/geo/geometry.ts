/** Geometries as sets of parts: one point or line or polygon, several, or a collection of all. */
import type { Place } from './place.ts'
import type { Pair } from './planar.ts'
import type { Polygon } from './polygon.ts'
import type { BorderedRegion, Line } from './region.ts'

/** A point that is not part of something else: its coordinates as they are. Only `GeoJSON` points are sure to be on the sphere. */
export interface PointGeometry {
  readonly kind: 'point'
  readonly pair: Pair
}

/** Parts on the sphere, one at least. */
export interface PartsGeometry {
  readonly kind: 'parts'
  readonly places: readonly Place[]
  readonly lines: readonly Line[]
  readonly polygons: readonly Polygon[]
}

/** A polygon whose vertices say by their order which side of its border is meant. It has a place in queries only. */
export interface StrictGeometry {
  readonly kind: 'strict'
  readonly region: BorderedRegion
}

export type StoredGeometry = PointGeometry | PartsGeometry

export type Geometry = StoredGeometry | StrictGeometry

export const noParts: PartsGeometry = { kind: 'parts', places: [], lines: [], polygons: [] }

/** The parts of all. */
export function joined(geometries: readonly PartsGeometry[]): PartsGeometry {
  return {
    kind: 'parts',
    places: geometries.flatMap(({ places }) => places),
    lines: geometries.flatMap(({ lines }) => lines),
    polygons: geometries.flatMap(({ polygons }) => polygons),
  }
}

/** The regions among its parts. */
export function regionsOf(geometry: Geometry): readonly BorderedRegion[] {
  switch (geometry.kind) {
    case 'point':
      return []
    case 'parts':
      return geometry.polygons
    case 'strict':
      return [geometry.region]
  }
}
