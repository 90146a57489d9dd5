/** Whatever plan is chosen, from estimates, by a trial or from the cache, it finds what a scan finds; and a good one is chosen. */
import { describe, expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { getField, numberOf } from '../bson/value.ts'
import type { Collection } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'
import { openEngine } from '../sim/engine-workload.ts'
import { simulatedWorld } from '../sim/world.ts'
import { ended, type FindRequest, find, paused, planFind, type Rows } from './execute.ts'
import { parseFilter } from './filter/parse.ts'
import { planMemoryOf } from './plan-memory.ts'
import { indexesOf, solutionOf } from './plan-solution.ts'
import { parseSort } from './sort/parse.ts'
import { pick, type Rng, randomDocument, randomFilter, rngOf } from './testdata/random.ts'

const natural = getField(buildDocument({ hint: { $natural: 1 } }), 'hint')!

interface Place {
  readonly engine: Engine
  readonly collection: Collection
}

async function openPlace(indexes: Record<string, Record<string, number>>): Promise<Place> {
  const engine = await openEngine(simulatedWorld(1))
  const { result: collection } = engine.write((unit) => unit.createCollection('db', 'c', buildDocument({})))
  engine.write((unit) => {
    for (const [name, key] of Object.entries(indexes)) unit.createIndex(collection, buildDocument({ v: 2, key, name }))
  })
  return { engine, collection }
}

function insert({ engine, collection }: Place, documents: readonly Record<string, unknown>[]): void {
  engine.write((unit) => {
    for (const document of documents) unit.insert(collection, buildDocument(document))
  })
}

function requestOf(filter: Record<string, unknown>, more: Partial<FindRequest> = {}): FindRequest {
  const query = buildDocument(filter)
  return {
    filter: parseFilter(query),
    origin: { query, sort: undefined, projection: undefined, nowMs: () => 7 },
    ...more,
  }
}

function open({ engine, collection }: Place, request: FindRequest): Rows {
  return find(collection, engine.lastTimestamp, request)
}

function idsOf(rows: Rows, budget = Infinity): number[] {
  const ids: number[] = []
  for (;;) {
    const progress = rows.advance(budget)
    if (progress === ended) return ids
    if (progress !== paused) ids.push(numberOf(getField(rows.bytes, '_id', rows.start)!))
    rows.save()
  }
}

function sample({ collection }: Place): void {
  const memory = planMemoryOf(collection)
  while (!memory.sample(collection));
}

const entriesOf = ({ collection }: Place) => planMemoryOf(collection).cache.all(collection)

describe('the choice between several indexes', () => {
  test('falls on the selective one, by counts and without statistics', async () => {
    const place = await openPlace({ coarse: { coarse: 1 }, fine: { fine: 1 } })
    insert(
      place,
      Array.from({ length: 5000 }, (_, i) => ({ _id: i, coarse: i % 2, fine: i % 1000 })),
    )
    const node = planFind(place.collection, place.engine.lastTimestamp, requestOf({ coarse: 1, fine: 77 }))
    expect(indexesOf(node)).toEqual(['fine'])
  })

  test('looks at the values, not at the form of the filter: a narrow range beats a common value', async () => {
    const place = await openPlace({ state: { state: 1 }, time: { time: 1 } })
    const documents = Array.from({ length: 5000 }, (_, i) => ({
      _id: i,
      state: i % 100 === 0 ? 'rare' : 'usual',
      time: i,
    }))
    insert(place, documents)
    const chosen = (filter: Record<string, unknown>) =>
      indexesOf(planFind(place.collection, place.engine.lastTimestamp, requestOf(filter)))
    expect(chosen({ state: 'usual', time: { $gt: 4990 } })).toEqual(['time'])
    expect(chosen({ state: 'rare', time: { $gt: 10 } })).toEqual(['state'])
  })

  test('weighs the order that an index gives against the documents that it has read in vain', async () => {
    const place = await openPlace({ owner: { owner: 1 }, time: { time: 1 } })
    insert(
      place,
      Array.from({ length: 5000 }, (_, i) => ({ _id: i, owner: i % 2500 === 0 ? 1 : 2, time: i })),
    )
    const sort = parseSort(buildDocument({ time: -1 }))
    const chosen = (owner: number) =>
      solutionOf(planFind(place.collection, place.engine.lastTimestamp, requestOf({ owner }, { sort, limit: 10 })))
    expect(chosen(1)).toBe('sort(fetch owner 1)')
    expect(chosen(2)).toBe('fetch time -1')
  })

  test('knows from statistics what the later parts of a key let through', async () => {
    const place = await openPlace({ ab: { a: 1, skipped: 1, b: 1 }, c: { c: 1 } })
    insert(
      place,
      Array.from({ length: 4000 }, (_, i) => ({ _id: i, a: 1, skipped: i % 3, b: i % 2000, c: i % 40 })),
    )
    sample(place)
    const node = planFind(place.collection, place.engine.lastTimestamp, requestOf({ a: 1, b: 7, c: 7 }))
    expect(indexesOf(node)).toEqual(['ab'])
  })
})

describe('statistics', () => {
  test('tell distinct values of the first parts of a key', async () => {
    const place = await openPlace({ ab: { a: 1, b: 1 } })
    insert(
      place,
      Array.from({ length: 6000 }, (_, i) => ({ _id: i, a: i % 10, b: i % 500 })),
    )
    sample(place)
    const memory = planMemoryOf(place.collection)
    const known = memory.statistics!.of(place.collection.index('ab')!)!
    expect(known.entryCount).toBeGreaterThan(4500)
    expect(known.distinct[0]).toBeGreaterThan(5)
    expect(known.distinct[0]).toBeLessThan(20)
    expect(known.distinct[1]).toBeGreaterThan(250)
    expect(known.distinct[1]).toBeLessThan(1000)
  })

  test('are asked for anew when a fifth of the collection has changed, and when an index was added', async () => {
    const place = await openPlace({ a: { a: 1 }, b: { b: 1 } })
    const memory = planMemoryOf(place.collection)
    const plan = () => planFind(place.collection, place.engine.lastTimestamp, requestOf({ a: 1, b: 1 }))
    insert(
      place,
      Array.from({ length: 3000 }, (_, i) => ({ _id: i, a: i, b: i })),
    )
    plan()
    expect(memory.wantsSampling).toBe(true)
    sample(place)
    plan()
    expect(memory.wantsSampling).toBe(false)
    insert(
      place,
      Array.from({ length: 1200 }, (_, i) => ({ _id: 3000 + i, a: i, b: i })),
    )
    plan()
    expect(memory.wantsSampling).toBe(true)
    sample(place)
    place.engine.write((unit) => unit.createIndex(place.collection, buildDocument({ v: 2, key: { c: 1 }, name: 'c' })))
    plan()
    expect(memory.wantsSampling).toBe(true)
  })

  test('may be taken while everything changes, indexes too', async () => {
    const place = await openPlace({ a: { a: 1 }, b: { b: 1 } })
    const { engine, collection } = place
    insert(
      place,
      Array.from({ length: 2000 }, (_, i) => ({ _id: i, a: i % 50, b: i })),
    )
    const memory = planMemoryOf(collection)
    const rng = rngOf(3)
    let recordId = 1
    for (let step = 0; !memory.sample(collection); step++) {
      engine.write((unit) => {
        for (let n = 0; n < 10; n++) unit.remove(collection, recordId++ as never)
        unit.insert(collection, buildDocument({ _id: 10000 + step, a: rng(50), b: rng(1000) }))
        if (step === 30) unit.dropIndex(collection, 'b')
      })
      if (recordId > 1500) recordId = 1e9
      if (recordId === 1e9) break
    }
    sample(place)
    expect(indexesOf(planFind(collection, engine.lastTimestamp, requestOf({ a: 3, b: 4 })))).toEqual(['a'])
  })
})

describe('the plan cache', () => {
  /** Two indexes that are worth the same, so that a trial decides. */
  async function tied(): Promise<Place> {
    const place = await openPlace({ a: { a: 1 }, b: { b: 1 } })
    insert(
      place,
      Array.from({ length: 1000 }, (_, i) => ({ _id: i, a: i % 50, b: (i * 7) % 50 })),
    )
    return place
  }

  test('takes a plan that has won twice, for other values too', async () => {
    const place = await tied()
    const run = (a: number, b: number) => idsOf(open(place, requestOf({ a, b })))
    run(1, 7)
    expect(entriesOf(place)).toMatchObject([{ isActive: false }])
    run(1, 7)
    expect(entriesOf(place)).toMatchObject([{ isActive: true, createdAtMs: 7 }])
    const { solution } = entriesOf(place)[0]!
    expect(run(2, 14)).toEqual(Array.from({ length: 20 }, (_, i) => 2 + i * 50))
    expect(solutionOf(open(place, requestOf({ a: 2, b: 14 })).plan)).toBe(solution)
    expect(entriesOf(place)).toHaveLength(1)
  })

  test('keeps nothing of queries with one candidate, with a hint, or by _id', async () => {
    const place = await tied()
    idsOf(open(place, requestOf({ a: 1 })))
    idsOf(open(place, requestOf({ _id: 1 })))
    idsOf(open(place, requestOf({ a: 1, b: 7 }, { hint: natural })))
    expect(entriesOf(place)).toEqual([])
  })

  test('forgets when indexes come, go, or change', async () => {
    const place = await tied()
    const { engine, collection } = place
    const fill = () => idsOf(open(place, requestOf({ a: 1, b: 7 })))
    fill()
    engine.write((unit) => unit.createIndex(collection, buildDocument({ v: 2, key: { c: 1 }, name: 'c' })))
    expect(entriesOf(place)).toEqual([])
    fill()
    engine.write((unit) =>
      unit.modifyIndex(collection, 'c', buildDocument({ v: 2, key: { c: 1 }, name: 'c', hidden: true })),
    )
    expect(entriesOf(place)).toEqual([])
    fill()
    engine.write((unit) => unit.dropIndex(collection, 'c'))
    expect(entriesOf(place)).toEqual([])
  })

  test('replaces a plan that has gone bad, in the middle of a query and without a row lost or given twice', async () => {
    const place = await openPlace({ a: { a: 1 }, b: { b: 1 } })
    insert(
      place,
      Array.from({ length: 5000 }, (_, i) => ({ _id: i, a: i < 5 ? 1 : 2, b: i < 4900 ? 1 : i })),
    )
    // With a: 1 the index on a is the better one by far.
    for (let i = 0; i < 3; i++) idsOf(open(place, requestOf({ a: 1, b: 1 })))
    expect(entriesOf(place)).toMatchObject([{ isActive: true, solution: 'fetch a 1' }])
    // With a: 2 it finds its rows at the very end, and that on b at once.
    const rows = open(place, requestOf({ a: 2, b: 4950 }))
    expect(solutionOf(rows.plan)).toBe('fetch a 1')
    expect(idsOf(rows)).toEqual([4950])
    expect(rows.keysExamined + rows.docsExamined).toBeLessThan(1000)
    expect(entriesOf(place)[0]).not.toMatchObject({ isActive: true, solution: 'fetch a 1' })
    expect(solutionOf(open(place, requestOf({ a: 2, b: 4951 })).plan)).toBe('fetch b 1')
  })

  test('gives rows of a plan that went bad after its first rows once, and in order', async () => {
    const place = await openPlace({ a: { a: 1, t: 1 }, b: { b: 1, t: 1 } })
    const documents = Array.from({ length: 4000 }, (_, i) => ({ _id: i, a: 1, b: i < 6 || i > 3990 ? 1 : 2, t: i }))
    insert(place, documents)
    insert(place, [{ _id: 9000, a: 2, b: 2, t: 1 }])
    const sort = parseSort(buildDocument({ t: 1 }))
    for (let i = 0; i < 3; i++) idsOf(open(place, requestOf({ a: 2, b: 2 }, { sort })))
    const expected = [0, 1, 2, 3, 4, 5, ...Array.from({ length: 9 }, (_, i) => 3991 + i)]
    for (const budget of [1, 7, Infinity]) {
      const rows = open(place, requestOf({ a: 1, b: 1 }, { sort }))
      expect(idsOf(rows, budget)).toEqual(expected)
    }
  })

  test('holds a bounded number of shapes', async () => {
    const place = await tied()
    for (let i = 0; i < 5100; i++) {
      const rows = open(place, requestOf({ a: 1, b: 7, [`c${i}`]: null }, { limit: 1 }))
      rows.next()
      rows.close()
    }
    expect(entriesOf(place).length).toBeLessThanOrEqual(5000)
    expect(entriesOf(place).at(-1)!.key.shape).toContain('c5099')
  })
})

describe('whatever is chosen', () => {
  const refusals: ReadonlySet<number> = new Set([2, 171, 16766, 16746, 7246301])

  function unlessRefused<Result>(act: () => Result): Result | undefined {
    try {
      return act()
    } catch (error) {
      if (!(error instanceof DatabaseError && refusals.has(error.code))) throw error
      return undefined
    }
  }

  async function compare(seed: number): Promise<number> {
    const rng: Rng = rngOf(seed)
    const place = await openPlace({ a: { a: 1 }, b: { b: -1 }, ab: { a: 1, b: 1 }, c: { c: 1 }, ca: { c: 1, a: -1 } })
    const { engine, collection } = place
    let decided = 0
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 150; n++) {
        const document = randomDocument(rng, round * 1000 + n, seed % 3)
        unlessRefused(() => engine.write((unit) => unit.insert(collection, document)))
      }
      if (round % 2 === 1) sample(place)
      const filters = Array.from({ length: 6 }, () => [randomFilter(rng, 1), randomFilter(rng, 1)] as const)
      for (let i = 0; i < 40; i++) {
        const [one, other] = pick(rng, filters)
        const filter = parseFilter(rng(2) === 0 ? one : other)
        const sort = rng(2) === 0 ? parseSort(buildDocument({ [pick(rng, ['a', 'b', 'c'])]: 1, _id: 1 })) : undefined
        const limit = rng(3) === 0 ? 1 + rng(20) : 0
        const wanted = unlessRefused(() => idsOf(open(place, { filter, sort, hint: natural })))
        if (wanted === undefined) continue
        const rows = open(place, { filter, sort, limit })
        const found = idsOf(rows, 1 + rng(40))
        const told = `seed ${seed}, round ${round}, query ${i}`
        if (sort !== undefined) expect(found, told).toEqual(limit === 0 ? wanted : wanted.slice(0, limit))
        else {
          expect(new Set(found).size, told).toBe(found.length)
          expect(found.length, told).toBe(limit === 0 ? wanted.length : Math.min(limit, wanted.length))
          expect(
            found.filter((id) => !wanted.includes(id)),
            told,
          ).toEqual([])
        }
      }
      decided += entriesOf(place).length
    }
    await engine.close()
    return decided
  }

  test('finds what a scan finds', async () => {
    let decided = 0
    for (let seed = 1; seed <= 10; seed++) decided += await compare(seed)
    expect(decided).toBeGreaterThan(40)
  })
})

