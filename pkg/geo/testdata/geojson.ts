/** Geometries as plain objects. For tests. */
export type Position = readonly [number, number]

export const strict = { type: 'name', properties: { name: 'urn:x-mongodb:crs:strictwinding:EPSG:4326' } }
export const point = (x: number, y: number) => ({ type: 'Point', coordinates: [x, y] })
export const line = (...coordinates: Position[]) => ({ type: 'LineString', coordinates })
export const ring = (...positions: Position[]) => [...positions, positions[0]!]
export const polygon = (...rings: Position[][]) => ({ type: 'Polygon', coordinates: rings.map((each) => ring(...each)) })
export const square = (x: number, y: number, size: number): Position[] => [
  [x, y],
  [x + size, y],
  [x + size, y + size],
  [x, y + size],
]
export const box = (x: number, y: number, size: number) => polygon(square(x, y, size))
