import { expect, test } from 'vitest'
import type { RecordId } from '../base/ids.ts'
import { buildDocument } from '../bson/build.ts'
import type { Clock } from '../io/clock.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Engine } from './engine.ts'

/** What passes between two looks at the clock, and so in a slice of vacuum: two of them are a turn. */
const stepMs = 0.25
const documentCount = 5000

/** A database whose every document has an older version, which `snapshot` needs, and how long the rests of vacuum are. */
async function openUpdated() {
  const world = simulatedWorld(1)
  const restsMs: number[] = []
  const clock: Clock = {
    nowMs: () => world.clock.nowMs(),
    monotonicMs: () => {
      world.clock.elapse(stepMs)
      return world.clock.monotonicMs()
    },
    idleMs: () => 0,
    setTimer: (delayMs, action, isAwaited) => {
      if (isAwaited === true) restsMs.push(delayMs)
      return world.clock.setTimer(delayMs, action)
    },
    defer: (action) => world.clock.defer(action),
    yield: () => world.clock.yield(),
  }
  const engine = await Engine.open({ ...world, clock }, 'data', { vacuumIntervalMs: 3_600_000 })
  const ids: RecordId[] = []
  engine.write((unit) => {
    const collection = unit.createCollection('db', 'c', buildDocument({}))
    for (let n = 0; n < documentCount; n++) ids.push(unit.insert(collection, buildDocument({ _id: n, at: 0 })))
  })
  const collection = engine.collection('db', 'c')!
  /** Of the first `count` documents. */
  const update = (count: number): void => {
    engine.write((unit) => {
      for (let n = 0; n < count; n++) unit.update(collection, ids[n]!, buildDocument({ _id: n, at: 1 }))
    })
  }
  const snapshot = engine.snapshot()
  update(documentCount)
  return { engine, snapshot, update, restsMs }
}

test('while others write, vacuum rests nineteen times as long as it works, in whole milliseconds', async () => {
  const { engine, snapshot, restsMs } = await openUpdated()
  snapshot.release()
  expect(await engine.vacuum()).toBeGreaterThan(documentCount / 2)
  expect(restsMs.length).toBeGreaterThan(3)
  expect(new Set(restsMs)).toEqual(new Set([10]))
  await engine.close()
})

test('where more is superseded than vacuum drops, it rests nine times as long as it works', async () => {
  const { engine, snapshot, update, restsMs } = await openUpdated()
  const running = engine.vacuum()
  const later = engine.snapshot()
  update(1)
  expect(await running).toBe(0)
  expect(restsMs.length).toBeGreaterThan(3)
  expect(new Set(restsMs)).toEqual(new Set([5]))
  later.release()
  snapshot.release()
  await engine.close()
})
