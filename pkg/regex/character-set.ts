/** Sets of characters: what one place in a text may be. */
import { caseVariants } from './case-variants.ts'

export class CharacterSet {
  /** Pairs of first and last, in any order. */
  readonly ranges: readonly number[]
  /** Source texts of JavaScript classes (`\p{L}`), also in the set. */
  readonly properties: readonly string[]
  readonly negated: boolean
  readonly caseless: boolean
  /** For the first 128 code points: 1 when in the set. Made when it is first asked for. */
  #ascii: Uint8Array | undefined
  readonly #propertyTests: readonly RegExp[]

  constructor(ranges: readonly number[], properties: readonly string[], negated: boolean, caseless: boolean) {
    this.ranges = ranges
    this.properties = properties
    this.negated = negated
    this.caseless = caseless
    this.#propertyTests = properties.map((source) => new RegExp(`^${source}$`, caseless ? 'iu' : 'u'))
  }

  has(codePoint: number): boolean {
    if (codePoint >= 128) return this.#decide(codePoint)
    this.#ascii ??= Uint8Array.from({ length: 128 }, (_, each) => (this.#decide(each) ? 1 : 0))
    return this.#ascii[codePoint] === 1
  }

  /** The one character it holds, when it is a plain one; -1 otherwise. */
  get only(): number {
    const { ranges } = this
    const plain = !this.negated && !this.caseless && this.properties.length === 0 && ranges.length === 2
    return plain && ranges[0] === ranges[1] ? ranges[0]! : -1
  }

  #decide(codePoint: number): boolean {
    return this.#lists(codePoint) !== this.negated
  }

  #lists(codePoint: number): boolean {
    if (this.#inRanges(codePoint)) return true
    if (this.#propertyTests.some((test) => test.test(String.fromCodePoint(codePoint)))) return true
    return this.caseless && caseVariants(codePoint).some((variant) => this.#inRanges(variant))
  }

  #inRanges(codePoint: number): boolean {
    const { ranges } = this
    for (let i = 0; i < ranges.length; i += 2) if (codePoint >= ranges[i]! && codePoint <= ranges[i + 1]!) return true
    return false
  }
}

/** The set of one character, or of it in both cases. */
export function literalSet(codePoint: number, caseless: boolean): CharacterSet {
  if (!caseless) return new CharacterSet([codePoint, codePoint], [], false, false)
  const all = [codePoint, ...caseVariants(codePoint)]
  return new CharacterSet(
    all.flatMap((each) => [each, each]),
    [],
    false,
    false,
  )
}

const last = 0x10ffff

export const digits = [0x30, 0x39]
export const wordCharacters = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a]
export const whiteSpace = [0x09, 0x0d, 0x20, 0x20]
export const horizontalSpace = [
  0x09, 0x09, 0x20, 0x20, 0xa0, 0xa0, 0x1680, 0x1680, 0x180e, 0x180e, 0x2000, 0x200a, 0x202f, 0x202f, 0x205f, 0x205f,
  0x3000, 0x3000,
]
export const verticalSpace = [0x0a, 0x0d, 0x85, 0x85, 0x2028, 0x2029]
export const everything = [0, last]

/** What the ranges leave out. */
export function complement(ranges: readonly number[]): number[] {
  const pairs: [number, number][] = []
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i]!, ranges[i + 1]!])
  pairs.sort((a, b) => a[0] - b[0])
  const left: number[] = []
  let next = 0
  for (const [from, to] of pairs) {
    if (from > next) left.push(next, from - 1)
    if (to + 1 > next) next = to + 1
  }
  if (next <= last) left.push(next, last)
  return left
}

/** POSIX classes by name, over ASCII. */
export const posixClasses: ReadonlyMap<string, readonly number[]> = new Map([
  ['alnum', [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a]],
  ['alpha', [0x41, 0x5a, 0x61, 0x7a]],
  ['ascii', [0, 0x7f]],
  ['blank', [0x09, 0x09, 0x20, 0x20]],
  ['cntrl', [0, 0x1f, 0x7f, 0x7f]],
  ['digit', digits],
  ['graph', [0x21, 0x7e]],
  ['lower', [0x61, 0x7a]],
  ['print', [0x20, 0x7e]],
  ['punct', [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e]],
  ['space', whiteSpace],
  ['upper', [0x41, 0x5a]],
  ['word', wordCharacters],
  ['xdigit', [0x30, 0x39, 0x41, 0x46, 0x61, 0x66]],
])
