/**
 * Whether three places turn left or right: the one question that all predicates on the sphere come down to. It is always answered, and
 * always consistently: by the sign of a determinant, exactly, and where that is zero as if every coordinate had been moved by an
 * infinitesimal of its own. So three places are in line only if two of them are the same; an edge passes a vertex on one side or the other,
 * and whoever asks about the same places gets the same answer.
 *
 * Simulation of Simplicity: Edelsbrunner and Mücke, ACM Transactions on Graphics 9 (1), 1990. Exact signs: Shewchuk's adaptive
 * arithmetic, Discrete and Computational Geometry 18, 1997 (`robust-predicates`).
 */
import { orient2d, orient3d } from 'robust-predicates'
import { isSame, type Vector } from './vector.ts'

export type Turn = -1 | 0 | 1

/** The determinant of three unit vectors is off by less. */
const errorMax = 2e-15

/** 1: `c` lies to the left of the way from `a` to `b`; -1: to the right; 0: two of them are the same. */
export function turn(a: Vector, b: Vector, c: Vector): Turn {
  const determinant = (a.y * b.z - a.z * b.y) * c.x + (a.z * b.x - a.x * b.z) * c.y + (a.x * b.y - a.y * b.x) * c.z
  if (determinant > errorMax) return 1
  if (determinant < -errorMax) return -1
  return isSame(a, b) || isSame(b, c) || isSame(c, a) ? 0 : exactTurn(a, b, c)
}

function exactTurn(a: Vector, b: Vector, c: Vector): Turn {
  const exact = orient3d(a.x, a.y, a.z, b.x, b.y, b.z, c.x, c.y, c.z, 0, 0, 0)
  if (exact !== 0) return exact > 0 ? 1 : -1
  // The infinitesimals are given by the order of the vectors, which all who ask agree on: a swap turns the sign.
  let [low, middle, high] = [a, b, c]
  let sign: 1 | -1 = 1
  const swap = () => {
    sign = sign === 1 ? -1 : 1
  }
  if (isBefore(middle, low)) {
    ;[low, middle] = [middle, low]
    swap()
  }
  if (isBefore(high, middle)) {
    ;[middle, high] = [high, middle]
    swap()
    if (isBefore(middle, low)) {
      ;[low, middle] = [middle, low]
      swap()
    }
  }
  return sign === 1 ? perturbedTurn(low, middle, high) : perturbedTurn(low, middle, high) === 1 ? -1 : 1
}

function isBefore(a: Vector, b: Vector): boolean {
  if (a.x !== b.x) return a.x < b.x
  if (a.y !== b.y) return a.y < b.y
  return a.z < b.z
}

/**
 * The sign of det(a + da, b + db, c + dc) where det(a, b, c) = 0, for infinitesimals of which each is beyond all powers of those before it,
 * smaller: da.z, da.y, da.x, db.z, db.y, db.x, dc.z, dc.y, dc.x. It is the sign of the first term of the expansion, by size, whose
 * coefficient is not zero; the last that can be reached is a constant. All the coefficients are differences of two products or
 * single coordinates.
 */
function perturbedTurn(a: Vector, b: Vector, c: Vector): 1 | -1 {
  return (
    minor(b.x, c.y, b.y, c.x) || // da.z
    minor(b.z, c.x, b.x, c.z) || // da.y
    minor(b.y, c.z, b.z, c.y) || // da.x
    minor(c.x, a.y, c.y, a.x) || // db.z
    signOf(c.x) || // db.z da.y
    signOf(-c.y) || // db.z da.x
    minor(c.z, a.x, c.x, a.z) || // db.y
    signOf(c.z) || // db.y da.x
    minor(a.x, b.y, a.y, b.x) || // dc.z
    signOf(-b.x) || // dc.z da.y
    signOf(b.y) || // dc.z da.x
    signOf(a.x) || // dc.z db.y
    1 // dc.z db.y da.x
  )
}

function signOf(n: number): Turn {
  return n > 0 ? 1 : n < 0 ? -1 : 0
}

/** The sign of `p * q - r * s`, exactly. */
function minor(p: number, q: number, r: number, s: number): Turn {
  return signOf(-orient2d(p, r, s, q, 0, 0))
}

/** Whether `b` is met no later than `c`, and `c` not before a whole turn, by who turns left around `centre` beginning at `a`. */
export function isInTurn(a: Vector, b: Vector, c: Vector, centre: Vector): boolean {
  let count = 0
  if (turn(b, centre, a) >= 0) count++
  if (turn(c, centre, b) >= 0) count++
  if (turn(a, centre, c) > 0) count++
  return count >= 2
}
