/** Whatever index a query goes by, it finds what a scan of the collection finds. */
import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { compareBytes, encodeKey, KeyWriter } from '../bson/key.ts'
import { documentFields, documentValue, getField, numberOf, stringValue, type Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import type { Collection } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'
import { KeySet } from '../index/extract.ts'
import type { Index } from '../index/index.ts'
import { openEngine } from '../sim/engine-workload.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Distinct } from './distinct.ts'
import { Count, ended, type FindRequest, find, paused, planFind, planValues } from './execute.ts'
import { parseFilter } from './filter/parse.ts'
import { conjunction, type Filter, matchAll } from './filter/tree.ts'
import { parsePath } from './path.ts'
import type { PlanNode } from './plan-node.ts'
import { boundsBetween, type KeyRangeRequest } from './plan-range.ts'
import { compileProjection } from './projection/compile.ts'
import { parseProjection } from './projection/parse.ts'
import { compileSort } from './sort/key.ts'
import { parseSort } from './sort/parse.ts'
import { pick, type Rng, randomDocument, randomFilter, randomPath, randomValue, rngOf } from './testdata/random.ts'

const natural = getField(buildDocument({ hint: { $natural: 1 } }), 'hint')!

/** Refusals that depend on the document: arrays side by side, in hashed indexes, names that are positions. */
const refusals: ReadonlySet<number> = new Set([171, 16766, 16746, 7246301])

function unlessRefused(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (!(error instanceof DatabaseError && refusals.has(error.code))) throw error
    return false
  }
}

function randomDefinition(rng: Rng, i: number): Record<string, unknown> {
  const name = `i${i}`
  const direction = (): number => (rng(2) === 0 ? 1 : -1)
  const kind = rng(10)
  if (kind === 0) return { v: 2, key: { '$**': 1 }, name }
  if (kind === 1) return { v: 2, key: { [`${pick(rng, ['a', 'b'])}.$**`]: 1 }, name }
  if (kind === 2) return { v: 2, key: { [pick(rng, ['a', 'b', 'c'])]: 'hashed' }, name }
  if (kind === 3) return { v: 2, key: { [pick(rng, ['a', 'b'])]: direction(), 'c.$**': direction() }, name }
  const key: Record<string, number> = {}
  for (let n = 1 + rng(3); n > 0; n--) key[rng(3) === 0 ? randomPath(rng) : pick(rng, ['a', 'b', 'c'])] = direction()
  const definition: Record<string, unknown> = { v: 2, key, name }
  const extra = rng(4)
  if (extra === 0) definition['sparse'] = true
  else if (extra === 1) {
    definition['partialFilterExpression'] = pick(rng, [
      { a: { $gt: 0 } },
      { b: { $exists: true } },
      { $or: [{ a: 1 }, { b: { $lt: 2 } }] },
      { c: 'x' },
    ])
  }
  return definition
}

/** A few values of an index's first field and the order of its second: what scans that are merged are for. */
function fewThenSorted(rng: Rng, source: Collection): { filter: Filter; parts: Record<string, number> } | undefined {
  const index = pick(rng, source.indexes)
  const [first, second] = index.keyPaths
  if (second === undefined || first!.path === '' || second.path === '' || second.path === first!.path) return undefined
  const value = (): Value => randomValue(rng, 0)
  const few = { [first!.path]: { $in: [value(), value(), value()] } }
  const branches = [{ [first!.path]: value() }, { [first!.path]: value(), c: value() }, { [first!.path]: value() }]
  const filter = parseFilter(buildDocument(rng(2) === 0 ? few : { $or: branches }))
  const direction = rng(2) === 0 ? 1 : -1
  return { filter, parts: { [second.path]: second.descending ? -direction : direction } }
}

/** One of so many values, or none, that their ranges are made and searched one by one. Of numbers alone a hashed index has them, too. */
function amongMany(rng: Rng): Filter {
  const isMixed = rng(2) === 0
  const values = Array.from({ length: 300 }, (_, i) => (isMixed && i % 3 === 0 ? randomValue(rng, 1) : i / 16 - 9))
  const operator = pick(rng, ['$in', '$nin'])
  return parseFilter(buildDocument({ [pick(rng, ['a', 'b', 'c'])]: { [operator]: values } }))
}

