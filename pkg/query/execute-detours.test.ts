/** Rows whose tests and sort keys are made elsewhere: the same ones, in the same order and after as much work, whatever they are found by. */
import { expect, test } from 'vitest'
import { Detour } from '../base/detour.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { getField, numberOf, stringValue } from '../bson/value.ts'
import type { Collection } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'
import { openEngine } from '../sim/engine-workload.ts'
import { simulatedWorld } from '../sim/world.ts'
import { atRow, ended, type FindRequest, find, planFind } from './execute.ts'
import { computeFilter, type FilterTask } from './filter/long-test.ts'
import { parseFilter } from './filter/parse.ts'
import type { QuerySource } from './plan-source.ts'
import { parseProjection } from './projection/parse.ts'
import { computeSortKey, type SortKeyTask } from './sort/long-key.ts'
import { parseSort } from './sort/parse.ts'
import { MemorySource } from './testdata/memory-source.ts'

/** Looked through by a regular expression they take longer than a turn may. */
const longBytes = 150_000

const documents = Array.from({ length: 40 }, (_, i) => {
  const isLong = i % 3 !== 0
  const text = `${'x'.repeat(isLong ? longBytes : 10)} ${i % 4 === 1 ? 'found' : 'nothing'}`
  const values = i % 5 === 2 ? Array.from({ length: 150_000 }, (_, k) => (k * 7919 + i * 31) % 150_001) : [i]
  return buildDocument({ _id: i, a: i % 7, b: (i * 11) % 13, tags: [i % 3, 3 + (i % 2)], text, values })
})

/** One that knows of no query that was made before. */
const newSource = () =>
  new MemorySource(documents, [
    ['a', false],
    ['b', true],
    ['tags', false],
  ])

interface Found {
  readonly ids: readonly number[]
  readonly examined: readonly number[]
  readonly detours: number
}

function foundBy(request: FindRequest, source: QuerySource = newSource(), at = timestampMax): Found {
  const rows = find(source, at, request)
  const ids: number[] = []
  let detours = 0
  for (;;) {
    try {
      const progress = rows.advance(5)
      if (progress === ended) break
      if (progress === atRow) ids.push(numberOf(getField(rows.bytes, rows.isProjected ? 'a' : '_id', rows.start)!))
      rows.save()
    } catch (error) {
      if (!(error instanceof Detour)) throw error
      rows.save()
      detours++
      const { task } = error
      error.keep({
        result: task.kind === 'filter' ? computeFilter(task as FilterTask) : computeSortKey(task as SortKeyTask),
      })
    }
  }
  return { ids, examined: [rows.keysExamined, rows.docsExamined, rows.work.matched], detours }
}

/** On the engine, whose keys give texts back. */
async function openTexts(): Promise<{ engine: Engine; collection: Collection }> {
  const engine = await openEngine(simulatedWorld(3))
  const { result: collection } = engine.write((unit) => unit.createCollection('db', 'c', buildDocument({})))
  engine.write((unit) => {
    unit.createIndex(collection, buildDocument({ v: 2, key: { a: 1, text: 1 }, name: 'both' }))
    for (const document of documents) unit.insert(collection, document)
  })
  return { engine, collection }
}

const text = { $regex: 'f[o]und' }
const inTwo = { $or: [{ a: { $lt: 3 } }, { b: { $gt: 8 } }] }

test.each<[string, string, Record<string, unknown>, Record<string, unknown>, Partial<FindRequest>]>([
  ['the collection', 'collectionScan', { text }, {}, {}],
  ['the collection backwards, a part', 'collectionScan', { text }, { $natural: -1 }, { skip: 2, limit: 5 }],
  ['ids', 'idLookup', { _id: { $in: [1, 2, 5, 9, 12, 13, 17, 50] }, text }, {}, {}],
  ['an index', 'fetch', { a: { $gt: 2 }, text }, {}, { hint: stringValue('a_1') }],
  ['an index on arrays', 'fetch', { tags: { $gte: 1 }, text }, {}, { hint: stringValue('tags_1') }],
  ['several indexes', 'or', { ...inTwo, text }, {}, {}],
  [
    'several indexes, merged',
    'merge',
    {
      $or: [
        { a: 1, b: { $gt: 1 } },
        { a: 4, b: { $gt: 0 } },
      ],
      text,
    },
    { a: 1 },
    {},
  ],
  ['one of several indexes', 'fetch', { a: { $lt: 6 }, b: { $lt: 11 }, text }, {}, {}],
  ['a sort', 'sort', { text: { $exists: true } }, { values: -1 }, {}],
  ['a sort of what takes long', 'sort', { text }, { values: 1 }, {}],
  ['a sort of few', 'sort', { text }, { values: 1, a: 1 }, { limit: 4 }],
])('by %s', (_, kind, filterDocument, sortDocument, more) => {
  const document = buildDocument(filterDocument)
  const filter = parseFilter(document)
  const request = { filter, sort: parseSort(buildDocument(sortDocument)), ...more }
  const plain = foundBy(request)
  expect(planFind(newSource(), timestampMax, request).kind).toBe(kind)
  const found = foundBy({ ...request, asked: { document, options: undefined, filter } })
  expect(found.ids).toEqual(plain.ids)
  expect(found.examined).toEqual(plain.examined)
  expect(found.ids.length).toBeGreaterThan(1)
  expect([plain.detours, found.detours > 3]).toEqual([0, true])
})

test.each<[string, string, Record<string, unknown>, Record<string, unknown>]>([
  ['one scan', 'fetch', { a: { $gte: 1, $lte: 5 }, text }, {}],
  ['scans that are merged', 'merge', { a: { $in: [1, 2, 4] }, text }, { text: 1 }],
])('by keys of long texts, %s', async (_, kind, filterDocument, sortDocument) => {
  const { engine, collection } = await openTexts()
  const document = buildDocument(filterDocument)
  const filter = parseFilter(document)
  const projection = parseProjection(buildDocument({ _id: 0, a: 1 }))
  for (const shown of [projection, undefined]) {
    const request = { filter, sort: parseSort(buildDocument(sortDocument)), projection: shown }
    expect(planFind(collection, engine.lastTimestamp, request).kind).toBe(kind)
    const plain = foundBy(request, collection, engine.lastTimestamp)
    const asked = { document, options: undefined, filter }
    const found = foundBy({ ...request, asked }, collection, engine.lastTimestamp)
    expect([found.ids, found.examined]).toEqual([plain.ids, plain.examined])
    expect([found.ids.length > 3, plain.detours, found.detours > 3]).toEqual([true, 0, true])
  }
  await engine.close()
})
