import { expect, test } from 'vitest'
import { SyncPace } from './sync-pace.ts'

function paceOf(...samples: number[]): SyncPace {
  const pace = new SyncPace()
  for (const ms of samples) pace.noteBlocking(ms)
  return pace
}

/** How many of `syncs` are waited for on this thread, on a disk and with a thread that stay as they are. */
function blockingSyncs(pace: SyncPace, syncs: number, ms: number, idleShare: number): number {
  let blocking = 0
  for (let i = 0; i < syncs; i++) {
    if (pace.blocks) {
      blocking++
      pace.noteBlocking(ms)
    } else pace.noteHandedOver(ms, ms * idleShare)
  }
  return blocking
}

test('a disk counts as quick until most syncs were slow', () => {
  expect(paceOf().blocks).toBe(true)
  expect(paceOf(80, 90, 70, 60).blocks).toBe(true)
  expect(paceOf(80, 90, 70, 60, 50).blocks).toBe(false)
})

test('a few slow syncs among quick ones change nothing, and a slow disk that has become quick is known after some', () => {
  expect(paceOf(0.2, 40, 0.3, 0.2, 25, 0.2, 0.1, 60, 0.2).medianMs).toBe(0.2)
  const slow = [9, 9, 9, 9, 9, 9, 9, 9, 9]
  expect(paceOf(...slow, 0.2, 0.2, 0.2, 0.2).blocks).toBe(false)
  expect(paceOf(...slow, 0.2, 0.2, 0.2, 0.2, 0.2).blocks).toBe(true)
})

test('a quick disk is waited for, however busy the thread is', () => {
  expect(blockingSyncs(new SyncPace(), 1000, 0.3, 0)).toBe(1000)
})

test('a slow disk is left to another thread while this one has something to do', () => {
  const pace = paceOf(3, 3, 3, 3, 3, 3, 3, 3, 3)
  expect(blockingSyncs(pace, 1000, 3, 0.5)).toBe(0)
  // Idle, and busy again: both are noticed.
  expect(blockingSyncs(pace, 1000, 3, 0.98)).toBeGreaterThan(900)
  expect(blockingSyncs(pace, 1000, 3, 0.5)).toBeLessThanOrEqual(32)
})

test('a very slow disk is never waited for', () => {
  expect(blockingSyncs(paceOf(20, 20, 20, 20, 20, 20, 20, 20, 20), 1000, 20, 1)).toBe(0)
})

test('a sync begins at once only for one who has long been alone, on a quick disk', () => {
  const serve = (pace: SyncPace, count: number, served: number, waiting: number): void => {
    for (let i = 0; i < count; i++) pace.noteServed(served, waiting)
  }
  const pace = paceOf(0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2)
  serve(pace, 7, 1, 0)
  expect(pace.beginsAtOnce()).toBe(false)
  serve(pace, 1, 1, 0)
  const answers = Array.from({ length: 18 }, () => pace.beginsAtOnce())
  expect(answers.filter((atOnce) => !atOnce)).toHaveLength(2)
  serve(pace, 1, 1, 1)
  expect(pace.beginsAtOnce()).toBe(false)
  serve(pace, 8, 1, 0)
  expect(pace.beginsAtOnce()).toBe(true)
  serve(pace, 1, 2, 0)
  expect(pace.beginsAtOnce()).toBe(false)
  const slow = paceOf(3, 3, 3, 3, 3, 3, 3, 3, 3)
  serve(slow, 20, 1, 0)
  expect(slow.beginsAtOnce()).toBe(false)
})