function idsOf(source: Collection, engine: Engine, request: FindRequest): number[] {
  const rows = find(source, engine.lastTimestamp, request)
  const ids: number[] = []
  for (;;) {
    const progress = rows.advance(7)
    if (progress === ended) return ids
    if (progress !== paused) ids.push(numberOf(getField(rows.bytes, '_id', rows.start)!))
    rows.save()
  }
}

function indexOf(node: PlanNode): string {
  if (node.kind === 'sort') return indexOf(node.input)
  if (node.kind === 'merge') return node.exploded ? 'exploded' : 'merge'
  if (node.kind === 'fetch') return node.input.bounds.checked.length > 0 ? 'checked' : 'fetch'
  return node.kind
}

/** Numbers with one whole part have one hash. */
function isByManyHashes(node: PlanNode): boolean {
  return node.kind === 'fetch' && node.input.index.definition.hashed && node.input.bounds.ranges.length > 15
}

/** Documents that differ in the order of their fields only have one text. */
function textOf(bytes: Uint8Array, start: number): string {
  const text = (value: Value): string => {
    if (value.type !== 3)
      return `${value.type}:${Buffer.from(value.bytes.subarray(value.start, value.end)).toString('hex')}`
    const fields = [...documentFields(value.bytes, value.start)].map((field) => `${field.name}=${text(field)}`)
    return `{${fields.sort().join()}}`
  }
  return text(documentValue(bytes.subarray(start)))
}

/** What the rows show by a projection, sorted; and whether no document was read for it. */
function shownBy(source: Collection, engine: Engine, request: FindRequest): { shown: string[]; covered: boolean } {
  const rows = find(source, engine.lastTimestamp, request)
  const project = compileProjection(request.projection!)
  const writer = new BsonWriter()
  const shown: string[] = []
  for (;;) {
    const progress = rows.advance(5)
    if (progress === ended) return { shown: shown.sort(), covered: rows.docsExamined === 0 && shown.length > 0 }
    if (progress !== paused) {
      if (!rows.isProjected) project(rows.bytes, rows.start, rows.end, writer.reset())
      shown.push(rows.isProjected ? textOf(rows.bytes, rows.start) : textOf(writer.bytes, 0))
    }
    rows.save()
  }
}

/** Those with a key from `min` up to, not including, `max`, by looking at the keys of every document that matches. */
function idsBetween(
  source: Collection,
  engine: Engine,
  index: Index,
  filter: Filter,
  range: KeyRangeRequest,
): number[] {
  const edge = (document: Uint8Array): Uint8Array => {
    const key = new KeyWriter()
    const fields = [...documentFields(document)]
    fields.forEach(({ type, bytes, start }, i) => {
      encodeKey(key, type, bytes, start, index.keyPaths[i]!.descending)
    })
    return key.finish()
  }
  const [min, max] = [edge(range.min!), edge(range.max!)]
  const keys = new KeySet()
  const rows = find(source, engine.lastTimestamp, { filter, hint: natural })
  const ids: number[] = []
  while (rows.next()) {
    index.extract(rows.bytes.slice(rows.start, rows.end), 0, keys)
    const isWithin = (i: number): boolean => {
      const [from, to] = [keys.starts[i]!, keys.ends[i]!]
      const { bytes } = keys.writer
      return (
        compareBytes(bytes, from, to, min, 0, min.length) >= 0 && compareBytes(bytes, from, to, max, 0, max.length) < 0
      )
    }
    if (Array.from({ length: keys.count }, (_, i) => i).some(isWithin))
      ids.push(numberOf(getField(rows.bytes, '_id', rows.start)!))
  }
  return ids.sort((a, b) => a - b)
}

