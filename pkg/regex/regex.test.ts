import { describe, expect, it } from 'vitest'
import { utf8Bytes } from '../bson/utf8.ts'
import { Automaton } from './automaton.ts'
import { Matcher } from './matcher.ts'
import { isAnchored } from './native.ts'
import { parseRegex } from './parse.ts'
import { buildProgram } from './program.ts'
import { compileRegex, regexPrefix } from './regex.ts'

/** Start, end and captures of the first match. */
function found(pattern: string, text: string, options = ''): unknown[] | undefined {
  const match = compileRegex(pattern, options).exec(text)
  return match && [match.start, match.end, ...match.captures]
}

function refusal(pattern: string): string {
  try {
    compileRegex(pattern)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error(`${pattern} was not refused`)
}

describe('patterns', () => {
  it('have the meaning of PCRE where JavaScript has another', () => {
    expect(found('a$', 'a\n')).toEqual([0, 1])
    expect(found('a\\z', 'a\n')).toBeUndefined()
    expect(found('^', 'a\n', 'm')).toEqual([0, 0])
    expect(compileRegex('x\\n^', 'm').test('x\n')).toBe(false)
    expect(found('\\v', '\u2028')).toEqual([0, 1])
    expect(found('\\s', '\u00a0')).toBeUndefined()
    expect(found('\\w', 'é')).toBeUndefined()
    expect(found('(?:(a)|b)\\1', 'ba')).toBeUndefined()
    expect(found('a++ab', 'aaab')).toBeUndefined()
    expect(found('(?>a|ab)c', 'abc')).toBeUndefined()
    expect(found('(?<=a)b|(?<!a)c', 'ac b ab')).toEqual([6, 7])
    expect(found('(?i:A)b', 'ab')).toEqual([0, 2])
    expect(found('(?i:A)b', 'aB')).toBeUndefined()
    expect(found('a(?i)b|c', 'C')).toEqual([0, 1])
    expect(found('\\Qa.b\\E+', 'a.bb')).toEqual([0, 4])
    expect(found('a b # comment', 'ab', 'x')).toEqual([0, 2])
    expect(found('[[:alpha:]_]+', '1ab_2')).toEqual([1, 4])
    expect(found('[]a]+', 'x]a')).toEqual([1, 3])
    expect(found('\\x{1F389}|\\101', 'A')).toEqual([0, 1])
    expect(found('a{,3}', 'a{,3}')).toEqual([0, 5])
    expect(found('(?P<year>\\d+)-(?P=year)', '12-12')).toEqual([0, 5, '12'])
    expect(found('(a)(?=(b))', 'ab')).toEqual([0, 1, 'a', 'b'])
    expect(found('.', '🎉')).toEqual([0, 2])
    expect(found('[^a]', '🎉')).toEqual([0, 2])
    expect(found('\\R', 'a\r\n')).toEqual([1, 3])
  })

  it('take letters in either case, beyond ASCII too', () => {
    expect(found('straße', 'STRASSE STRAßE', 'i')).toEqual([8, 14])
    expect(found('é', 'É', 'i')).toEqual([0, 1])
    expect(found('k', '\u212a', 'i')).toEqual([0, 1])
    expect(found('[a-c]+', 'xABc', 'i')).toEqual([1, 4])
    expect(found('[^a-c]+', 'ABx', 'i')).toEqual([2, 3])
    expect(found('[k-s]', '\u017f', 'i')).toEqual([0, 1])
    expect(found('[\\dа-я]+', '1Я', 'i')).toEqual([0, 2])
    expect(found('[а-я]+', 'ПРИВЕТ', 'i')).toEqual([0, 6])
    expect(found('σ', 'ς', 'i')).toEqual([0, 1])
    expect(found('(é)\\1', 'éÉ', 'i')).toEqual([0, 2, 'é'])
  })

  it('are refused by what is wrong with them', () => {
    expect(refusal('(a')).toContain('missing closing parenthesis')
    expect(refusal('a)')).toContain('unmatched closing parenthesis')
    expect(refusal('[a')).toContain('missing terminating ]')
    expect(refusal('*a')).toContain('quantifier does not follow')
    expect(refusal('a**')).toContain('quantifier does not follow')
    expect(refusal('a{3,2}')).toContain('out of order')
    expect(refusal('[z-a]')).toContain('out of order')
    expect(refusal('(?<=a+)b')).toContain('not fixed length')
    expect(refusal('\\2(a)')).toContain('non-existent subpattern')
    expect(refusal('(?R)')).toContain('recursion')
    expect(refusal('(*ACCEPT)')).toContain('VERB')
    expect(refusal('\\p{Nonsense}')).toContain('unknown property')
    expect(refusal('(?:(?:a{1000}){1000}){1000}')).toContain('too large')
    expect(refusal('a\\')).toContain('end of pattern')
  })
})

describe('hostile patterns', () => {
  const long = 'a'.repeat(20_000)

  it.each([
    '(a+)+$',
    '(a|aa)+$',
    '(a*)*b',
    '(x+x+)+y',
    '(.*)*.*=.*',
    '(?:a?){30}a{30}b',
    '(a|a?)+b',
    '(?=(a+)+b)a',
    '(?>(a|aa)+)b',
  ])('%s ends soon', (pattern) => {
    const started = performance.now()
    try {
      compileRegex(pattern).test(`${long}!`)
    } catch (error) {
      expect(error).toMatchObject({ code: 51156 })
    }
    expect(performance.now() - started).toBeLessThan(2000)
  })

  it('with back references end with the match limit', () => {
    expect(() => compileRegex('(a*)*\\1b').test('a'.repeat(40))).toThrow(expect.objectContaining({ code: 51156 }))
  })

  it('of nothing repeated are no work', () => {
    expect(compileRegex('(?:(?:(?:){65535}){65535}){65535}').test('')).toBe(true)
  })
})

describe('plain texts', () => {
  it('are found in bytes', () => {
    const text = utf8Bytes('xx grüße an alle')
    const test = (pattern: string) => compileRegex(pattern).testUtf8(text, 0, text.length)
    expect(test('grüße')).toBe(true)
    expect(test('gruße')).toBe(false)
    expect(test('^xx')).toBe(true)
    expect(test('^grüße')).toBe(false)
    expect(test('.*an a.*')).toBe(true)
    expect(test('alle$')).toBe(true)
  })

  it('give prefixes to plan with', () => {
    const prefix = (pattern: string, options = '') => regexPrefix(compileRegex(pattern, options))
    expect(prefix('^abc')).toEqual({ prefix: 'abc', exact: true })
    expect(prefix('^abc.*')).toEqual({ prefix: 'abc', exact: true })
    expect(prefix('^abc+')).toEqual({ prefix: 'ab', exact: false })
    expect(prefix('^a\\.b[0-9]')).toEqual({ prefix: 'a.b', exact: false })
    expect(prefix('^(ab)c$')).toEqual({ prefix: 'abc', exact: false })
    expect(prefix('abc')).toBeUndefined()
    expect(prefix('^abc|d')).toBeUndefined()
    expect(prefix('^abc', 'i')).toBeUndefined()
    expect(prefix('^abc', 'm')).toBeUndefined()
  })
})

/** Patterns and texts over a small alphabet, of what means the same in JavaScript. */
function randomPatterns(seed: number): () => { pattern: string; text: string } {
  let state = seed
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  const atoms = ['a', 'b', 'c', '.', '[ab]', '[^a]', '\\d', 'é', '🎉', '\\b', '^']
  const pattern = (depth: number): string => {
    let text = ''
    for (let left = below(4); left >= 0; left--) {
      const kind = depth === 0 ? 0 : below(8)
      if (kind === 1) text += `(?:${pattern(depth - 1)}|${pattern(depth - 1)})`
      else if (kind === 2) text += `(${pattern(depth - 1)})`
      else if (kind === 3) text += `(?${below(2) === 0 ? '=' : '!'}${pattern(depth - 1)})`
      else {
        const atom = atoms[below(atoms.length)]!
        text += atom
        if (atom === '^' || atom === '\\b') continue
      }
      if (kind === 3) continue
      text += ['', '', '', '*', '+', '?', '*?', '{1,2}'][below(8)]
    }
    return text
  }
  const letters = ['a', 'b', 'c', '1', 'é', '🎉', ' ']
  return () => ({
    pattern: pattern(2),
    text: Array.from({ length: below(9) }, () => letters[below(letters.length)]).join(''),
  })
}

describe('the automaton', () => {
  const automatonOf = (pattern: string, flags = ''): Automaton => {
    const parsed = parseRegex(pattern, {
      caseless: flags.includes('i'),
      multiline: flags.includes('m'),
      dotAll: flags.includes('s'),
      extended: false,
    })
    return Automaton.of(buildProgram(parsed), isAnchored(parsed.root))!
  }
  const test = (automaton: Automaton, text: string): boolean => {
    const bytes = utf8Bytes(text)
    return automaton.test(bytes, 0, bytes.length)
  }

  it('knows the edges of texts, lines and words', () => {
    const patterns = ['^a', 'a$', 'a\\z', '^$', '\\ba', 'a\\b', '\\Ba', 'b\\n?$', '(?:^|b)+$', '\\Aa|b\\Z']
    const texts = ['', 'a', 'b', 'a\n', '\na', 'ab', 'ba', 'a b', 'b\na', 'a\n\n', 'éa', 'b\n']
    for (const flags of ['', 'm', 'i', 's']) {
      for (const pattern of patterns) {
        const automaton = automatonOf(pattern, flags)
        for (const text of texts) {
          const own = new Matcher(
            buildProgram(
              parseRegex(pattern, {
                caseless: flags === 'i',
                multiline: flags === 'm',
                dotAll: flags === 's',
                extended: false,
              }),
            ),
          )
          expect(test(automaton, text), `${pattern} ${flags} on ${JSON.stringify(text)}`).toBe(own.match(text, 0))
        }
      }
    }
  })

  it('tells a great many characters apart', () => {
    const letters = Array.from({ length: 300 }, (_, i) => String.fromCodePoint(0x4e00 + i))
    const automaton = automatonOf(`^(?:${letters.join('|')})+x`)
    expect(test(automaton, `${letters.join('').repeat(3)}x`)).toBe(true)
    expect(test(automaton, `${letters.join('')}丂龥x`)).toBe(false)
    expect(test(automaton, `${letters.toReversed().join('')}x`)).toBe(true)
  })

  it('forgets states when there are too many, and goes on', () => {
    const automaton = automatonOf('^(?:a|b)*a(?:a|b){11}c')
    let text = ''
    for (let i = 0, state = 1; i < 2500; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      text += (state >>> 16) % 2 === 0 ? 'a' : 'b'
    }
    for (let i = 0; i < 3; i++) expect(test(automaton, `${text}a${'b'.repeat(11)}c`)).toBe(true)
    expect(test(automaton, `${text}b${'b'.repeat(11)}c`)).toBe(false)
  })

  it('looks at each byte of a long text once', () => {
    const automaton = automatonOf('(a+)+b')
    const bytes = new Uint8Array(4_000_000).fill(0x61)
    expect(automaton.test(bytes, 0, bytes.length)).toBe(false)
    bytes[bytes.length - 1] = 0x62
    expect(automaton.test(bytes, 0, bytes.length)).toBe(true)
  })

  it('gives up a text with a new state at every character', () => {
    const automaton = automatonOf('(?:a{1,100}){1,100}b')
    expect(() => test(automaton, 'a'.repeat(100_000))).toThrow(expect.objectContaining({ code: 51156 }))
  })
})

describe('random patterns', () => {
  it('match where they do in JavaScript, by every way of matching', () => {
    const next = randomPatterns(20261120)
    for (let i = 0; i < 3_000; i++) {
      const { pattern, text } = next()
      const expected = new RegExp(pattern, 'u').exec(text)
      // V8 finds empty matches in the middle of a pair, too, where no character begins.
      if (expected !== null && /[\udc00-\udfff]/.test(text.charAt(expected.index))) continue
      const regex = compileRegex(pattern)
      const where = `${pattern} on ${JSON.stringify(text)}`
      const match = regex.exec(text)
      expect(match?.start, where).toBe(expected?.index)
      // After a round of nothing PCRE goes on, and JavaScript tries the round otherwise.
      if (expected !== null && !/\)[*+?{]/.test(pattern))
        expect(match?.end, where).toBe(expected.index + expected[0].length)
      const bytes = utf8Bytes(text)
      expect(regex.testUtf8(bytes, 0, bytes.length), where).toBe(expected !== null)
      const options = { caseless: false, multiline: false, dotAll: false, extended: false }
      const parsed = parseRegex(pattern, options)
      const program = buildProgram(parsed)
      const automaton = Automaton.of(program, isAnchored(parsed.root))
      if (automaton !== undefined) expect(automaton.test(bytes, 0, bytes.length), where).toBe(expected !== null)
      const own = new Matcher(program)
      expect(own.match(text, 0), where).toBe(expected !== null)
      if (expected !== null) expect(own.slots[0], where).toBe(expected.index)
    }
  })
})
