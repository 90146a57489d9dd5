/**
 * A place that predicates are asked about. As in MongoDB it has a size, a square of some 8 mm: the smallest cell of the S2 grid that it lies
 * in. So a place on a border is in the regions on both sides of it, and one on a line is met by it, whatever rounding does.
 *
 * The grid: the sphere is projected onto the faces of a cube, whose coordinates u and v in -1..1 are bent to s and t in 0..1 such that
 * cells are of about the same size, and cut into 2^30 by 2^30 cells.
 */
import { Loop } from './loop.ts'
import { normalized, type Vector } from './vector.ts'

const cellsPerFace = 2 ** 30

/** What the cell is larger on every side, so that it has the place in it, and crosses the borders along it, whatever was rounded. */
const slack = 1e-15

/** More than the diagonal of any cell. */
export const cellSizeMax = 5e-9

interface Cell {
  readonly face: number
  readonly i: number
  readonly j: number
}

export class Place {
  readonly vector: Vector
  #cell: Cell | undefined
  #loop: Loop | undefined

  constructor(vector: Vector) {
    this.vector = vector
  }

  isSame(other: Place): boolean {
    const [a, b] = [this.#inGrid(), other.#inGrid()]
    return a.i === b.i && a.j === b.j && a.face === b.face
  }

  /** The border of the cell. */
  get cell(): Loop {
    if (this.#loop === undefined) {
      const { face, i, j } = this.#inGrid()
      const [u0, u1] = [bent(i) - slack, bent(i + 1) + slack]
      const [v0, v1] = [bent(j) - slack, bent(j + 1) + slack]
      const corners = [fromFace(face, u0, v0), fromFace(face, u1, v0), fromFace(face, u1, v1), fromFace(face, u0, v1)]
      this.#loop = new Loop(corners.map(normalized))
    }
    return this.#loop
  }

  /** Whether a vector is in the cell. */
  holds(vector: Vector): boolean {
    const mine = this.#inGrid()
    const { face, i, j } = cellOf(vector)
    return face === mine.face && i === mine.i && j === mine.j
  }

  #inGrid(): Cell {
    this.#cell ??= cellOf(this.vector)
    return this.#cell
  }
}

function cellOf({ x, y, z }: Vector): Cell {
  const [ax, ay, az] = [Math.abs(x), Math.abs(y), Math.abs(z)]
  if (ax > ay && ax > az) {
    return x > 0 ? { face: 0, i: indexOf(y / x), j: indexOf(z / x) } : { face: 3, i: indexOf(z / x), j: indexOf(y / x) }
  }
  if (ay >= ax && ay > az) {
    return y > 0
      ? { face: 1, i: indexOf(-x / y), j: indexOf(z / y) }
      : { face: 4, i: indexOf(z / y), j: indexOf(-x / y) }
  }
  return z > 0
    ? { face: 2, i: indexOf(-x / z), j: indexOf(-y / z) }
    : { face: 5, i: indexOf(-y / z), j: indexOf(-x / z) }
}

function fromFace(face: number, u: number, v: number): Vector {
  switch (face) {
    case 0:
      return { x: 1, y: u, z: v }
    case 1:
      return { x: -u, y: 1, z: v }
    case 2:
      return { x: -u, y: -v, z: 1 }
    case 3:
      return { x: -1, y: -v, z: -u }
    case 4:
      return { x: v, y: -1, z: -u }
    default:
      return { x: v, y: u, z: -1 }
  }
}

/** Which cell of its row the coordinate -1..1 of a face falls in. */
function indexOf(u: number): number {
  const s = u >= 0 ? 0.5 * Math.sqrt(1 + 3 * u) : 1 - 0.5 * Math.sqrt(1 - 3 * u)
  return Math.max(0, Math.min(cellsPerFace - 1, Math.floor(cellsPerFace * s)))
}

/** The coordinate -1..1 of a face where the cell of that number begins. */
function bent(index: number): number {
  const s = index / cellsPerFace
  return s >= 0.5 ? (4 * s * s - 1) / 3 : (1 - 4 * (1 - s) * (1 - s)) / 3
}
