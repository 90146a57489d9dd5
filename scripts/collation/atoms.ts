/** The characters and contractions that have collation elements of their own. */
import type { Collators } from './probe.ts'

const joiner = '\u034f'

/** Every assigned character that does not decompose canonically. */
export function characters(): string[] {
  const found: string[] = []
  for (let code = 0; code < 0x110000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue
    const text = String.fromCodePoint(code)
    if (/^[\p{Cn}\p{Co}]$/u.test(text) || text.normalize('NFD') !== text || text === joiner) continue
    found.push(text)
  }
  return found
}

/** Vowels written before the consonant that they follow in order. */
const logicalOrderException = /^\p{Logical_Order_Exception}$/u

const scripts = [
  'Latin',
  'Greek',
  'Cyrillic',
  'Armenian',
  'Hebrew',
  'Arabic',
  'Syriac',
  'Thaana',
  'Devanagari',
  'Bengali',
  'Gurmukhi',
  'Gujarati',
  'Oriya',
  'Tamil',
  'Telugu',
  'Kannada',
  'Malayalam',
  'Sinhala',
  'Thai',
  'Lao',
  'Tibetan',
  'Myanmar',
  'Georgian',
  'Khmer',
  'Mongolian',
  'New_Tai_Lue',
  'Tai_Le',
  'Tai_Tham',
  'Tai_Viet',
  'Balinese',
  'Javanese',
  'Hiragana',
  'Katakana',
  'Ethiopic',
  'Cherokee',
  'Bopomofo',
]

/** Letters and marks that are met in contractions, script by script. */
function alphabets(atoms: readonly string[]): string[][] {
  const shared = [..."\u00b7\u02bb\u02bc\u02bd\u02be\u02bf\u02b9\u30fc\u3099\u309a'\u2019"]
  return scripts.map((script) => {
    const own = new RegExp(`^\\p{Script=${script}}$`, 'u')
    const plain = /^[\p{L}\p{M}]$/u
    const list = atoms.filter((atom) => own.test(atom) && plain.test(atom))
    // Compatibility letters are in no contraction.
    const letters = list.filter((atom) => atom.normalize('NFKD') === atom)
    return [...(script === 'Latin' ? letters.filter((atom) => atom.codePointAt(0)! < 0x250) : letters), ...shared]
  })
}

function isStarter(text: string): boolean {
  return ('\u0345' + text).normalize('NFD') === '\u0345' + text
}

/** Strings of two and more characters whose elements are not those of their characters. */
export function contractions(collators: Collators, atoms: readonly string[]): string[] {
  const { variant } = collators
  const found = new Set<string>()
  const apart = (parts: readonly string[]): boolean => variant(parts.join(''), parts.join(joiner)) !== 0
  for (let code = 0; code < 0x30000; code++) {
    if (code >= 0xac00 && code < 0xe000) continue
    const text = String.fromCodePoint(code)
    const decomposed = text.normalize('NFD')
    if (decomposed === text) continue
    const parts = [...decomposed]
    for (let length = 2; length <= parts.length; length++) {
      const part = parts.slice(0, length)
      if (found.has(part.join(''))) continue
      const known = found.has(part.slice(0, -1).join(''))
      if (known ? variant(part.join(''), part.slice(0, -1).join('') + joiner + part.at(-1)!) !== 0 : apart(part)) {
        found.add(part.join(''))
      }
    }
  }
  for (const letters of alphabets(atoms)) {
    for (const first of letters) {
      if (!isStarter(first)) continue
      for (const second of letters) if (!found.has(first + second) && apart([first, second])) found.add(first + second)
    }
    for (const pair of [...found]) {
      const [first, second, more] = [...pair]
      if (more !== undefined || !letters.includes(first!)) continue
      for (const third of letters) {
        const text = pair + third
        if (!found.has(text) && variant(text, pair + joiner + third) !== 0 && isNew(text)) found.add(text)
      }
      const doubled = first! + first! + second!
      if (!found.has(doubled) && variant(doubled, first! + joiner + pair) !== 0) found.add(doubled)
      void second
    }
  }
  for (const first of 'cC') {
    for (const middle of "'\u2019\u02bc") {
      for (const last of 'hH') {
        if (variant(first + middle + last, first + joiner + middle + joiner + last) !== 0)
          found.add(first + middle + last)
      }
    }
  }
  return [...found]

  /** The last two may be a contraction of their own: `l` + `lj`. */
  function isNew(text: string): boolean {
    const [first, second, third] = [...text]
    return variant(text, first! + joiner + second! + third!) !== 0
  }
}

export function isLogicalOrderException(text: string): boolean {
  return logicalOrderException.test(text)
}
