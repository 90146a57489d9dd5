import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildDocument } from '../../../pkg/bson/build.ts'
import { stringifyExtendedJson } from '../../../pkg/bson/ejson.ts'
import { readBson } from './bson.ts'
import { csvHeader, csvLine, readCsv } from './csv.ts'
import { column, haveTypes, splitColumns } from './csv-columns.ts'
import { dateLayout } from './date-layout.ts'
import { formatOfContent, formatOfName, nameOfFile } from './detect.ts'
import type { Chunks, Item } from './item.ts'
import { readJson, readNdjson } from './json.ts'

/** `bytes` in pieces of the given sizes, over and over. */
async function* chopped(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!
    yield bytes.slice(at, at + size)
    at += size
  }
}

async function read(
  reader: (chunks: Chunks) => AsyncIterable<readonly Item[]>,
  content: string | Uint8Array,
  sizes = [7],
): Promise<Item[]> {
  const items: Item[] = []
  for await (const some of reader(chopped(typeof content === 'string' ? Buffer.from(content) : content, sizes)))
    items.push(...some)
  return items
}

/** Items as `place: canonical JSON` or `place! problem`. */
function shown(items: readonly Item[]): string[] {
  return items.map(({ place, document, problem }) =>
    document === undefined
      ? `${place}! ${problem}`
      : `${place}: ${stringifyExtendedJson(document, { relaxed: false })}`,
  )
}

const anyDocument = fc
  .dictionary(
    fc.stringMatching(/^[a-z]{1,5}$/),
    fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.double(), fc.date({ noInvalidDate: true })),
  )
  .map((object) => buildDocument(object))
const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 })

describe.each([
  ['an array', readJson, (texts: string[]) => `[${texts.join(' ,\n')}]`],
  ['documents one after another', readJson, (texts: string[]) => texts.join(' ')],
  ['one document a line', readNdjson, (texts: string[]) => texts.map((text) => `${text}\n`).join('')],
  ['one document a line, the last without an end', readNdjson, (texts: string[]) => texts.join('\r\n')],
])('JSON as %s', (_what, reader, join) => {
  it('gives the documents back, however it is chopped up', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyDocument, { maxLength: 6 }), sizes, async (documents, cuts) => {
        const texts = documents.map((each) => stringifyExtendedJson(each, { relaxed: false }))
        const items = await read(reader, join(texts), cuts)
        expect(items.map(({ document }) => Buffer.from(document!))).toEqual(documents.map((each) => Buffer.from(each)))
      }),
    )
  })
})

describe('broken JSON', () => {
  it('is reported with its line, and lines after it are read', async () => {
    const items = await read(readNdjson, '{"a":1}\n\n{"a":}\n{"b":\n{"c":3}\nnothing\n')
    expect(items.map(({ place, document }) => [place, document !== undefined])).toEqual([
      [1, true],
      [3, false],
      [4, false],
      [5, true],
      [6, false],
    ])
  })

  it('in an array is reported with its line while the brackets match', async () => {
    const items = await read(readJson, '[\n{"a":1},\n{"a":nonsense},\n{"a":3}\n]')
    expect(items.map(({ place, document }) => [place, document !== undefined])).toEqual([
      [2, true],
      [3, false],
      [4, true],
    ])
    await expect(read(readJson, '[{"a":1},\n{"a":2}')).rejects.toThrow(/line 2/)
  })
})

describe('BSON', () => {
  it('gives the documents back, however it is chopped up', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyDocument, { maxLength: 6 }), sizes, async (documents, cuts) => {
        const items = await read(readBson, Buffer.concat(documents), cuts)
        expect(items.map(({ place, document }) => [place, Buffer.from(document!)])).toEqual(
          documents.map((each, index) => [index + 1, Buffer.from(each)]),
        )
      }),
    )
  })

  it('that is not valid is reported by its number, and the rest is read', async () => {
    const bad = Uint8Array.of(8, 0, 0, 0, 0x77, 97, 0, 0)
    const items = await read(readBson, Buffer.concat([buildDocument({ a: 1 }), bad, buildDocument({ a: 3 })]))
    expect(items.map(({ place, document }) => [place, document !== undefined])).toEqual([
      [1, true],
      [2, false],
      [3, true],
    ])
  })

  it('ends with an error where nothing can be made of it', async () => {
    const good = buildDocument({ a: 1 })
    await expect(read(readBson, Buffer.concat([good, good.subarray(0, 6)]))).rejects.toThrow(
      'the file ends within document 2, which begins at byte 12',
    )
    await expect(read(readBson, Buffer.concat([good, Uint8Array.of(1, 0, 0, 0, 0)]))).rejects.toThrow(
      'document 2, at byte 12, says that it has 1 bytes',
    )
    await expect(read(readBson, Uint8Array.of(255, 255, 255, 127, 0))).rejects.toThrow('2147483647 bytes')
  })
})

