import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'
import { ByteSearch } from './byte-search.ts'

const document = '{"s":"héllo wörld","e":"","n":null,"i":5,"smile":"a😀b😀c","d":{"$date":"2024-01-02T03:04:05.006Z"}}'

describe('string operators', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"$concat":["$s","!",""]}', 'héllo wörld!'],
    ['{"$concat":["$s","$none"]}', null],
    ['{"$indexOfBytes":["$s","o"]}', 5],
    ['{"$indexOfCP":["$s","o"]}', 4],
    ['{"$indexOfBytes":["$s","o",6,9]}', -1],
    ['{"$indexOfCP":["$smile","😀",2]}', 3],
    ['{"$indexOfBytes":["$e",""]}', 0],
    ['{"$indexOfCP":["$e",""]}', 0],
    ['{"$indexOfCP":["abc","",3]}', -1],
    ['{"$indexOfBytes":["abc","",3]}', 3],
    ['{"$indexOfCP":["abcd","cd",0,3]}', 2],
    ['{"$indexOfBytes":["abcd","cd",0,3]}', -1],
    ['{"$indexOfBytes":["$n","a"]}', null],
    ['{"$trim":{"input":" \\t\\u0000a b\\u00a0\\n"}}', 'a b'],
    ['{"$ltrim":{"input":"😀😀a😀","chars":"😀"}}', 'a😀'],
    ['{"$rtrim":{"input":"a😀😀","chars":"x😀"}}', 'a'],
    ['{"$trim":{"input":"$n","chars":5}}', null],
    ['{"$trim":{"input":"xx","chars":"x"}}', ''],
    ['{"$replaceOne":{"input":"aXbXc","find":"X","replacement":"--"}}', 'a--bXc'],
    ['{"$replaceAll":{"input":"aXbXc","find":"X","replacement":"--"}}', 'a--b--c'],
    ['{"$replaceAll":{"input":"aaa","find":"aa","replacement":"b"}}', 'ba'],
    ['{"$replaceAll":{"input":"é😀","find":"","replacement":"-"}}', '-é-😀-'],
    ['{"$replaceOne":{"input":"ab","find":"","replacement":"-"}}', '-ab'],
    ['{"$replaceAll":{"input":"$n","find":"a","replacement":"b"}}', null],
    ['{"$split":["$s","l"]}', ['hé', '', 'o wör', 'd']],
    ['{"$split":["$e","l"]}', ['']],
    ['{"$split":["a--b--","--"]}', ['a', 'b', '']],
    ['{"$split":["$none","l"]}', null],
    ['{"$strLenBytes":"$smile"}', 11],
    ['{"$strLenCP":"$smile"}', 5],
    ['{"$strcasecmp":["ABC","abd"]}', -1],
    ['{"$strcasecmp":["É","é"]}', -1],
    ['{"$strcasecmp":["$none",""]}', 0],
    ['{"$substrBytes":["$s",0,3]}', 'hé'],
    ['{"$substrBytes":["$s",3,-1]}', 'llo wörld'],
    ['{"$substr":["$i",0,9]}', '5'],
    ['{"$substrBytes":["abcdef",{"$numberDecimal":"2.5"},1.9]}', 'c'],
    ['{"$substrCP":["$smile",1,2]}', '😀b'],
    ['{"$substrCP":["$smile",9,2]}', ''],
    ['{"$substrCP":["$d",0,10]}', '2024-01-02'],
    ['{"$toLower":"ÀB"}', 'Àb'],
    ['{"$toUpper":"straße"}', 'STRAßE'],
    ['{"$toUpper":"$none"}', ''],
    ['{"$toLower":{"$numberDouble":"1234567.5"}}', '1.23457e+06'],
    ['{"$toLower":{"$numberDouble":"0.00001"}}', '1e-05'],
    ['{"$toLower":{"$timestamp":{"t":1704067200,"i":3}}}', 'jan  1 00:00:00:3'],
  ]
  it.each(cases)('%s', (expression, value) => {
    expect(evaluate(expression, document)).toEqual(value)
  })

  const refusals: readonly (readonly [string, number])[] = [
    ['{"$concat":["$s","$i"]}', 16702],
    ['{"$indexOfBytes":["$s"]}', 28667],
    ['{"$indexOfBytes":["$i","a"]}', 40091],
    ['{"$indexOfBytes":["$s","$n"]}', 40092],
    ['{"$indexOfCP":["$i","a"]}', 40093],
    ['{"$indexOfCP":["$s",1]}', 40094],
    ['{"$indexOfCP":["$s","a",1.5]}', 40096],
    ['{"$indexOfCP":["$s","a",-1]}', 40097],
    ['{"$trim":{"input":"a","x":1}}', 50694],
    ['{"$trim":{}}', 50695],
    ['{"$trim":"a"}', 50696],
    ['{"$trim":{"input":"$i"}}', 50699],
    ['{"$trim":{"input":"a","chars":"$i"}}', 50700],
    ['{"$replaceOne":"a"}', 51751],
    ['{"$replaceOne":{"input":"a","find":"a","replacement":"b","x":1}}', 51750],
    ['{"$replaceOne":{"find":"a","replacement":"b"}}', 51749],
    ['{"$replaceOne":{"input":"a","replacement":"b"}}', 51748],
    ['{"$replaceOne":{"input":"a","find":"b"}}', 51747],
    ['{"$replaceOne":{"input":"$i","find":"a","replacement":"b"}}', 10503904],
    ['{"$replaceAll":{"input":"$n","find":1,"replacement":"b"}}', 10503901],
    ['{"$replaceAll":{"input":"a","find":"b","replacement":"$i"}}', 10503902],
    ['{"$split":["$i",","]}', 40085],
    ['{"$split":["a",1]}', 10503900],
    ['{"$split":["a",""]}', 40087],
    ['{"$strLenBytes":"$n"}', 34473],
    ['{"$strLenCP":"$none"}', 34471],
    ['{"$strcasecmp":["a",true]}', 16007],
    ['{"$substrBytes":["$s","a",1]}', 16034],
    ['{"$substrBytes":["$s",0,"a"]}', 16035],
    ['{"$substrBytes":["$s",-1,1]}', 50752],
    ['{"$substrBytes":["$s",0,2]}', 28657],
    ['{"$substrBytes":["$s",{"$numberDecimal":"2.5"},99]}', 28656],
    ['{"$substrBytes":["$s",{"$numberDouble":"NaN"},1]}', 31109],
    ['{"$substrCP":["$s","a",1]}', 34450],
    ['{"$substrCP":["$s",0.5,1]}', 34451],
    ['{"$substrCP":["$s",0,"a"]}', 34452],
    ['{"$substrCP":["$s",0,0.5]}', 34453],
    ['{"$substrCP":["$s",0,-1]}', 34454],
    ['{"$substrCP":["$s",-1,1]}', 34455],
    ['{"$toLower":{"$date":{"$numberLong":"9223372036854775807"}}}', 18537],
  ]
  it.each(refusals)('%s is refused with %i', (expression, code) => {
    expect(codeOf(expression, document)).toBe(code)
  })

  it('refuse strings beyond 16 MB', () => {
    const doubling = (body: string) => `{"$reduce":{"input":{"$range":[0,40]},"initialValue":"abcdefgh","in":${body}}}`
    for (const body of [
      '{"$concat":["$$value","$$value"]}',
      '{"$replaceAll":{"input":"$$value","find":"a","replacement":"$$value"}}',
    ])
      expect(codeOf(doubling(body), undefined, undefined, 1e9)).toBe(16493)
  })

  it('agree with JavaScript on random text', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀', 'ab'), maxLength: 30 })
    fc.assert(
      fc.property(text, text, text, fc.nat(20), fc.nat(20), (s, find, replacement, start, count) => {
        const given = JSON.stringify({ s, f: find, r: replacement, i: start, n: count })
        const codePoints = [...s]
        expect(evaluate('{"$substrCP":["$s","$i","$n"]}', given)).toBe(codePoints.slice(start, start + count).join(''))
        expect(evaluate('{"$strLenCP":"$s"}', given)).toBe(codePoints.length)
        expect(evaluate('{"$strLenBytes":"$s"}', given)).toBe(Buffer.byteLength(s))
        if (find === '') return
        const at = s.indexOf(find)
        expect(evaluate('{"$replaceAll":{"input":"$s","find":"$f","replacement":"$r"}}', given)).toBe(
          s.replaceAll(find, () => replacement),
        )
        expect(evaluate('{"$split":["$s","$f"]}', given)).toEqual(s.split(find))
        expect(evaluate('{"$indexOfCP":["$s","$f"]}', given)).toBe(at < 0 ? -1 : [...s.slice(0, at)].length)
        expect(evaluate('{"$indexOfBytes":["$s","$f"]}', given)).toBe(at < 0 ? -1 : Buffer.byteLength(s.slice(0, at)))
      }),
      { numRuns: 150 },
    )
  })
})

