import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildDocument, rawDocument } from '../../pkg/bson/build.ts'
import { parseExtendedJson, stringifyExtendedJson } from '../../pkg/bson/ejson.ts'
import { documentFields, getField, numberOf } from '../../pkg/bson/value.ts'
import { LauraServer, laura, textIn } from '../laura-process.ts'
import { batches } from './target.ts'
import type { WireClient } from './wire-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'laura-transfer-'))
let server: LauraServer
let client: WireClient

beforeAll(async () => {
  server = await LauraServer.start(join(folder, 'data'))
  client = await server.connect()
})
afterAll(async () => {
  client.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** One document of every type that can be stored, in canonical extended JSON. */
const everyType = [
  '{"_id":{"$oid":"5f0000000000000000000001"},"double":{"$numberDouble":"1.0"},"string":"hé \\"quoted\\", \\n","object":{"2":{"$numberInt":"1"},"1":{"$numberInt":"2"}},"array":[{"$numberInt":"1"},"two",[]]}',
  '{"_id":{"$numberInt":"2"},"binary":{"$binary":{"base64":"AQL/","subType":"80"}},"uuid":{"$binary":{"base64":"AAAAAAAAAAAAAAAAAAAAAA==","subType":"04"}},"bool":true,"date":{"$date":{"$numberLong":"-1"}},"none":null}',
  '{"_id":"three","regex":{"$regularExpression":{"pattern":"^a/b","options":"i"}},"timestamp":{"$timestamp":{"t":5,"i":6}},"long":{"$numberLong":"9007199254740993"},"decimal":{"$numberDecimal":"0.10"},"min":{"$minKey":1},"max":{"$maxKey":1}}',
  '{"_id":{"$numberLong":"4"},"nan":{"$numberDouble":"NaN"},"minusZero":{"$numberDouble":"-0.0"},"infinity":{"$numberDouble":"-Infinity"},"code":{"$code":"f()"}}',
]

async function contentOf(collection: string): Promise<string[]> {
  const texts: string[] = []
  const target = { command: (body: Uint8Array) => client.command(body), close: async () => undefined }
  for await (const some of batches(target, 'd', buildDocument({ find: collection, $db: 'd' }))) {
    texts.push(...some.map((each) => stringifyExtendedJson(each, { relaxed: false })))
  }
  return texts
}

async function insert(collection: string, documents: readonly string[]): Promise<void> {
  await client.command(buildDocument({ insert: collection, $db: 'd' }), 'documents', documents.map(parseExtendedJson))
}

function onServer(...args: string[]): string[] {
  return [...args, '--uri', server.mongoUri, '--db', 'd']
}

let lastCollection = 0
function freshCollection(): string {
  lastCollection += 1
  return `c${lastCollection}`
}

describe.each(['json', 'ndjson', 'bson'])('%s', (type) => {
  it('brings every type back, through a file', async () => {
    const [from, to] = [freshCollection(), freshCollection()]
    await insert(from, everyType)
    const file = join(folder, `every.${type}`)
    const exported = await laura([...onServer('export'), '--collection', from, '--json-format', 'canonical', file])
    expect(exported.stderr).toMatch(/^exported from d\.c\d+: 4 documents in [\d.]+ s \([\d,]+\/s\)\n$/)
    expect(exported.code).toBe(0)
    const imported = await laura([...onServer('import'), '--collection', to, file])
    expect(imported.stderr).toMatch(/^imported into d\.c\d+: 4 documents in [\d.]+ s \([\d,]+\/s\)\n$/)
    expect(imported.code).toBe(0)
    expect(await contentOf(to)).toEqual(everyType)
  })

  it('is recognised on stdin', async () => {
    const collection = freshCollection()
    const documents = everyType.map(parseExtendedJson)
    const input =
      type === 'bson' ? Buffer.concat(documents) : type === 'json' ? `[${everyType.join()}]` : everyType.join('\n')
    const { code, stderr } = await laura([...onServer('import'), '--collection', collection, '-'], input)
    expect([code, stderr]).toEqual([0, expect.stringContaining('4 documents')])
    expect(await contentOf(collection)).toEqual(everyType)
  })

  it('goes to stdout, and only that', async () => {
    const collection = freshCollection()
    await insert(collection, ['{"_id":{"$numberInt":"1"},"a":{"$numberLong":"5"}}'])
    const { stdout } = await laura([...onServer('export'), '--collection', collection, '--type', type])
    const relaxed = '{"_id":1,"a":5}'
    const expected = {
      json: `[\n${relaxed}\n]\n`,
      ndjson: `${relaxed}\n`,
      bson: Buffer.from(buildDocument({ _id: 1, a: 5n })).toString(),
    }
    expect(stdout).toBe(expected[type as keyof typeof expected])
  })
})

describe('CSV', () => {
  it('brings back what its columns say, with their types', async () => {
    const [from, to] = [freshCollection(), freshCollection()]
    const documents = [
      '{"_id":{"$oid":"5f0000000000000000000001"},"name":"Müller, \\"A\\"","age":{"$numberInt":"41"},"address":{"city":"Ulm","zip":"07"},"born":{"$date":{"$numberLong":"86400000"}}}',
      '{"_id":{"$oid":"5f0000000000000000000002"},"name":"","tags":["a",{"$numberInt":"1"}]}',
      '{"_id":{"$oid":"5f0000000000000000000003"},"address":{"zip":"1\\n2"}}',
    ]
    await insert(from, documents)
    const file = join(folder, 'people.csv')
    const fields =
      '_id.objectId(),name.string(),age.int32(),address.city.string(),address.zip.string(),born.date(2006-01-02),tags.json()'
    const exported = await laura([...onServer('export'), '--collection', from, '--fields', fields, file])
    expect([exported.code, exported.stderr]).toEqual([0, expect.stringContaining('3 documents')])
    expect((await laura([...onServer('import'), '--collection', to, file])).code).toBe(0)
    expect(await contentOf(to)).toEqual(documents)
  })

  it('reports what does not fit, imports the rest, and fails', async () => {
    const collection = freshCollection()
    const { code, stderr } = await laura(
      [...onServer('import'), '--collection', collection, '--type', 'csv', '-'],
      '_id.int32(),n.int32()\n1,1\n2,two\n3,3\n',
    )
    expect(stderr).toMatch(
      /^stdin line 3: "two" does not fit the column n\.int32\(\)\nimported into d\.c\d+: 2 documents .*; 1 not imported\n$/,
    )
    expect(code).toBe(1)
    expect(await contentOf(collection)).toHaveLength(2)
  })

  it('needs to be told its columns', async () => {
    const refused = await laura([...onServer('export'), '--collection', 'c', '--type', 'csv'])
    expect([refused.code, refused.stderr]).toEqual([1, 'laura: CSV needs --fields: the columns, in order\n'])
  })
})

describe('import', () => {
  it('reports documents that cannot be read or written with their lines, and goes on', async () => {
    const collection = freshCollection()
    const lines = ['{"_id":1}', '{"_id":', '{"_id":2}', '{"_id":1}', '{"_id":3}']
    const file = join(folder, 'broken.ndjson')
    writeFileSync(file, lines.join('\n'))
    const { code, stderr } = await laura([...onServer('import'), '--collection', collection, file])
    expect(stderr).toMatch(/^broken\.ndjson line 2: .*$/m)
    expect(stderr).toMatch(/^broken\.ndjson line 4: E11000 duplicate key error.*$/m)
    expect(stderr).toMatch(/3 documents in .*; 2 not imported\n$/)
    expect(code).toBe(1)
    expect(await contentOf(collection)).toHaveLength(3)
  })

  it('stops at the first of them when told so', async () => {
    const collection = freshCollection()
    const input = '{"_id":1}\n{"_id":1}\n{"_id":2}\n'
    const { code } = await laura([...onServer('import'), '--collection', collection, '--stop-on-error', '-'], input)
    expect(code).toBe(1)
    expect(await contentOf(collection)).toHaveLength(1)
  })

  it('replaces documents that are there when it upserts', async () => {
    const collection = freshCollection()
    await insert(collection, ['{"_id":1,"a":1,"b":1}', '{"_id":2,"a":2}'])
    const input = '{"_id":1,"a":10}\n{"_id":3,"a":30}\n{"a":40}\n'
    const { code, stderr } = await laura(
      [...onServer('import'), '--collection', collection, '--mode', 'upsert', '-'],
      input,
    )
    expect([code, stderr]).toEqual([0, expect.stringContaining('3 documents')])
    const content = await contentOf(collection)
    expect(content).toHaveLength(4)
    expect(content).toContain('{"_id":{"$numberInt":"1"},"a":{"$numberInt":"10"}}')
    expect(content).toContain('{"_id":{"$numberInt":"2"},"a":{"$numberInt":"2"}}')
  })

  it('drops the collection first when told so', async () => {
    const collection = freshCollection()
    await insert(collection, ['{"_id":1}'])
    await laura([...onServer('import'), '--collection', collection, '--drop', '-'], '{"_id":2}')
    expect(await contentOf(collection)).toEqual(['{"_id":{"$numberInt":"2"}}'])
  })

  it('names the collection after the file, and takes it gzipped', async () => {
    const file = join(folder, 'zipped.json.gz')
    writeFileSync(file, gzipSync(`[${everyType.join()}]`))
    expect((await laura([...onServer('import'), file])).code).toBe(0)
    expect(await contentOf('zipped')).toEqual(everyType)
  })

  it('takes tens of thousands of documents in batches', async () => {
    const collection = freshCollection()
    const input = Array.from({ length: 20_000 }, (_, n) => `{"_id":${n},"text":"document ${n}"}\n`).join('')
    const { stderr } = await laura([...onServer('import'), '--collection', collection, '-'], input)
    expect(stderr).toContain('20,000 documents')
    const reply = await client.command(buildDocument({ count: collection, $db: 'd' }))
    expect(numberOf(getField(reply, 'n')!)).toBe(20_000)
  })

  it('works on a directory that no server has open, and not on one that a server has', async () => {
    const dir = join(folder, 'embedded')
    expect(
      (await laura(['import', '--dir', dir, '--db', 'd', '--collection', 'c', '-'], everyType.join('\n'))).code,
    ).toBe(0)
    const { stdout, code } = await laura([
      'export',
      '--dir',
      dir,
      '--db',
      'd',
      '--collection',
      'c',
      '--json-format',
      'canonical',
    ])
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')).toEqual(everyType)
    const refused = await laura(['import', '--dir', join(folder, 'data'), '--db', 'd', '--collection', 'c', '-'], '{}')
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/^laura: .*in use.*\n$/)])
  })

  it.each([
    [['--db', 'd', '--collection', 'c', '-'], 'give either --dir DIRECTORY or --uri mongodb://host:port'],
    [['--db', 'd', '--uri', 'mongodb://127.0.0.1:1', '-'], 'stdin has no name: give --collection'],
    [['--db', 'd', '--uri', 'mongodb://127.0.0.1:1', '--collection', 'c', '-'], 'cannot connect to 127.0.0.1:1'],
    [['--db', 'd', '--uri', 'http://127.0.0.1', '--collection', 'c', '-'], 'is not mongodb://host:port'],
    [['--db', 'd', '--uri', 'mongodb://127.0.0.1:1', '--collection', 'c', '/nowhere.json'], '/nowhere.json'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await laura(['import', ...args])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^laura: [^\n]*\n$/)
    expect(stderr).toContain(message)
  })
})

