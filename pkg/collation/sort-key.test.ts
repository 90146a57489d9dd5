/** Sort keys against Intl.Collator, whose ICU they do without: the same order and the same equality, over many scripts. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { buildDocument } from '../bson/build.ts'
import { stringValue } from '../bson/value.ts'
import { keyVersion } from './sort-key.ts'
import { parseCollation } from './spec.ts'
import { rootTable } from './tables/root.ts'
import { tailoredTables } from './tables/tailored.ts'
import icuOrders from './testdata/icu-orders.json' with { type: 'json' }

const pools = [
  'abcdefgABCDEFGzZyYxX',
  'abcàáâäåÅçéèßœæøđłŁñ',
  'aoue\u0308\u0323\u0301\u030a',
  'абвгдийЙёя\u0306',
  'αβγάΐώΩς',
  'אבגד\u05b0',
  'ابتآأؤ',
  'कखगािी\u094d',
  'กขคเแ',
  '一丁丨亜中文漢字',
  'あいうアイウぁガが',
  '가나다각한글',
  '0123456789²½',
  ' -_.,!?()\u00a0\u3000',
  'ﬁﬀ①㎏ＡａⅣⅳªº',
  '😀😁🎉€$¥',
  'hschlljnzsdzcszsgynyngthDZCH',
  'őűąęčćšžğıİơưọủъўґ',
].map((pool) => [...pool])

/** Repeatable. */
class Texts {
  #seed: number

  constructor(seed: number) {
    this.#seed = seed
  }

  below(n: number): number {
    this.#seed = (Math.imul(this.#seed, 1103515245) + 12345) >>> 0
    return (this.#seed >>> 8) % n
  }

  text(): string {
    const pool = this.#pool()
    const length = this.below(6)
    let text = ''
    for (let i = 0; i < length; i++) text += this.#of(this.below(5) === 0 ? this.#pool() : pool)
    return text
  }

  /** Like another, but for one place. */
  changed(text: string): string {
    const characters = [...text]
    if (characters.length === 0) return this.text()
    const i = this.below(characters.length)
    const at = characters[i]!
    characters[i] = [at.toUpperCase(), at.toLowerCase(), at.normalize('NFKD'), at.normalize('NFD'), '', at + '\u0301'][
      this.below(6)
    ]!
    return characters.join('')
  }

  #pool(): readonly string[] {
    return pools[this.below(pools.length)]!
  }

  #of(pool: readonly string[]): string {
    return pool[this.below(pool.length)]!
  }
}

const levels = [
  ['base', { strength: 1 }],
  ['accent', { strength: 2 }],
  ['case', { strength: 1, caseLevel: true }],
  ['variant', { strength: 3 }],
] as const

function differences(
  locale: string,
  tag: string,
  own: Record<string, unknown>,
  intl: Intl.CollatorOptions,
  count: number,
): string[] {
  const texts = new Texts(count + locale.length)
  const found: string[] = []
  for (const [sensitivity, options] of levels) {
    if (own['caseFirst'] !== undefined && sensitivity !== 'variant') continue
    const plain = { locale, normalization: true, alternate: 'non-ignorable', caseFirst: 'off' }
    const collation = parseCollation(buildDocument({ ...plain, ...options, ...own }))!
    const reference = new Intl.Collator(tag, { sensitivity, ignorePunctuation: false, caseFirst: 'false', ...intl })
    for (let i = 0; i < count; i++) {
      const a = texts.text()
      const b = texts.below(2) === 0 ? texts.text() : texts.changed(a)
      const order = Math.sign(collation.compare(stringValue(a), stringValue(b)))
      if (order !== Math.sign(reference.compare(a, b))) found.push(`${sensitivity} ${JSON.stringify([a, b])}: ${order}`)
    }
  }
  return found
}

describe('the order of sort keys is that of Intl.Collator', () => {
  it.each([
    ['en', 'en'],
    ['fr', 'fr'],
    ['fr_CA', 'fr-CA'],
    ['sv', 'sv'],
    ['da', 'da'],
    ['de@collation=phonebook', 'de-u-co-phonebk'],
    ['es@collation=traditional', 'es-u-co-trad'],
    ['hu', 'hu'],
    ['lt', 'lt'],
    ['tr', 'tr'],
    ['vi', 'vi'],
    ['ru', 'ru'],
    ['el', 'el'],
    ['ar', 'ar'],
    ['th', 'th'],
    ['ko', 'ko'],
    ['zh', 'zh'],
    ['zh_Hant', 'zh-Hant'],
  ])('%s', (locale, tag) => {
    expect(differences(locale, tag, {}, {}, 1000)).toEqual([])
  })

  it('under numericOrdering', () => {
    expect(differences('en', 'en', { numericOrdering: true }, { numeric: true }, 2000)).toEqual([])
  })

  it.each(['upper', 'lower'] as const)('with caseFirst %s', (caseFirst) => {
    expect(differences('en', 'en', { caseFirst }, { caseFirst }, 2000)).toEqual([])
  })

  it('with punctuation shifted', () => {
    expect(differences('en', 'en', { alternate: 'shifted' }, { ignorePunctuation: true }, 2000)).toEqual([])
  })
})

