import { expect, test } from 'vitest'
import { isInTurn, turn } from './orientation.ts'
import { randomFrom, randomPlace } from './testdata/random-sphere.ts'
import { opposite, type Vector, vectorOf } from './vector.ts'

/** The sign of the determinant in whole numbers: every double is a multiple of 2^-1074. */
function exactSign(a: Vector, b: Vector, c: Vector): number {
  const [ax, ay, az, bx, by, bz, cx, cy, cz] = [a.x, a.y, a.z, b.x, b.y, b.z, c.x, c.y, c.z].map(whole) as bigint[]
  const determinant = ax! * (by! * cz! - bz! * cy!) + ay! * (bz! * cx! - bx! * cz!) + az! * (bx! * cy! - by! * cx!)
  return determinant > 0n ? 1 : determinant < 0n ? -1 : 0
}

function whole(n: number): bigint {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, n)
  const raw = bits.getBigUint64(0)
  const exponent = Number((raw >> 52n) & 0x7ffn)
  const fraction = raw & 0xfffffffffffffn
  const magnitude = exponent === 0 ? fraction : (fraction | 0x10000000000000n) << BigInt(exponent - 1)
  return n < 0 ? -magnitude : magnitude
}

/** Places on few lines, so that many are in line, or nearly. */
const awkward: Vector[] = [-180, -179.99999999, -90, -1, 0, 1e-13, 1, 2, 90, 179, 180].flatMap((longitude) =>
  [-90, -45, -1e-14, 0, 1e-14, 45, 90].map((latitude) => vectorOf(longitude, latitude)),
)

test('three places turn as their determinant says, where that says something', () => {
  const random = randomFrom(1)
  const pick = () => (random() < 0.7 ? awkward[Math.floor(random() * awkward.length)]! : randomPlace(random))
  let zeros = 0
  for (let i = 0; i < 20_000; i++) {
    const [a, b, c] = [pick(), pick(), pick()]
    const exact = exactSign(a, b, c)
    if (exact === 0) zeros++
    else expect(turn(a, b, c)).toBe(exact)
  }
  expect(zeros).toBeGreaterThan(300)
})

test('three places turn one way unless two of them are the same, and the other way when two are exchanged', () => {
  const random = randomFrom(2)
  const pick = () => awkward[Math.floor(random() * awkward.length)]!
  const key = ({ x, y, z }: Vector) => `${x + 0} ${y + 0} ${z + 0}`
  for (let i = 0; i < 20_000; i++) {
    const [a, b, c] = [pick(), pick(), random() < 0.1 ? opposite(pick()) : pick()]
    const sign = turn(a, b, c)
    expect(sign === 0).toBe(new Set([a, b, c].map(key)).size < 3)
    expect(turn(b, c, a)).toBe(sign)
    expect(turn(c, b, a)).toBe(sign === 0 ? 0 : -sign)
  }
})

/** For any five, if b, c, d lie left of oa and c left of ob, d left of oc, then d is left of ob: an order around o is an order. */
test('what lies around a place has one order', () => {
  const random = randomFrom(3)
  const pick = () => awkward[Math.floor(random() * awkward.length)]!
  let count = 0
  for (let i = 0; i < 50_000; i++) {
    const [o, a, b, c, d] = [pick(), pick(), pick(), pick(), pick()]
    const left = (p: Vector, q: Vector) => turn(o, p, q) === 1
    if (!(left(a, b) && left(a, c) && left(a, d) && left(b, c) && left(c, d))) continue
    count++
    expect(left(b, d)).toBe(true)
  }
  expect(count).toBeGreaterThan(500)
})

test('who turns left from north meets west before south', () => {
  const [centre, north, west, south] = [vectorOf(0, 0), vectorOf(0, 10), vectorOf(-10, 0), vectorOf(0, -10)]
  expect(isInTurn(north, west, south, centre)).toBe(true)
  expect(isInTurn(south, west, north, centre)).toBe(false)
})