describe('CSV', () => {
  const typedCases: [string, string, string][] = [
    ['string', 'text', '"text"'],
    ['string', '5', '"5"'],
    ['int32', '-5', '{"$numberInt":"-5"}'],
    ['int64', '9007199254740993', '{"$numberLong":"9007199254740993"}'],
    ['double', '1', '{"$numberDouble":"1.0"}'],
    ['decimal', '0.10', '{"$numberDecimal":"0.10"}'],
    ['boolean', 'true', 'true'],
    ['date', '2024-02-29T12:00:00Z', '{"$date":{"$numberLong":"1709208000000"}}'],
    ['objectId', '5f0000000000000000000001', '{"$oid":"5f0000000000000000000001"}'],
    ['json', '{"a":[1]}', '{"a":[{"$numberInt":"1"}]}'],
    ['auto', '5', '{"$numberInt":"5"}'],
    ['auto', '5000000000', '{"$numberLong":"5000000000"}'],
    ['auto', '5.5', '{"$numberDouble":"5.5"}'],
    ['auto', '007', '"007"'],
    ['auto', '+49', '"+49"'],
    ['auto', '1.2.3', '"1.2.3"'],
    ['auto', 'text', '"text"'],
  ]
  it.each(typedCases)('reads a column of type %s: %j', async (type, cell, json) => {
    const items = await read(readCsv, `v.${type}()\n"${cell.replaceAll('"', '""')}"\n`)
    expect(shown(items)).toEqual([`2: {"v":${json}}`])
  })

  it.each([
    'binary(base64)',
    'binary(hex)',
    'date(2006-01-02 15:04:05.000)',
    'date_ms(dd.MM.yyyy HH:mm:ss.SSS)',
    'date_oracle(YYYY-MM-DD HH24:MI:SS.FF3)',
  ])('brings back what it wrote in a column of type %s', async (type) => {
    const value = type.startsWith('binary') ? Uint8Array.of(1, 2, 255) : new Date(Date.UTC(2024, 1, 29, 23, 59, 58, 7))
    const document = buildDocument({ v: value })
    const columns = [column(`v.${type}`, true)]
    const text = csvHeader(columns) + csvLine(columns, document, () => expect.unreachable())
    const [item] = await read(readCsv, text)
    expect(Buffer.from(item!.document!)).toEqual(Buffer.from(document))
  })

  it.each([
    ['int32', '2147483648'],
    ['int32', '1.5'],
    ['int64', '9223372036854775808'],
    ['double', 'one'],
    ['boolean', 'yes'],
    ['date', '2023-02-29'],
    ['objectId', '5f'],
    ['decimal', '1.2.3'],
    ['json', '{a:1}'],
  ])('reports a cell that is no %s: %j', async (type, cell) => {
    expect(shown(await read((chunks) => readCsv(chunks, true), `a.string(),v.${type}()\nx,${cell}\ny,\n`))).toEqual([
      `2! ${JSON.stringify(cell)} does not fit the column v.${type}()`,
      '3: {"a":"y"}',
    ])
  })

  it('nests dotted columns, also when others stand between', async () => {
    expect(shown(await read(readCsv, 'a.x,b,a.y.z\n1,2,3\n,2,\n'))).toEqual([
      '2: {"a":{"x":{"$numberInt":"1"},"y":{"z":{"$numberInt":"3"}}},"b":{"$numberInt":"2"}}',
      '3: {"b":{"$numberInt":"2"}}',
    ])
  })

  it('tells an empty string from no field', async () => {
    expect(shown(await read(readCsv, 'a,b\n"",\n'))).toEqual(['2: {"a":""}'])
    const columns = [column('a', false), column('b', false)]
    expect(csvLine(columns, buildDocument({ a: '' }), () => expect.unreachable())).toBe('"",\r\n')
  })

  it('takes quotes, line breaks and a byte order mark, and counts lines', async () => {
    expect(shown(await read(readCsv, '\ufeffa,b\r\n"say ""hi""","two\nlines"\r\nx,y,z\r\n'))).toEqual([
      '3: {"a":"say \\"hi\\"","b":"two\\nlines"}',
      '4! has 3 cells, and there are 2 columns',
    ])
  })

  it.each([
    ['a.nosuch()', true, 'there is no type nosuch'],
    ['a', true, 'gives no type'],
    ['a..b', false, 'empty field name'],
    ['a.binary(base32)', true, 'the encodings are base64 and hex'],
    ['a.date(no)', true, 'has no part of a date'],
  ])('refuses the header %s', async (header, typed, message) => {
    await expect(read((chunks) => readCsv(chunks, typed), `${header}\n1\n`)).rejects.toThrow(message)
  })

  it.each(['a,a', 'a,a.b', 'a.b,a'])('refuses two columns for one field: %s', async (header) => {
    await expect(read(readCsv, `${header}\n1,2\n`)).rejects.toThrow('are the same field')
  })

  it('ends with an error where quotes do not match', async () => {
    await expect(read(readCsv, 'a,b\n1,"2\n')).rejects.toThrow(/^CSV: /)
  })

  it('recognises a header with types, and nothing else, by itself', () => {
    expect(haveTypes(['a.string()', 'b.date(2006-01-02)'])).toBe(true)
    expect(haveTypes(['a.string()', 'b'])).toBe(false)
    expect(haveTypes(['a.x()', 'b.y()'])).toBe(false)
    expect(splitColumns('a.string(), b.date(Jan 2, 2006),c')).toEqual(['a.string()', 'b.date(Jan 2, 2006)', 'c'])
  })

  it('says which value is not of its type, and shows it all the same', () => {
    const misfits: string[] = []
    const columns = [column('a.int32()', true)]
    expect(csvLine(columns, buildDocument({ a: 'text' }), (header) => misfits.push(header))).toBe('text\r\n')
    expect(misfits).toEqual(['a.int32()'])
  })
})