/** A range of the index that is not empty, or undefined. */
function randomRange(rng: Rng, index: Index): KeyRangeRequest | undefined {
  const key = () => buildDocument(Object.fromEntries(index.keyPaths.map(({ path }) => [path, randomValue(rng, 0)])))
  const range = { min: key(), max: key() }
  // Fields whose names are numbers would change places.
  if ([...documentFields(range.min)].some(({ name }, i) => name !== index.keyPaths[i]!.path)) return undefined
  try {
    boundsBetween(index, range, matchAll)
    return range
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === 51175)) throw error
    return undefined
  }
}

function distinctOf(
  source: Collection,
  engine: Engine,
  request: FindRequest,
  path: string,
  plan: PlanNode | undefined,
): string[] {
  const distinct = new Distinct(find(source, engine.lastTimestamp, request, plan), parsePath(path))
  while (!distinct.advance(6));
  const key = new KeyWriter()
  return distinct.values
    .map(({ type, bytes, start }) => {
      encodeKey(key.reset(), type, bytes, start)
      return key.finish().join()
    })
    .sort()
}

/** What the sort goes by in each row, one after the other. */
function keysOf(source: Collection, engine: Engine, request: FindRequest): string[] {
  const rows = find(source, engine.lastTimestamp, request)
  const keyOf = compileSort(request.sort!)
  const key = new KeyWriter()
  const keys: string[] = []
  for (;;) {
    const progress = rows.advance(7)
    if (progress === ended) return keys
    if (progress !== paused) {
      keyOf(rows.bytes, rows.start, key.reset())
      keys.push(key.finish().join())
    }
    rows.save()
  }
}

