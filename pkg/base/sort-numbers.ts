/**
 * Sorts numbers that are mostly spread over their range: two passes of a radix sort by where in the range they lie, then what is left
 * out of order by insertion. A fifth of the time of the typed array's own sort; where numbers crowd together, that one after all.
 */

/** Fewer are sorted as fast by the array's own sort. */
const countMin = 256
const digitBits = 11
const digits = 1 << digitBits
const placeMax = digits * digits - 1
/** Moves of the insertion, for each number, beyond which the numbers are not spread. */
const movesMax = 8

const lowCounts = new Int32Array(digits)
const highCounts = new Int32Array(digits)
let places = new Uint32Array(countMin)
let movedPlaces = new Uint32Array(countMin)
let moved = new Float64Array(countMin)

/** Sorts the first `count`, ascending. None is NaN or infinite. */
export function sortNumbers(numbers: Float64Array, count: number): void {
  if (count < countMin) {
    numbers.subarray(0, count).sort()
    return
  }
  if (places.length < count) {
    places = new Uint32Array(count)
    movedPlaces = new Uint32Array(count)
    moved = new Float64Array(count)
  }
  sortByPlace(numbers, count)
  if (!insertRest(numbers, count)) numbers.subarray(0, count).sort()
}

function sortByPlace(numbers: Float64Array, count: number): void {
  let min = numbers[0]!
  let max = min
  for (let i = 1; i < count; i++) {
    const n = numbers[i]!
    if (n < min) min = n
    if (n > max) max = n
  }
  if (min === max) return
  const scale = placeMax / (max - min)
  lowCounts.fill(0)
  highCounts.fill(0)
  for (let i = 0; i < count; i++) {
    const place = ((numbers[i]! - min) * scale) >>> 0
    places[i] = place
    lowCounts[place & (digits - 1)]!++
    highCounts[place >>> digitBits]!++
  }
  startsOf(lowCounts)
  startsOf(highCounts)
  for (let i = 0; i < count; i++) {
    const place = places[i]!
    const to = lowCounts[place & (digits - 1)]!++
    moved[to] = numbers[i]!
    movedPlaces[to] = place
  }
  for (let i = 0; i < count; i++) numbers[highCounts[movedPlaces[i]! >>> digitBits]!++] = moved[i]!
}

/** How many there are of each digit becomes where the first of them goes. */
function startsOf(counts: Int32Array): void {
  let start = 0
  for (let i = 0; i < digits; i++) {
    const count = counts[i]!
    counts[i] = start
    start += count
  }
}

/** Numbers in one place are brought in order; false: there are too many. */
function insertRest(numbers: Float64Array, count: number): boolean {
  let movesLeft = count * movesMax
  for (let i = 1; i < count; i++) {
    const n = numbers[i]!
    let to = i
    while (to > 0 && numbers[to - 1]! > n) {
      numbers[to] = numbers[to - 1]!
      to--
    }
    numbers[to] = n
    movesLeft -= i - to
    if (movesLeft < 0) return false
  }
  return true
}
