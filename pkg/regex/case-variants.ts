/** Which code points are the same letter when case does not count: Unicode's simple case folding. */

/** Letters of which a rarer code point is a variant: the only ASCII letters that have one. */
const kelvin = 0x212a
const longS = 0x17f

/** The other code points that are the same as `codePoint`, without itself. */
export function caseVariants(codePoint: number): readonly number[] {
  if (codePoint < 0x80) {
    const lower = codePoint | 0x20
    if (lower < 0x61 || lower > 0x7a) return none
    const other = codePoint ^ 0x20
    if (lower === 0x6b) return [other, kelvin]
    return lower === 0x73 ? [other, longS] : [other]
  }
  families ??= buildFamilies()
  return families.get(codePoint) ?? none
}

const none: readonly number[] = []
let families: Map<number, readonly number[]> | undefined

/** Only these planes have letters with case. */
const casedEnd = 0x1ea00
const rangeSize = 0x1000

/** Every code point with variants, by itself. Built when a caseless pattern first holds a letter beyond ASCII. */
function buildFamilies(): Map<number, readonly number[]> {
  const byFold = new Map<number, number[]>()
  for (let from = 0; from < casedEnd; from += rangeSize) {
    const range = Array.from({ length: rangeSize }, (_, i) => from + i).filter((code) => code < 0xd800 || code > 0xdfff)
    for (const letter of String.fromCodePoint(...range).match(/\p{Changes_When_Casemapped}/gu) ?? []) {
      const codePoint = letter.codePointAt(0)!
      const fold = foldOf(codePoint)
      const family = byFold.get(fold)
      if (family === undefined) byFold.set(fold, [codePoint])
      else family.push(codePoint)
    }
  }
  const variants = new Map<number, readonly number[]>()
  for (const family of byFold.values()) {
    if (family.length === 1) continue
    for (const codePoint of family) variants.set(codePoint, without(family, codePoint))
  }
  return variants
}

function without(family: readonly number[], codePoint: number): number[] {
  return family.filter((other) => other !== codePoint)
}

/** Turkish dotted and dotless i fold to themselves. */
function foldOf(codePoint: number): number {
  if (codePoint === 0x130 || codePoint === 0x131) return codePoint
  const upper = single(String.fromCodePoint(codePoint).toUpperCase(), codePoint)
  return single(String.fromCodePoint(upper).toLowerCase(), upper)
}

function single(text: string, otherwise: number): number {
  const codePoint = text.codePointAt(0)!
  return text.length === (codePoint > 0xffff ? 2 : 1) ? codePoint : otherwise
}