async function compare(seed: number, depth: number, used: Map<string, number>): Promise<void> {
  const rng = rngOf(seed)
  const engine = await openEngine(simulatedWorld(seed))
  const { result: collection } = engine.write((unit) => unit.createCollection('db', 'c', buildDocument({})))
  const definitions = Array.from({ length: 5 }, (_, i) => buildDocument(randomDefinition(rng, i)))
  engine.write((unit) => {
    for (const definition of definitions.slice(0, 3)) unit.createIndex(collection, definition)
    for (let id = 0; id < 120; id++) unlessRefused(() => unit.insert(collection, randomDocument(rng, id, depth)))
  })
  for (const definition of definitions.slice(3)) {
    const build = engine.beginIndexBuild(collection, definition)
    const built = unlessRefused(() => {
      while (!build.slice()) {
        engine.write((unit) =>
          unlessRefused(() => unit.insert(collection, randomDocument(rng, 1000 + rng(1e6), depth))),
        )
      }
      engine.write((unit) => unit.finishIndexBuilds([build]))
    })
    if (!built) build.abandon()
  }
  expect((await engine.check()).problems).toEqual([])
  for (let i = 0; i < 40; i++) {
    const given = rng(3) === 0 ? fewThenSorted(rng, collection) : undefined
    const filters: Filter[] = Array.from({ length: 1 + rng(3) }, () => parseFilter(randomFilter(rng, 1)))
    if (rng(5) === 0) filters[0] = amongMany(rng)
    const filter = given?.filter ?? conjunction(filters)
    const parts: Record<string, number> = given?.parts ?? {}
    if (given === undefined && rng(2) === 0)
      for (let n = 1 + rng(2); n > 0; n--) parts[pick(rng, ['a', 'b', 'c'])] = rng(2) === 0 ? 1 : -1
    const sort = parseSort(buildDocument({ ...parts, _id: 1 }))
    let expected: number[]
    try {
      expected = idsOf(collection, engine, { filter, sort, hint: natural })
    } catch (error) {
      // Sorts by two arrays at once are refused.
      if (!(error instanceof DatabaseError && error.code === 2)) throw error
      continue
    }
    const told = `seed ${seed}, query ${i}`
    const plan = indexOf(planFind(collection, engine.lastTimestamp, { filter, sort }))
    used.set(plan, (used.get(plan) ?? 0) + 1)
    expect(idsOf(collection, engine, { filter, sort }), told).toEqual(expected)
    expect(new Set(idsOf(collection, engine, { filter })), told).toEqual(new Set(expected))
    if (Object.keys(parts).length > 0) {
      const single = { filter, sort: parseSort(buildDocument(parts)) }
      const kind = indexOf(planFind(collection, engine.lastTimestamp, single))
      used.set(kind, (used.get(kind) ?? 0) + 1)
      expect(keysOf(collection, engine, single), told).toEqual(keysOf(collection, engine, { ...single, hint: natural }))
    }
    const paths = Array.from({ length: 1 + rng(2) }, () =>
      rng(3) === 0 ? randomPath(rng) : pick(rng, ['a', 'b', 'c']),
    )
    const fields = paths.filter((path) => !paths.some((other) => path.startsWith(`${other}.`)))
    const projection = parseProjection(
      buildDocument({ _id: 0, ...Object.fromEntries(fields.map((path) => [path, 1])) }),
    )
    const wanted = shownBy(collection, engine, { filter, projection, hint: natural }).shown
    const { shown, covered } = shownBy(collection, engine, { filter, projection })
    expect(shown, told).toEqual(wanted)
    if (covered) used.set('covered', (used.get('covered') ?? 0) + 1)
    const scan = planFind(collection, engine.lastTimestamp, { filter, hint: natural })
    for (const path of fields) {
      const planned = planValues(collection, engine.lastTimestamp, { filter }, path)
      if (planned !== undefined) used.set(planned.kind, (used.get(planned.kind) ?? 0) + 1)
      expect(distinctOf(collection, engine, { filter }, path, planned), `${told}, distinct ${path}`).toEqual(
        distinctOf(collection, engine, { filter }, path, scan),
      )
    }
    const count = new Count(collection, engine.lastTimestamp, { filter })
    while (!count.advance(10));
    expect(count.count, told).toBe(expected.length)
    for (const index of collection.indexes) {
      const { sparse, partialFilter, wildcardAt } = index.definition
      if (sparse || partialFilter !== undefined || wildcardAt >= 0) continue
      const hint: Value = stringValue(index.name)
      if (isByManyHashes(planFind(collection, engine.lastTimestamp, { filter, hint }))) {
        used.set('hashes', (used.get('hashes') ?? 0) + 1)
      }
      expect(idsOf(collection, engine, { filter, sort, hint }), `${told}, ${index.name}`).toEqual(expected)
      expect(shownBy(collection, engine, { filter, projection, hint }).shown, `${told}, ${index.name}`).toEqual(wanted)
      const keyRange = index.definition.hashed ? undefined : randomRange(rng, index)
      if (keyRange !== undefined) {
        const found = idsOf(collection, engine, { filter, hint, keyRange }).sort((a, b) => a - b)
        expect(found, `${told}, ${index.name}`).toEqual(idsBetween(collection, engine, index, filter, keyRange))
        used.set('range', (used.get('range') ?? 0) + found.length)
      }
      const planned = planValues(collection, engine.lastTimestamp, { filter, hint }, fields[0]!)
      expect(distinctOf(collection, engine, { filter }, fields[0]!, planned), `${told}, ${index.name}`).toEqual(
        distinctOf(collection, engine, { filter }, fields[0]!, scan),
      )
    }
  }
  await engine.close()
}

/** How often each kind of plan was met. */
const used = new Map<string, number>()

test.each([
  [0, 'documents without arrays'],
  [1, 'documents with arrays'],
  [2, 'nested documents and arrays'],
])('every plan finds what a scan finds: depth %d, %s', async (depth) => {
  for (let seed = 1; seed <= 14; seed++) await compare(seed * 10 + depth, depth, used)
})

test('those were plans of every kind', () => {
  expect(used.get('fetch')).toBeGreaterThan(300)
  for (const kind of ['checked', 'exploded', 'merge', 'covered', 'distinctScan', 'range', 'hashes']) {
    expect(used.get(kind), kind).toBeGreaterThan(2)
  }
})
