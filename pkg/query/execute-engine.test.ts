import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { getField, int32Value, numberOf, stringValue } from '../bson/value.ts'
import { openEngine } from '../sim/engine-workload.ts'
import { simulatedWorld } from '../sim/world.ts'
import { ended, type FindRequest, find, paused } from './execute.ts'
import { parseFilter } from './filter/parse.ts'
import { parseSort } from './sort/parse.ts'
import { pick, randomDocument, randomFilter, randomPath, rngOf } from './testdata/random.ts'

/** In slices, as if others ran in between. */
function idsOf(source: Parameters<typeof find>[0], at: Parameters<typeof find>[1], request: FindRequest): number[] {
  const rows = find(source, at, request)
  const ids: number[] = []
  for (;;) {
    const progress = rows.advance(5)
    if (progress === ended) return ids
    if (progress !== paused) ids.push(numberOf(getField(rows.bytes, '_id', rows.start)!))
    rows.save()
  }
}

/** Does it unless it is refused with this code, for documents that an index cannot take. */
function unless(code: number, act: () => unknown): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === code)) throw error
  }
}

test('on the engine, index plans give what a collection scan gives, also at a snapshot that writes have passed by', async () => {
  const rng = rngOf(11)
  const engine = await openEngine(simulatedWorld(11))
  const paths = [...new Set(Array.from({ length: 5 }, () => randomPath(rng)))]
  const { result: collection } = engine.write((unit) => unit.createCollection('db', 'c', buildDocument({})))
  engine.write((unit) => {
    for (const path of paths) {
      unit.createIndex(collection, buildDocument({ v: 2, key: { [path]: rng(2) === 0 ? 1 : -1 }, name: path }))
    }
    for (let id = 0; id < 300; id++) unless(16746, () => unit.insert(collection, randomDocument(rng, id)))
  })
  const requests = Array.from({ length: 200 }, () => {
    const filter = parseFilter(randomFilter(rng, 1))
    const sort = parseSort(buildDocument({ [pick(rng, paths)]: rng(2) === 0 ? 1 : -1, _id: 1 }))
    return { filter, sort, hint: stringValue(pick(rng, paths)) }
  })
  const before = engine.snapshot()
  const scanned = requests.map(({ filter, sort }) =>
    idsOf(collection, before.timestamp, { filter, sort, hint: stringValue('_id_') }),
  )
  engine.write((unit) => {
    for (let id = 0; id < 300; id += 3) {
      const recordId = collection.findById(16, int32Value(id).bytes, 0, before.timestamp)
      if (recordId === undefined) continue
      if (id % 2 === 0) unit.remove(collection, recordId)
      else unless(16746, () => unit.update(collection, recordId, randomDocument(rng, id)))
    }
  })
  const after = engine.snapshot()
  let rows = 0
  requests.forEach(({ filter, sort, hint }, i) => {
    expect(idsOf(collection, before.timestamp, { filter, sort, hint }), `request ${i}`).toEqual(scanned[i])
    expect(idsOf(collection, before.timestamp, { filter, sort })).toEqual(scanned[i])
    const now = idsOf(collection, after.timestamp, { filter, sort })
    expect(idsOf(collection, after.timestamp, { filter, sort, hint }), `request ${i}`).toEqual(now)
    rows += now.length
  })
  expect(rows).toBeGreaterThan(2000)
  before.release()
  after.release()
  await engine.close()
})
