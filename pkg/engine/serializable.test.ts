/** Random transactions at once: those that commit as serializable must be as if one had come after the other. */
import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { encodeKey, KeyWriter } from '../bson/key.ts'
import { bsonType } from '../bson/type.ts'
import { getField, numberOf } from '../bson/value.ts'
import { openEngine } from '../sim/engine-workload.ts'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import type { Engine } from './engine.ts'
import type { Isolation, Transaction } from './transaction.ts'

const none = buildDocument({})
const idsMax = 12

type Model = Map<number, number>
/** What a transaction did, with what it saw. */
type Step =
  | { readonly kind: 'get'; readonly id: number; readonly seen: number | undefined }
  | { readonly kind: 'count'; readonly from: number; readonly to: number; readonly seen: number }
  | { readonly kind: 'set'; readonly id: number; readonly n: number }
  | { readonly kind: 'remove'; readonly id: number }

interface Running {
  readonly transaction: Transaction
  readonly steps: Step[]
  /** Commits before it began. */
  from: number
  wrote: boolean
}

function idBytes(id: number): Uint8Array {
  return buildDocument({ _id: id }).subarray(9)
}

function keyOf(n: number): Uint8Array {
  const writer = new KeyWriter()
  encodeKey(writer, bsonType.int32, buildDocument({ n }).subarray(7), 0)
  return writer.bytes.slice(0, writer.length)
}

function step(random: SeededRandom, transaction: Transaction): Step {
  const collection = transaction.collection('db', 'c')!
  const id = random.integer(idsMax)
  const recordId = collection.findById(bsonType.int32, idBytes(id), 0, timestampMax)
  const draw = random.integer(10)
  if (draw < 3) {
    const ref = { bytes: none, start: 0, end: 0 }
    const isThere = recordId !== undefined && collection.read(recordId, timestampMax, ref)
    return { kind: 'get', id, seen: isThere ? numberOf(getField(ref.bytes, 'n', ref.start)!) : undefined }
  }
  if (draw < 5) {
    const from = random.integer(20)
    const to = from + random.integer(5)
    const walk = collection.index('n')!.scan(timestampMax, keyOf(from), keyOf(to), random.integer(2) === 0 ? 1 : -1)
    let seen = 0
    while (walk.next()) seen++
    walk.close()
    return { kind: 'count', from, to, seen }
  }
  const n = random.integer(24)
  transaction.write((unit) => {
    if (recordId === undefined) unit.insert(collection, buildDocument({ _id: id, n }))
    else if (draw < 8) unit.update(collection, recordId, buildDocument({ _id: id, n }))
    else unit.remove(collection, recordId)
  })
  return recordId !== undefined && draw >= 8 ? { kind: 'remove', id } : { kind: 'set', id, n }
}

/** Runs random transactions; each that commits with what it did, in the order of the commits. */
async function history(
  seed: number,
  isolation: Isolation,
  readLocks = false,
): Promise<{ engine: Engine; committed: Running[] }> {
  const random = new SeededRandom(seed)
  const engine = await openEngine(simulatedWorld(seed))
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', none)
    unit.createIndex(collection, buildDocument({ v: 2, key: { n: 1 }, name: 'n' }))
  })
  const committed: Running[] = []
  let writers = 0
  const open: (Running | undefined)[] = [undefined, undefined, undefined, undefined]
  for (let i = 0; i < 600; i++) {
    const slot = random.integer(open.length)
    const running = open[slot]
    if (running === undefined) {
      open[slot] = { transaction: engine.begin({ isolation, readLocks }), steps: [], from: writers, wrote: false }
      continue
    }
    const { transaction, steps } = running
    try {
      transaction.beginStatement()
      if (steps.length < 2 || random.integer(4) > 0) steps.push(step(random, transaction))
      else {
        running.wrote = transaction.hasWritten
        // What locks its reads sees of the others what was committed before its last statement.
        if (readLocks) running.from = writers
        transaction.commit()
        committed.push(running)
        if (running.wrote) writers++
        open[slot] = undefined
      }
    } catch (error) {
      if (!(error instanceof DatabaseError && error.codeName === 'WriteConflict')) throw error
      transaction.abort()
      open[slot] = undefined
    }
  }
  for (const running of open) running?.transaction.abort()
  return { engine, committed }
}

/** The first step that saw something else than it would have, had the transactions come one after the other. */
function anomaly(committed: readonly Running[]): Step | undefined {
  /** The state after each commit that wrote. */
  const states: Model[] = [new Map()]
  for (const { steps, from, wrote } of committed) {
    const state = new Map(wrote ? states.at(-1)! : states[from]!)
    for (const each of steps) {
      if (each.kind === 'set') state.set(each.id, each.n)
      else if (each.kind === 'remove') state.delete(each.id)
      else if (each.kind === 'get') {
        if (state.get(each.id) !== each.seen) return each
      } else if ([...state.values()].filter((n) => n >= each.from && n < each.to).length !== each.seen) return each
    }
    if (wrote) states.push(state)
  }
  return undefined
}

const seeds = Array.from({ length: 10 }, (_, seed) => seed)

test.for(seeds)('serializable transactions are as if one had come after the other, seed %d', async (seed) => {
  const { engine, committed } = await history(seed, 'serializable')
  expect(committed.filter(({ wrote }) => wrote).length).toBeGreaterThan(10)
  expect(anomaly(committed)).toBeUndefined()
  expect((await engine.check()).problems).toEqual([])
  await engine.close()
})

test.for(seeds)('so are those that lock what they read, seed %d', async (seed) => {
  const { engine, committed } = await history(seed, 'serializable', true)
  expect(committed.filter(({ wrote }) => wrote).length).toBeGreaterThan(10)
  expect(anomaly(committed)).toBeUndefined()
  expect(engine.locks.isEmpty).toBe(true)
  await engine.close()
})

test('the same transactions under snapshot are not: the check finds it', async () => {
  let found = 0
  for (const seed of seeds) {
    const { engine, committed } = await history(seed, 'snapshot')
    if (anomaly(committed) !== undefined) found++
    await engine.close()
  }
  expect(found).toBeGreaterThan(seeds.length / 2)
})
