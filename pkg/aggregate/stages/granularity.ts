/**
 * Series of preferred numbers: what `$bucketAuto` rounds its boundaries to.
 *
 * A series has numbers within one decade (or, for POWERSOF2, one doubling), times every power of ten.
 */
import { decimalOfDouble, multiplyDecimals } from '../../bson/decimal-arithmetic.ts'
import { type Decimal, exactDecimal, powerOfTen } from '../../bson/decimal128.ts'

const renard5 = [10, 16, 25, 40, 63]
const renard10 = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800]
const renard20 = [100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710, 800, 900]
const renard40 = [
  100, 106, 112, 118, 125, 132, 140, 150, 160, 170, 180, 190, 200, 212, 224, 236, 250, 265, 280, 300, 315, 335, 355,
  375, 400, 425, 450, 475, 500, 530, 560, 600, 630, 670, 710, 750, 800, 850, 900, 950,
]
const renard80 = [
  103, 109, 115, 122, 128, 136, 145, 155, 165, 175, 185, 195, 206, 218, 230, 243, 258, 272, 290, 307, 325, 345, 365,
  387, 412, 437, 462, 487, 515, 545, 575, 615, 650, 690, 730, 775, 825, 875, 925, 975,
]
const e6 = [10, 15, 22, 33, 47, 68]
const e12 = [10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82]
const e24 = [10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91]
const e48 = [
  100, 105, 110, 115, 121, 127, 133, 140, 147, 154, 162, 169, 178, 187, 196, 205, 215, 226, 237, 249, 261, 274, 287,
  301, 316, 332, 348, 365, 383, 402, 422, 442, 464, 487, 511, 536, 562, 590, 619, 649, 681, 715, 750, 787, 825, 866,
  909, 953,
]
const e96 = [
  100, 102, 105, 107, 110, 113, 115, 118, 121, 124, 127, 130, 133, 137, 140, 143, 147, 150, 154, 158, 162, 165, 169,
  174, 178, 182, 187, 191, 196, 200, 205, 210, 215, 221, 226, 232, 237, 243, 249, 255, 261, 267, 274, 280, 287, 294,
  301, 309, 316, 324, 332, 340, 348, 357, 365, 374, 383, 392, 402, 412, 422, 432, 442, 453, 464, 475, 487, 499, 511,
  523, 536, 549, 562, 576, 590, 604, 619, 634, 649, 665, 681, 698, 715, 732, 750, 768, 787, 806, 825, 845, 866, 887,
  909, 931, 953, 976,
]
const e192 = [
  100, 101, 102, 104, 105, 106, 107, 109, 110, 111, 113, 114, 115, 117, 118, 120, 121, 123, 124, 126, 127, 129, 130,
  132, 133, 135, 137, 138, 140, 142, 143, 145, 147, 149, 150, 152, 154, 156, 158, 160, 162, 164, 165, 167, 169, 172,
  174, 176, 178, 180, 182, 184, 187, 189, 191, 193, 196, 198, 200, 203, 205, 208, 210, 213, 215, 218, 221, 223, 226,
  229, 232, 234, 237, 240, 243, 246, 249, 252, 255, 258, 261, 264, 267, 271, 274, 277, 280, 284, 287, 291, 294, 298,
  301, 305, 309, 312, 316, 320, 324, 328, 332, 336, 340, 344, 348, 352, 357, 361, 365, 370, 374, 379, 383, 388, 392,
  397, 402, 407, 412, 417, 422, 427, 432, 437, 442, 448, 453, 459, 464, 470, 475, 481, 487, 493, 499, 505, 511, 517,
  523, 530, 536, 542, 549, 556, 562, 569, 576, 583, 590, 597, 604, 612, 619, 626, 634, 642, 649, 657, 665, 673, 681,
  690, 698, 706, 715, 723, 732, 741, 750, 759, 768, 777, 787, 796, 806, 816, 825, 835, 845, 856, 866, 876, 887, 898,
  909, 920, 931, 942, 953, 965, 976, 988,
]
const oneTwoFive = [10, 20, 50]

/** A number of a series: `number` times ten to the `exponent`. */
interface Neighbour {
  readonly number: number
  readonly exponent: number
}

export interface Granularity {
  /** The least number of the series that is greater than `n`, which is greater than 0. */
  up(n: number): Neighbour
  /** The greatest number of the series that is less than `n`, which is greater than 0. */
  down(n: number): Neighbour
}

/** As the product of doubles that MongoDB takes: 63 * 0.1 is 6.300000000000001. */
export function doubleOf({ number, exponent }: Neighbour): number {
  return number * powerOf(exponent)
}

/** As MongoDB's product of decimals. */
export function decimalOfNeighbour({ number, exponent }: Neighbour, granularity: Granularity): Decimal {
  if (granularity === powersOfTwo) return exactDecimal(number)
  const power: Decimal =
    exponent < 0
      ? { form: 'finite', negative: false, coefficient: 1n, exponent }
      : { form: 'finite', negative: false, coefficient: powerOfTen(exponent), exponent: 0 }
  return multiplyDecimals(decimalOfDouble(number), power)
}

function powerOf(exponent: number): number {
  if (exponent >= 0) return 10 ** exponent
  let power = 1
  for (let i = exponent; i < 0; i++) power /= 10
  return power
}

const powersOfTwo: Granularity = {
  up: (n) => ({ number: 2 ** (Math.floor(Math.log2(n)) + 1), exponent: 0 }),
  down: (n) => ({ number: 2 ** (Math.ceil(Math.log2(n)) - 1), exponent: 0 }),
}

export const granularities: ReadonlyMap<string, Granularity> = new Map([
  ['R5', decades(renard5)],
  ['R10', decades(renard10)],
  ['R20', decades(renard20)],
  ['R40', decades(renard40)],
  ['R80', decades(renard80)],
  ['1-2-5', decades(oneTwoFive)],
  ['E6', decades(e6)],
  ['E12', decades(e12)],
  ['E24', decades(e24)],
  ['E48', decades(e48)],
  ['E96', decades(e96)],
  ['E192', decades(e192)],
  ['POWERSOF2', powersOfTwo],
])

/** `base`: one decade, ascending. */
function decades(base: readonly number[]): Granularity {
  const decade = base[0]! >= 100 ? 2 : 1
  return {
    up(n) {
      for (let exponent = Math.floor(Math.log10(n)) - 1 - decade; ; exponent++) {
        for (const number of base) if (doubleOf({ number, exponent }) > n) return { number, exponent }
      }
    },
    down(n) {
      for (let exponent = Math.floor(Math.log10(n)) + 1 - decade; ; exponent--) {
        const number = base.findLast((each) => doubleOf({ number: each, exponent }) < n)
        if (number !== undefined) return { number, exponent }
      }
    },
  }
}