describe('the search for bytes', () => {
  it('takes linear time where every start nearly matches', () => {
    const text = new Uint8Array(4_000_000).fill(97)
    const sought = new Uint8Array(2_000_000).fill(97)
    sought[sought.length - 1] = 98
    const search = new ByteSearch()
    search.lookFor(sought, 0, sought.length)
    expect(search.find(text, 0, text.length)).toBe(-1)
    text[3_999_999] = 98
    expect(search.find(text, 0, text.length)).toBe(2_000_000)
  })
})

describe('regular expressions', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['{"$regexMatch":{"input":"$s","regex":"W.R"}}', false],
    ['{"$regexMatch":{"input":"$s","regex":"W.R","options":"i"}}', true],
    ['{"$regexMatch":{"input":"$s","regex":{"$regularExpression":{"pattern":"W.RL","options":"i"}}}}', true],
    ['{"$regexMatch":{"input":"$n","regex":"a"}}', false],
    ['{"$regexFind":{"input":"$smile","regex":"(😀)(x)?b"}}', { match: '😀b', idx: 1, captures: ['😀', null] }],
    ['{"$regexFind":{"input":"$s","regex":"$n"}}', null],
    ['{"$regexFind":{"input":"$s","regex":"zzz"}}', null],
    [
      '{"$regexFindAll":{"input":"$smile","regex":"😀"}}',
      [
        { match: '😀', idx: 1, captures: [] },
        { match: '😀', idx: 3, captures: [] },
      ],
    ],
    [
      '{"$regexFindAll":{"input":"ab","regex":"x*"}}',
      [
        { match: '', idx: 0, captures: [] },
        { match: '', idx: 1, captures: [] },
      ],
    ],
    ['{"$regexFindAll":{"input":"","regex":"x*"}}', [{ match: '', idx: 0, captures: [] }]],
    ['{"$regexFindAll":{"input":"$none","regex":"x"}}', []],
  ]
  it.each(cases)('%s', (expression, value) => {
    expect(evaluate(expression, document)).toEqual(value)
  })

  const refusals: readonly (readonly [string, number])[] = [
    ['{"$regexMatch":1}', 51103],
    ['{"$regexMatch":{"regex":"a"}}', 31022],
    ['{"$regexMatch":{"input":"a"}}', 31023],
    ['{"$regexMatch":{"input":"a","regex":"a","x":1}}', 31024],
    ['{"$regexMatch":{"input":"$i","regex":"a"}}', 51104],
    ['{"$regexMatch":{"input":"$i","regex":1}}', 51105],
    ['{"$regexMatch":{"input":"a","regex":"a","options":1}}', 51106],
    ['{"$regexMatch":{"input":"a","regex":{"$regularExpression":{"pattern":"a","options":"i"}},"options":"i"}}', 51107],
    ['{"$regexMatch":{"input":"a","regex":"a","options":"g"}}', 51108],
    ['{"$regexMatch":{"input":"a","regex":"a\\u0000"}}', 51109],
    ['{"$regexMatch":{"input":"a","regex":"a","options":"i\\u0000"}}', 51110],
    ['{"$regexMatch":{"input":"$n","regex":"("}}', 51111],
  ]
  it.each(refusals)('%s is refused with %i', (expression, code) => {
    expect(codeOf(expression, document)).toBe(code)
  })
})