describe('a plan that needs more memory than it may have', () => {
  const sort = parseSort(buildDocument({ b: 1 }))
  const expected = Array.from({ length: 100 }, (_, i) => 199 - 2 * i)

  /** To sort what has an `a` takes fewer works than to go by the index on `b`, but the memory. */
  async function sortable(): Promise<Place> {
    const place = await openPlace({ a: { a: 1 }, b: { b: 1 } })
    insert(
      place,
      Array.from({ length: 200 }, (_, _id) => ({ _id, a: _id % 2, b: -_id })),
    )
    return place
  }

  test('leaves the query to another one', async () => {
    const place = await sortable()
    expect(idsOf(open(place, requestOf({ a: 1 }, { sort, sortMemoryBytes: 300 })))).toEqual(expected)
    const hinted = { sort, sortMemoryBytes: 300, hint: getField(buildDocument({ hint: { a: 1 } }), 'hint')! }
    expect(() => idsOf(open(place, requestOf({ a: 1 }, hinted)))).toThrow('Sort exceeded memory limit')
    await place.engine.close()
  })

  test('leaves it to another one when it comes from the cache, too', async () => {
    const place = await sortable()
    for (let run = 0; run < 3; run++) expect(idsOf(open(place, requestOf({ a: 1 }, { sort })))).toEqual(expected)
    expect(planMemoryOf(place.collection).cache.all(place.collection)).toMatchObject([{ isActive: true }])
    expect(idsOf(open(place, requestOf({ a: 1 }, { sort, sortMemoryBytes: 300 })))).toEqual(expected)
    await place.engine.close()
  })
})
