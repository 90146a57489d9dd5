/** Points of the unit sphere as vectors: what spherical geometry computes with, since there the poles and the antimeridian are nothing special. */

/** A vector; of unit length where it stands for a place. */
export interface Vector {
  readonly x: number
  readonly y: number
  readonly z: number
}

const degree = Math.PI / 180

/** `longitude` within -180..180, `latitude` within -90..90, in degrees. */
export function vectorOf(longitude: number, latitude: number): Vector {
  const theta = longitude * degree
  const phi = latitude * degree
  const radius = Math.cos(phi)
  return { x: Math.cos(theta) * radius, y: Math.sin(theta) * radius, z: Math.sin(phi) }
}

/** Longitude and latitude in degrees. */
export function degreesOf({ x, y, z }: Vector): readonly [longitude: number, latitude: number] {
  return [Math.atan2(y, x) / degree, Math.atan2(z, Math.hypot(x, y)) / degree]
}

export function isSame(a: Vector, b: Vector): boolean {
  return a.x === b.x && a.y === b.y && a.z === b.z
}

export function dot(a: Vector, b: Vector): number {
  return a.x * b.x + a.y * b.y + a.z * b.z
}

export function cross(a: Vector, b: Vector): Vector {
  return { x: a.y * b.z - a.z * b.y, y: a.z * b.x - a.x * b.z, z: a.x * b.y - a.y * b.x }
}

/** Twice the normal of the plane through the centre, `a` and `b`, without the cancellation that the plain product suffers where they are close. */
export function normalOf(a: Vector, b: Vector): Vector {
  const sum = { x: b.x + a.x, y: b.y + a.y, z: b.z + a.z }
  return cross(sum, { x: b.x - a.x, y: b.y - a.y, z: b.z - a.z })
}

export function opposite({ x, y, z }: Vector): Vector {
  return { x: -x, y: -y, z: -z }
}

/** Of unit length; a vector without a direction stays as it is. */
export function normalized({ x, y, z }: Vector): Vector {
  const length = Math.hypot(x, y, z) || 1
  return { x: x / length, y: y / length, z: z / length }
}

/** The angle between two places, in radians: exact also where it is tiny or nearly half a turn. */
export function angleBetween(a: Vector, b: Vector): number {
  const sum = { x: a.x + b.x, y: a.y + b.y, z: a.z + b.z }
  const difference = { x: a.x - b.x, y: a.y - b.y, z: a.z - b.z }
  return 2 * Math.atan2(Math.sqrt(dot(difference, difference)), Math.sqrt(dot(sum, sum)))
}
