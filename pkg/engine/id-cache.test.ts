import { expect, test } from 'vitest'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { getField, numberOf } from '../bson/value.ts'
import { openEngine } from '../sim/engine-workload.ts'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'

const idTypes = [16, 2] as const

function idOf(n: number): { type: number; bytes: Uint8Array; start: number } {
  const type = idTypes[n % 2]!
  const bytes = buildDocument({ _id: type === 16 ? n : `id ${n}` })
  return { type, bytes, start: 9 }
}

test('reading by _id gives what was written last, whatever was read, removed and inserted anew before', async () => {
  const engine = await openEngine(simulatedWorld(3))
  const random = new SeededRandom(3)
  engine.write((unit) => unit.createCollection('db', 'c', buildDocument({})))
  const collection = engine.collection('db', 'c')!
  const model = new Map<number, number>()
  const record = { bytes: new Uint8Array(0), start: 0, end: 0 }
  for (let step = 0; step < 20_000; step++) {
    const n = random.integer(3000)
    const id = idOf(n)
    const draw = random.integer(10)
    if (draw < 4) {
      const found = collection.readById(id.type, id.bytes, id.start, record)
      expect(found ? numberOf(getField(record.bytes, 'v', record.start)!) : undefined).toBe(model.get(n))
      continue
    }
    const recordId = collection.findById(id.type, id.bytes, id.start, timestampMax)
    expect(recordId !== undefined).toBe(model.has(n))
    const document = buildDocument({ _id: id.type === 16 ? n : `id ${n}`, v: step })
    engine.write((unit) => {
      if (recordId === undefined) unit.insert(collection, document)
      else if (draw === 9) unit.remove(collection, recordId)
      else unit.update(collection, recordId, document)
    })
    if (recordId !== undefined && draw === 9) model.delete(n)
    else model.set(n, step)
  }
  await engine.close()
})
