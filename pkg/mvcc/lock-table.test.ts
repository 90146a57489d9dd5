import { afterEach, beforeEach, expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { SeededRandom } from '../sim/random.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import { TemporaryPages } from '../storage/temporary-pages.ts'
import { LockStore } from './lock-store.ts'
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
  expect(table.heldCount(a)).toBe(1)
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

test('a circle is found, too, where one waits behind somebody who holds nothing', async () => {
  const [a, b] = [owner(1, 50), owner(2, 10)]
  table.take(7, 'x', 'read', a)
  table.take(7, 'y', 'write', b)
  const waits = [wait('plain', 'x', 'write', undefined), wait('b', 'x', 'read', b), wait('a', 'y', 'write', a)]
  await world.clock.yield()
  expect(log).toEqual(['b: WriteConflict'])
  table.release(b)
  await waits[2]
  table.release(a)
  await Promise.all(waits)
  expect(log).toEqual(['b: WriteConflict', 'a has y', 'plain has x'])
  expect(table.isEmpty).toBe(true)
})

test('locks in stores are as those that are not: the same work gives the same answers', async () => {
  let storedCount = 0
  /** What a table says to random work: of owners that have stores beyond three locks, or of those that have none. */
  const answers = async (seed: number, withStores: boolean): Promise<string[]> => {
    const random = new SeededRandom(seed)
    const pages = new TemporaryPages(1024, 16 * 1024, () => {
      throw new Error('so few locks need no file')
    })
    const locks = new LockTable(3)
    const newLockStore = (): LockStore => {
      storedCount++
      return new LockStore(pages.createTree())
    }
    const owners = [1, 2, 3].map((id): LockOwner => ({ id, cost: id, locks: [], ...(withStores && { newLockStore }) }))
    const waiting = new Set<LockOwner>()
    const said: string[] = []
    /** Which of several locks that are let go is given on first says nothing. */
    const ended: string[] = []
    for (let step = 0; step < 300; step++) {
      const who = owners[random.integer(3)]!
      const space = [-2, 7, 8][random.integer(3)]!
      const key = String(random.integer(6))
      const mode = random.chance(0.2) ? 'read' : 'write'
      const draw = random.integer(20)
      if (draw < 2) {
        locks.interrupt(who, () => new DatabaseError('Interrupted', 'x'))
        locks.release(who)
        said.push(`${step} release, empty: ${locks.isEmpty}`)
      } else if (draw < 5) said.push(`${step} free: ${locks.isFree(space, key, mode)}`)
      else if (!waiting.has(who)) {
        const taken = locks.take(space, key, mode, who)
        said.push(`${step} ${who.id} takes: ${taken}, has ${locks.heldCount(who)}`)
        if (taken || draw < 12) continue
        waiting.add(who)
        const end = (how: string) => () => {
          waiting.delete(who)
          ended.push(`${step} ${how}`)
        }
        locks.wait({ space, key, mode }, who, Number.POSITIVE_INFINITY, world.clock).then(end('waited'), end('gave up'))
      }
      if (!random.chance(0.3)) continue
      await Promise.resolve()
      said.push(...ended.splice(0).sort())
    }
    for (const who of owners) locks.interrupt(who, () => new DatabaseError('Interrupted', 'x'))
    for (const who of owners) locks.release(who)
    return [...said, ...ended.sort(), `empty: ${locks.isEmpty}`]
  }
  for (let seed = 0; seed < 100; seed++) expect(await answers(seed, true)).toEqual(await answers(seed, false))
  expect(storedCount).toBeGreaterThan(100)
})
