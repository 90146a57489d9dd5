import { afterEach, beforeEach, expect, test } from 'vitest'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import { type LockMode, type LockOwner, LockTable, type LockTarget } from './lock-table.ts'

let world: SimulatedWorld
let table: LockTable
const log: string[] = []

beforeEach(() => {
  world = simulatedWorld(1)
  table = new LockTable()
  log.length = 0
})

afterEach(() => {
  world.clock.stop()
})

const owner = (id: number, cost = 1): LockOwner => ({ id, cost, locks: [] })
const target = (key: string, mode: LockMode): LockTarget => ({ space: 7, key, mode })

/** Waits, and notes how it ended. */
function wait(name: string, key: string, mode: LockMode, who: LockOwner | undefined, timeoutMs = 1000): Promise<void> {
  return table.wait(target(key, mode), who, timeoutMs, world.clock).then(
    () => void log.push(`${name} has ${key}`),
    (error: { codeName: string }) => void log.push(`${name}: ${error.codeName}`),
  )
}

test('readers share, a writer is alone, and a reader alone may become one', () => {
  const [a, b] = [owner(1), owner(2)]
  expect(table.take(7, 'k', 'read', a)).toBe(true)
  expect(table.take(7, 'k', 'read', b)).toBe(true)
  expect(table.take(7, 'k', 'write', a)).toBe(false)
  expect([table.isFree(7, 'k', 'read'), table.isFree(7, 'k', 'write')]).toEqual([true, false])
  table.release(b)
  expect(table.take(7, 'k', 'write', a)).toBe(true)
  expect(table.take(7, 'k', 'read', b)).toBe(false)
  expect(table.isFree(7, 'k', 'read')).toBe(false)
  expect(a.locks.length).toBe(1)
  table.release(a)
  expect(table.isEmpty).toBe(true)
})

test('the queue is served in its order, who holds nothing in passing, and who wants more of what it has first', async () => {
  const [a, b, c, d] = [owner(1), owner(2), owner(3), owner(4)]
  table.take(7, 'k', 'read', a)
  table.take(7, 'k', 'read', b)
  const waits = [wait('c', 'k', 'write', c), wait('plain', 'k', 'write', undefined), wait('d', 'k', 'read', d)]
  // Nobody overtakes those who wait.
  expect(table.take(7, 'k', 'read', owner(5))).toBe(false)
  waits.push(wait('a', 'k', 'write', a))
  table.release(b)
  await world.clock.yield()
  expect(log).toEqual(['a has k'])
  table.release(a)
  await world.clock.yield()
  expect(log).toEqual(['a has k', 'c has k'])
  table.release(c)
  await Promise.all(waits)
  expect(log).toEqual(['a has k', 'c has k', 'plain has k', 'd has k'])
  table.release(d)
  expect(table.isEmpty).toBe(true)
})

test('a wait ends after its time, or when it is interrupted, and those behind it go on', async () => {
  const [a, b, c] = [owner(1), owner(2), owner(3)]
  table.take(7, 'k', 'read', a)
  const waits = [wait('b', 'k', 'write', b, 20), wait('c', 'k', 'read', c)]
  await world.clock.sleep(30)
  expect(log).toEqual(['b: LockTimeout', 'c has k'])
  waits.push(wait('b again', 'k', 'write', b))
  expect(table.waitOf(b)).toMatchObject({ key: 'k' })
  table.release(c)
  table.interrupt(b, () => Object.assign(new Error('ended'), { codeName: 'NoSuchTransaction' }) as never)
  await Promise.all(waits)
  expect(log.at(-1)).toBe('b again: NoSuchTransaction')
  expect([table.waitCount, table.timeoutCount]).toEqual([3, 1])
  table.release(a)
  expect(table.isEmpty).toBe(true)
})

test('of a circle the cheapest is refused, whoever closes it; two readers who both want to write are one, too', async () => {
  const [a, b, c] = [owner(1, 50), owner(2, 10), owner(3, 70)]
  table.take(7, 'x', 'write', a)
  table.take(7, 'y', 'write', b)
  table.take(7, 'z', 'write', c)
  const waits = [wait('a', 'y', 'write', a), wait('b', 'z', 'write', b), wait('c', 'x', 'write', c)]
  await world.clock.yield()
  expect(log).toEqual(['b: WriteConflict'])
  table.release(b)
  await world.clock.yield()
  expect(log).toEqual(['b: WriteConflict', 'a has y'])
  table.release(a)
  await Promise.all(waits)
  expect(log.at(-1)).toBe('c has x')
  table.release(c)

  table.take(7, 'k', 'read', a)
  table.take(7, 'k', 'read', b)
  const upgrades = [wait('a', 'k', 'write', a), wait('b', 'k', 'write', b)]
  await world.clock.yield()
  expect(log.at(-1)).toBe('b: WriteConflict')
  table.release(b)
  await Promise.all(upgrades)
  expect(log.at(-1)).toBe('a has k')
  expect(table.deadlockCount).toBe(2)
  table.release(a)
  expect(table.isEmpty).toBe(true)
})
