/** Escapes of one character or of a kind of characters: `\n \x{41} \d \p{L}`. */
import {
  complement,
  digits,
  everything,
  horizontalSpace,
  verticalSpace,
  whiteSpace,
  wordCharacters,
} from './character-set.ts'
import type { PatternReader } from './pattern-reader.ts'

/** What an escape stands for: a character, or members of a set. */
export type Escape =
  | { readonly kind: 'character'; readonly codePoint: number }
  | { readonly kind: 'set'; readonly ranges: readonly number[]; readonly properties: readonly string[] }

const kinds: ReadonlyMap<string, readonly number[]> = new Map([
  ['d', digits],
  ['D', complement(digits)],
  ['w', wordCharacters],
  ['W', complement(wordCharacters)],
  ['s', whiteSpace],
  ['S', complement(whiteSpace)],
  ['h', horizontalSpace],
  ['H', complement(horizontalSpace)],
  ['v', verticalSpace],
  ['V', complement(verticalSpace)],
  ['N', complement([0x0a, 0x0a])],
])

const controls: ReadonlyMap<string, number> = new Map([
  ['a', 0x07],
  ['e', 0x1b],
  ['f', 0x0c],
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
])

/**
 * Reads what follows a backslash, the letter included. In a class a number is always octal; outside the caller has taken
 * back references before. Throws RegexSyntaxError.
 */
export function readEscape(reader: PatternReader): Escape {
  const at = reader.at - 1
  const letter = reader.take()
  const ranges = kinds.get(letter)
  if (ranges !== undefined) return { kind: 'set', ranges, properties: [] }
  const control = controls.get(letter)
  if (control !== undefined) return character(control)
  switch (letter) {
    case 'p':
    case 'P':
      return readProperty(reader, letter === 'P')
    case 'x':
      return character(readHexadecimal(reader))
    case 'o':
      if (!reader.skip('{')) throw reader.error('missing opening brace after \\o')
      return character(readBraced(reader, 8))
    case 'c': {
      const code = reader.take().toUpperCase().charCodeAt(0)
      if (!(code >= 0x20 && code < 0x7f)) throw reader.error('\\c must be followed by a printable ASCII character')
      return character(code ^ 0x40)
    }
  }
  if (letter >= '0' && letter <= '7') return character(Number.parseInt(letter + reader.match(/[0-7]{0,2}/y), 8))
  if (/[A-Za-z0-9]/.test(letter)) throw reader.error(`unrecognized character follows \\: ${letter}`, at)
  return character(letter.codePointAt(0)!)
}

function character(codePoint: number): Escape {
  return { kind: 'character', codePoint }
}

function readHexadecimal(reader: PatternReader): number {
  if (reader.skip('{')) return readBraced(reader, 16)
  const digitsFound = reader.match(/[0-9A-Fa-f]{0,2}/y)
  return digitsFound === '' ? 0 : Number.parseInt(digitsFound, 16)
}

function readBraced(reader: PatternReader, base: 8 | 16): number {
  const found = reader.match(base === 8 ? /[0-7]+/y : /[0-9A-Fa-f]+/y)
  if (found === '' || !reader.skip('}')) throw reader.error('non-hex or non-octal character in \\x{} or \\o{}')
  const codePoint = Number.parseInt(found, base)
  if (codePoint > 0x10ffff) throw reader.error('character code point value in \\x{} or \\o{} is too large')
  return codePoint
}

function readProperty(reader: PatternReader, negated: boolean): Escape {
  let name = reader.skip('{') ? reader.match(/[^}]*/y) : reader.take()
  if (name.length > 1 && !reader.skip('}')) throw reader.error('malformed \\P or \\p sequence')
  if (name.startsWith('^')) {
    negated = !negated
    name = name.slice(1)
  }
  const letter = negated ? 'P' : 'p'
  if (name === 'Any') return { kind: 'set', ranges: negated ? [] : everything, properties: [] }
  if (name === 'L&') name = 'LC'
  for (const inner of [name, `Script=${name}`]) {
    const source = `\\${letter}{${inner}}`
    if (isProperty(source)) return { kind: 'set', ranges: [], properties: [source] }
  }
  throw reader.error(`unknown property after \\P or \\p: ${name}`)
}

function isProperty(source: string): boolean {
  if (!/^\\[pP]\{[A-Za-z0-9_=]+\}$/.test(source)) return false
  try {
    return new RegExp(source, 'u').unicode
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
