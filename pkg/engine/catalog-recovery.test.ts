/** Catalog changes in any order, with checkpoints and crashes in between: what is recovered is what was there. */
import { expect, test } from 'vitest'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { openEngine } from '../sim/engine-workload.ts'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import type { Collection } from './collection.ts'
import type { Engine } from './engine.ts'

const databases = ['d', 'e']
const names = ['a', 'b', 'c']

/** Everything the catalog knows, but for what may differ: where the pages are. */
function catalogOf(engine: Engine): unknown {
  return databases.flatMap((database) =>
    engine.collections(database).map((collection) => ({
      namespace: collection.namespace,
      id: collection.id,
      uuid: Buffer.from(collection.uuid).toString('hex'),
      options: Buffer.from(collection.options).toString('hex'),
      nextRecordId: collection.nextRecordId,
      documentCount: collection.documentCount,
      dataSizeBytes: collection.dataSizeBytes,
      indexes: collection.indexes.map((index) => ({
        definition: Buffer.from(index.definition.bytes).toString('hex'),
        multikey: [...index.multikeyPaths],
      })),
      records: recordsOf(collection),
    })),
  )
}

function recordsOf(collection: Collection): string[] {
  const records: string[] = []
  const cursor = collection.scan(timestampMax)
  while (cursor.next()) {
    records.push(`${cursor.recordId} ${Buffer.from(cursor.bytes.slice(cursor.start, cursor.end)).toString('hex')}`)
  }
  return records
}

function change(engine: Engine, random: SeededRandom, n: number, usedIds: Set<number>): void {
  const database = databases[random.integer(2)]!
  const name = names[random.integer(3)]!
  const collection = engine.collection(database, name)
  engine.write((unit) => {
    if (collection === undefined) {
      const made = unit.createCollection(database, name, buildDocument({ n }))
      expect(usedIds.has(made.id)).toBe(false)
      usedIds.add(made.id)
      return
    }
    switch (random.integer(9)) {
      case 0:
        unit.dropCollection(collection)
        return
      case 1: {
        const to = { database: databases[random.integer(2)]!, name: names[random.integer(3)]! }
        const target = engine.collection(to.database, to.name)
        if (target === collection) return
        if (target !== undefined) unit.dropCollection(target)
        unit.renameCollection(collection, to.database, to.name)
        return
      }
      case 2:
        unit.modifyCollection(collection, buildDocument({ modified: n }))
        return
      case 3: {
        const field = ['x', 'y'][random.integer(2)]!
        if (collection.index(field) === undefined) {
          unit.createIndex(collection, buildDocument({ v: 2, key: { [field]: 1 }, name: field }))
        } else unit.dropIndex(collection, field)
        return
      }
      case 4: {
        const cursor = collection.scan(timestampMax, -1)
        const last = cursor.next() ? cursor.recordId : undefined
        cursor.close()
        if (last !== undefined) unit.remove(collection, last)
        return
      }
      default: {
        const before = collection.nextRecordId
        const x = random.integer(3) === 0 ? [1, n] : n
        expect(unit.insert(collection, buildDocument({ _id: n, x, y: random.integer(5) }))).toBe(before)
      }
    }
  })
}

test.for(Array.from({ length: 40 }, (_, i) => i + 1))(
  'catalog changes survive in any order (seed %d)',
  async (seed) => {
    const random = new SeededRandom(seed)
    let world = simulatedWorld(seed)
    let engine = await openEngine(world)
    const usedIds = new Set<number>()
    for (let n = 0; n < 120; n++) {
      change(engine, random, n, usedIds)
      const draw = random.integer(20)
      if (draw < 3) await engine.checkpoint()
      else if (draw === 3) await world.clock.sleep(30)
      else if (draw < 6) {
        await engine.durable(engine.lastIndex)
        const before = catalogOf(engine)
        const { lastTimestamp } = engine
        if (draw === 4) await engine.close()
        // The clock goes back by a day now and then.
        world = draw === 4 ? world.restart() : world.crash({ sectors: 'none' })
        if (random.integer(2) === 0) {
          const { clock } = world
          const nowMs = clock.nowMs.bind(clock)
          clock.nowMs = () => nowMs() - 86_400_000
        }
        engine = await openEngine(world)
        expect(catalogOf(engine)).toEqual(before)
        expect(engine.lastTimestamp).toBeGreaterThanOrEqual(lastTimestamp)
        expect((await engine.check()).problems).toEqual([])
      }
    }
    await engine.close()
  },
)
