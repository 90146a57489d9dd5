import { afterEach, expect, test } from 'vitest'
import type { Timestamp } from '../base/timestamp.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import { Engine } from './engine.ts'
import { encodeSessionWrite, type SessionWrite, sessionState } from './session-records.ts'

const worlds: SimulatedWorld[] = []
afterEach(() => {
  for (const world of worlds.splice(0)) world.clock.stop()
})

async function opened(seed: number): Promise<{ world: SimulatedWorld; engine: Engine }> {
  const world = simulatedWorld(seed)
  worlds.push(world)
  return { world, engine: await Engine.open(world, 'data') }
}

function session(n: number): Uint8Array {
  return new Uint8Array(16).fill(n)
}

function record(engine: Engine, write: Partial<SessionWrite>): void {
  const body = encodeSessionWrite({
    session: session(1),
    txnNumber: 1n,
    state: sessionState.retryableWrite,
    wallMs: engine.world.clock.nowMs(),
    first: 0,
    count: 1,
    result: new Uint8Array(0),
    ...write,
  })
  engine.write((unit) => {
    unit.announceSession(body.length)
    unit.recordSession(body)
  })
}

test('what a statement did is found under its number until the session goes on to the next', async () => {
  const { engine } = await opened(1)
  record(engine, { first: 0, count: 1, result: Uint8Array.of(1) })
  record(engine, { first: 1, count: 10, result: Uint8Array.of(2) })
  record(engine, { first: 11, result: Uint8Array.of(3) })
  const result = (txnNumber: bigint, statement: number): Uint8Array | undefined =>
    engine.sessions.result(session(1), txnNumber, statement)
  expect(result(1n, 0)).toEqual(Uint8Array.of(1))
  expect(result(1n, 1)).toEqual(Uint8Array.of(2))
  expect(result(1n, 10)).toEqual(Uint8Array.of(2))
  expect(result(1n, 11)).toEqual(Uint8Array.of(3))
  expect(result(1n, 12)).toBeUndefined()
  expect(result(2n, 0)).toBeUndefined()
  expect(engine.sessions.result(session(2), 1n, 0)).toBeUndefined()
  record(engine, { txnNumber: 2n, first: 5 })
  for (const statement of [0, 1, 11]) expect(result(1n, statement)).toBeUndefined()
  expect(result(2n, 5)).toEqual(new Uint8Array(0))
  expect(result(2n, 4)).toBeUndefined()
  expect(result(2n, 6)).toBeUndefined()
  expect(engine.sessions.head(session(1))).toMatchObject({ txnNumber: 2n, state: 0, timestamp: engine.lastTimestamp })
  await engine.close()
})

/** Random records against a map; crashes and checkpoints in between. */
test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  'records are those of the log after a crash, seed %i',
  async (seed) => {
    let { world, engine } = await opened(seed)
    const { random } = world
    const model = new Map<number, { txnNumber: bigint; at: Timestamp; results: Map<number, number> }>()
    const below = (limit: number): number => random.bytes(1)[0]! % limit
    for (let step = 0; step < 200; step++) {
      const n = below(5)
      const known = model.get(n)
      const isNew = known === undefined || below(4) === 0
      const txnNumber = isNew ? (known?.txnNumber ?? 0n) + 1n + BigInt(below(3)) : known.txnNumber
      const results = isNew ? new Map<number, number>() : known.results
      const first = results.size === 0 ? below(4) : Math.max(...results.keys()) + 1 + below(2)
      const count = 1 + below(4)
      record(engine, { session: session(n), txnNumber, first, count, result: Uint8Array.of(step) })
      for (let i = 0; i < count; i++) results.set(first + i, step)
      model.set(n, { txnNumber, at: engine.lastTimestamp, results })
      const what = below(20)
      if (what === 0) await engine.checkpoint()
      if (what === 1) {
        await engine.durable(engine.lastIndex)
        world = world.crash()
        worlds.push(world)
        engine = await Engine.open(world, 'data')
      }
      if (what === 2) while (!engine.sessions.sweepSlice(0, 3).complete);
    }
    for (const [n, { txnNumber, at, results }] of model) {
      expect(engine.sessions.head(session(n))).toMatchObject({ txnNumber, timestamp: at })
      for (let statement = 0; statement < 60; statement++) {
        const expected = results.get(statement)
        const found = engine.sessions.result(session(n), txnNumber, statement)
        expect(found).toEqual(expected === undefined ? undefined : Uint8Array.of(expected & 0xff))
      }
    }
    expect(engine.sessions.headsAfter(undefined, 100).map((head) => head.session[0])).toEqual(
      [...model.keys()].sort((a, b) => a - b),
    )
    expect((await engine.check()).problems).toEqual([])
  },
)

test('a sweep drops old records whole, and what earlier numbers left', async () => {
  const { engine } = await opened(3)
  const now = engine.world.clock.nowMs()
  for (let i = 0; i < 20; i++) record(engine, { session: session(1), first: i, wallMs: now - 1000 })
  for (let i = 0; i < 20; i++) record(engine, { session: session(2), first: i })
  record(engine, { session: session(2), txnNumber: 2n })
  let removed = 0
  for (let complete = false; !complete; ) {
    const slice = engine.sessions.sweepSlice(now - 500, 7)
    removed += slice.removed
    complete = slice.complete
  }
  expect(removed).toBe(20 + 19)
  expect(engine.sessions.headsAfter(undefined, 100)).toMatchObject([{ session: session(2), txnNumber: 2n }])
  expect(engine.sessions.sweepSlice(now - 500, 1000)).toEqual({ complete: true, removed: 0 })
  await engine.close()
})

test('records go by themselves some time after the last write of their session', async () => {
  const world = simulatedWorld(4)
  worlds.push(world)
  const engine = await Engine.open(world, 'data', { sessionRecordLifetimeMs: 1000, expiryIntervalMs: 100 })
  record(engine, {})
  await world.clock.sleep(900)
  expect(engine.sessions.head(session(1))).toBeDefined()
  await world.clock.sleep(1300)
  expect(engine.sessions.head(session(1))).toBeUndefined()
  await engine.close()
})