describe('date layouts', () => {
  it('understand zones', () => {
    const layout = dateLayout('date', '2006-01-02T15:04Z07:00')
    expect(layout.parse('2024-01-01T02:00+02:00')).toBe(Date.UTC(2024, 0, 1))
    expect(layout.parse('2024-01-01T00:00Z')).toBe(Date.UTC(2024, 0, 1))
    expect(layout.format(Date.UTC(2024, 0, 1))).toBe('2024-01-01T00:00Z')
    expect(layout.parse('2024-13-01T00:00Z')).toBe(undefined)
    expect(layout.parse('2024-01-01')).toBe(undefined)
  })
})

describe('formats', () => {
  it.each([
    ['a.json', 'json'],
    ['a.NDJSON', 'ndjson'],
    ['a.jsonl.gz', 'ndjson'],
    ['dir.csv/a.csv', 'csv'],
    ['a.bson', 'bson'],
    ['a.txt', undefined],
    ['a', undefined],
  ])('are known by the name %s', (name, format) => {
    expect(formatOfName(name)).toBe(format)
  })

  it('are known by what the file begins with', () => {
    expect(formatOfContent(Buffer.from(' [{"a":1}]'))).toBe('json')
    expect(formatOfContent(Buffer.from('{"a":1}'))).toBe('json')
    expect(formatOfContent(Buffer.from('a,b\n1,2'))).toBe('csv')
    expect(formatOfContent(buildDocument({ a: 1 }))).toBe('bson')
    expect(formatOfContent(buildDocument({}))).toBe('bson')
    expect(formatOfContent(new Uint8Array(0))).toBe('csv')
  })

  it('are not part of the collection a file is named after', () => {
    expect(nameOfFile('/x/people.json')).toBe('people')
    expect(nameOfFile('people.bson.gz')).toBe('people')
    expect(nameOfFile('system.users.csv')).toBe('system.users')
    expect(nameOfFile('people')).toBe('people')
  })
})
