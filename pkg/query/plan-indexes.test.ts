/** Whatever index a query goes by, it finds what a scan of the collection finds. */
import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { getField, numberOf, stringValue, type Value } from '../bson/value.ts'
import type { Collection } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'
import { openEngine } from '../sim/engine-workload.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Count, ended, type FindRequest, find, paused, planFind } from './execute.ts'
import { parseFilter } from './filter/parse.ts'
import { conjunction, type Filter } from './filter/tree.ts'
import type { PlanNode } from './plan.ts'
import { parseSort } from './sort/parse.ts'
import { pick, type Rng, randomDocument, randomFilter, randomPath, rngOf } from './testdata/random.ts'

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
  if (node.kind === 'fetch') return node.input.bounds.checked.length > 0 ? 'checked' : 'fetch'
  return node.kind
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
    const filters: Filter[] = Array.from({ length: 1 + rng(3) }, () => parseFilter(randomFilter(rng, 1)))
    const filter = conjunction(filters)
    const parts: Record<string, number> = {}
    if (rng(2) === 0) for (let n = 1 + rng(2); n > 0; n--) parts[pick(rng, ['a', 'b', 'c'])] = rng(2) === 0 ? 1 : -1
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
    const count = new Count(collection, engine.lastTimestamp, { filter })
    while (!count.advance(10));
    expect(count.count, told).toBe(expected.length)
    for (const index of collection.indexes) {
      const { sparse, partialFilter, wildcardAt } = index.definition
      if (sparse || partialFilter !== undefined || wildcardAt >= 0) continue
      const hint: Value = stringValue(index.name)
      expect(idsOf(collection, engine, { filter, sort, hint }), `${told}, ${index.name}`).toEqual(expected)
    }
  }
  await engine.close()
}

test.each([
  [0, 'documents without arrays'],
  [1, 'documents with arrays'],
  [2, 'nested documents and arrays'],
])('every plan finds what a scan finds: depth %d, %s', async (depth) => {
  const used = new Map<string, number>()
  for (let seed = 1; seed <= 40; seed++) await compare(seed * 10 + depth, depth, used)
  expect(used.get('fetch')).toBeGreaterThan(100)
})