describe('export', () => {
  it('takes a filter, an order, a limit and fields', async () => {
    const collection = freshCollection()
    await insert(
      collection,
      [1, 2, 3, 4, 5].map((n) => `{"_id":${n},"a":${n % 2},"b":"x"}`),
    )
    const args = ['--query', '{"a":1}', '--sort', '{"_id":-1}', '--limit', '2', '--fields', 'a']
    const { stdout } = await laura([...onServer('export'), '--collection', collection, ...args])
    expect(stdout).toBe('{"_id":5,"a":1}\n{"_id":3,"a":1}\n')
  })

  it('of more than a batch is complete', async () => {
    const collection = freshCollection()
    const documents = Array.from({ length: 2500 }, (_, n) => `{"_id":${n}}`)
    await insert(collection, documents)
    const { stdout, stderr } = await laura([...onServer('export'), '--collection', collection])
    expect(stderr).toContain('2,500 documents')
    expect(stdout.trimEnd().split('\n')).toEqual(documents)
  })

  it.each([
    [['--query', '{a:1}'], '--query: '],
    [['--limit', 'few'], '--limit must be a whole number, not "few"'],
    [['--query', '{"$nosuch":1}'], '$nosuch'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await laura([...onServer('export'), '--collection', 'c', ...args])
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
  })
})

describe('a dump folder', () => {
  it('carries all collections of a database with their options and indexes', async () => {
    const uri = ['--uri', server.mongoUri]
    await client.command(
      buildDocument({ insert: 'people', $db: 'dumped' }),
      'documents',
      everyType.map(parseExtendedJson),
    )
    const index = rawDocument(buildDocument({ key: { name: 1 }, name: 'byName', unique: true }))
    await client.command(buildDocument({ createIndexes: 'empty', indexes: [index], $db: 'dumped' }))
    const dump = join(folder, 'dump')
    expect((await laura(['export', ...uri, '--db', 'dumped', '--type', 'bson', dump])).code).toBe(0)
    expect(readdirSync(join(dump, 'dumped')).sort()).toEqual([
      'empty.bson',
      'empty.metadata.json',
      'people.bson',
      'people.metadata.json',
    ])
    expect(Buffer.from(readFileSync(join(dump, 'dumped', 'people.bson')))).toEqual(
      Buffer.concat(everyType.map(parseExtendedJson)),
    )
    expect((await laura(['import', ...uri, '--db', 'restored', join(dump, 'dumped')])).code).toBe(0)
    const reply = await client.command(buildDocument({ listIndexes: 'empty', $db: 'restored' }))
    const batch = getField(reply, 'cursor')!
    const list = getField(batch.bytes, 'firstBatch', batch.start)!
    expect(
      [...documentFields(list.bytes, list.start)].map((each) => textIn(each.bytes.slice(each.start, each.end), 'name')),
    ).toEqual(['_id_', 'byName'])
    const count = await client.command(buildDocument({ count: 'people', $db: 'restored' }))
    expect(numberOf(getField(count, 'n')!)).toBe(4)
  })

  it('that is none is refused', async () => {
    const empty = join(folder, 'no-dump')
    mkdirSync(empty)
    const { code, stderr } = await laura([...onServer('import'), empty])
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no .bson file in')])
  })
})
