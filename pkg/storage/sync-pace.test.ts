import { expect, test } from 'vitest'
import { SyncPace } from './sync-pace.ts'

function paceOf(...samples: number[]): number {
  const pace = new SyncPace()
  for (const ms of samples) pace.note(ms)
  return pace.medianMs
}

test('a disk counts as quick until most syncs were slow', () => {
  expect(paceOf()).toBe(0)
  expect(paceOf(80, 90, 70, 60)).toBe(0)
  expect(paceOf(80, 90, 70, 60, 50)).toBe(50)
})

test('a few slow syncs among quick ones change nothing, and a slow disk that has become quick is known after some', () => {
  expect(paceOf(0.2, 40, 0.3, 0.2, 25, 0.2, 0.1, 60, 0.2)).toBe(0.2)
  const slow = [9, 9, 9, 9, 9, 9, 9, 9, 9]
  expect(paceOf(...slow, 0.2, 0.2, 0.2, 0.2)).toBe(9)
  expect(paceOf(...slow, 0.2, 0.2, 0.2, 0.2, 0.2)).toBe(0.2)
})
