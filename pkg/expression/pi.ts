/** π to any number of digits, for angles so great that they need that many (a decimal128 goes up to 10^6145). */

let known = 0n
let knownDigits = 0

/** The whole part of π * 10^digits. Some milliseconds for 6000 digits, once. */
export function piDigits(digits: number): bigint {
  if (digits > knownDigits) {
    const guard = 10
    const unit = 10n ** BigInt(digits + guard)
    // Machin, 1706: π/4 = 4 arctan 1/5 - arctan 1/239.
    known = (4n * (4n * inverseTangent(5n, unit) - inverseTangent(239n, unit))) / 10n ** BigInt(guard)
    knownDigits = digits
  }
  return known / 10n ** BigInt(knownDigits - digits)
}

/** arctan(1/x) in units of 1/unit. */
function inverseTangent(x: bigint, unit: bigint): bigint {
  const square = x * x
  let power = unit / x
  let sum = power
  for (let n = 3n, sign = -1n; power !== 0n; n += 2n, sign = -sign) {
    power /= square
    sum += (sign * power) / n
  }
  return sum
}