it('ICU finds the same by its own routines, under all options (pairs compared by ICU 72)', () => {
  for (const { options, pairs } of icuOrders) {
    const collation = parseCollation(buildDocument({ locale: 'en', normalization: true, ...options }))!
    for (const [a, sign, b] of pairs as [string, string, string][]) {
      const order = collation.compare(stringValue(a), stringValue(b))
      expect([options, a, order < 0 ? '<' : order > 0 ? '>' : '=', b]).toEqual([options, a, sign, b])
    }
  }
})

it('keys of version 1 are made from these tables: others need another version', () => {
  const hash = createHash('sha256').update(rootTable)
  for (const [names, table] of tailoredTables) hash.update(names).update(table)
  expect([keyVersion, hash.digest('hex').slice(0, 16)]).toEqual([1, 'ea2644b59ea71905'])
})

describe('options that Intl has not', () => {
  const sorted = (options: Record<string, unknown>, texts: readonly string[]): string[] => {
    const { compare } = parseCollation(buildDocument({ locale: 'en', ...options }))!
    return [...texts].sort((a, b) => compare(stringValue(a), stringValue(b)))
  }
  const equal = (options: Record<string, unknown>, a: string, b: string): boolean =>
    parseCollation(buildDocument({ locale: 'en', ...options }))!.equal(stringValue(a), stringValue(b))

  it('strength 4 orders by what is shifted, before its absence', () => {
    expect(equal({ strength: 3, alternate: 'shifted' }, 'a-b', 'ab')).toBe(true)
    expect(sorted({ strength: 4, alternate: 'shifted' }, ['ab', 'a-b', 'a b', 'ac'])).toEqual([
      'a b',
      'a-b',
      'ab',
      'ac',
    ])
  })

  it('strength 5 tells all texts apart that do not decompose alike', () => {
    expect(equal({ strength: 3 }, 'a\u0000b', 'ab')).toBe(true)
    expect(equal({ strength: 5 }, 'a\u0000b', 'ab')).toBe(false)
    expect(equal({ strength: 5 }, '\u00e9', 'e\u0301')).toBe(true)
  })

  it('maxVariable: space shifts spaces only', () => {
    const options = { alternate: 'shifted', maxVariable: 'space' }
    expect(equal(options, 'a b', 'ab')).toBe(true)
    expect(equal(options, 'a-b', 'ab')).toBe(false)
  })

  it('caseLevel counts case without accents, and beside them', () => {
    expect(equal({ strength: 1, caseLevel: true }, 'cafe', 'café')).toBe(true)
    expect(equal({ strength: 1, caseLevel: true }, 'cafe', 'Cafe')).toBe(false)
    expect(sorted({ strength: 2, caseLevel: true }, ['Cafe', 'café', 'cafe'])).toEqual(['cafe', 'Cafe', 'café'])
    expect(sorted({ strength: 1, caseLevel: true, caseFirst: 'upper' }, ['a', 'A', 'b'])).toEqual(['A', 'a', 'b'])
  })

  it('backwards compares accents from the end', () => {
    const words = ['cote', 'coté', 'côte', 'côté']
    expect(sorted({ strength: 2 }, words)).toEqual(['cote', 'coté', 'côte', 'côté'])
    expect(sorted({ strength: 2, backwards: true }, words)).toEqual(['cote', 'côte', 'coté', 'côté'])
  })

  it('numbers of many digits keep their order', () => {
    const numbers = ['9'.repeat(254), '1' + '0'.repeat(253), '9'.repeat(253), '00', '1', '10', '2']
    expect(sorted({ numericOrdering: true }, numbers)).toEqual([
      '00',
      '1',
      '2',
      '10',
      '9'.repeat(253),
      '1' + '0'.repeat(253),
      '9'.repeat(254),
    ])
  })

  it('long runs of common weights keep their order', () => {
    const texts = [63, 64, 65, 128, 129, 200].flatMap((n) => ['a'.repeat(n), 'a'.repeat(n) + 'á', 'a'.repeat(n) + 'A'])
    const collator = new Intl.Collator('en')
    expect(sorted({}, texts)).toEqual([...texts].sort(collator.compare))
  })
})
