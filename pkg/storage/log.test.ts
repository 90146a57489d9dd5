import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { hostWorld } from '../io/host/world.ts'
import type { World } from '../io/world.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Log, type LogEntry } from './log.ts'
import { wholePayload } from './log-reader.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function temporaryWorld(): World {
  const folder = mkdtempSync(join(tmpdir(), 'laura-log-'))
  folders.push(folder)
  return hostWorld(folder)
}

const index = (value: number) => value as LogIndex
const term = (value: number) => value as Term

interface Seen {
  index: number
  term: number
  timestamp: number
  payload: string
}

const seen = (entry: LogEntry): Seen => ({
  index: entry.index,
  term: entry.term,
  timestamp: entry.timestamp,
  payload: Buffer.from(wholePayload(entry)).toString('latin1'),
})

function open(world: World, from = 1, segmentSizeBytes = 4096): { log: Log; entries: Seen[] } {
  const entries: Seen[] = []
  const options = { segmentSizeBytes, from: index(from), windowBytes: 1024 }
  const log = Log.open(world, 'log', options, (entry) => entries.push(seen(entry)))
  return { log, entries }
}

function append(log: Log, text: string, inTerm = 1): LogIndex {
  const payload = Buffer.from(text, 'latin1')
  log.ensureSpace(payload.length)
  return log.append(term(inTerm), (2 ** 51 + log.lastIndex) as Timestamp, payload, payload.length)
}

const textOf = (at: number) => `entry ${at} `.repeat(1 + (at % 40))

describe.each([
  ['host', temporaryWorld],
  ['simulated', () => simulatedWorld(3)],
])('log on the %s disk', (_name, make) => {
  test('gives back after a reopen what was appended, over many segments', async () => {
    const world = make()
    const first = open(world)
    for (let at = 1; at <= 300; at++) {
      expect(append(first.log, textOf(at), 1 + (at >> 5))).toBe(at)
      if (at % 7 === 0) await first.log.durable(index(at))
    }
    await first.log.close()
    expect(world.disk.list('log').length).toBeGreaterThan(10)
    const { log, entries } = open(world)
    expect(entries.length).toBe(300)
    for (const [at, entry] of entries.entries()) {
      expect(entry).toEqual({
        index: at + 1,
        term: 1 + ((at + 1) >> 5),
        timestamp: 2 ** 51 + at,
        payload: textOf(at + 1),
      })
    }
    expect([log.lastIndex, log.lastTerm, log.durableIndex, log.firstIndex]).toEqual([300, 1 + (300 >> 5), 300, 1])
    expect(append(log, 'after', 20)).toBe(301)
    await log.close()
    expect(open(world, 300).entries.map((entry) => entry.payload)).toEqual([textOf(300), 'after'])
  })

  test('takes entries that are empty, and entries larger than a segment', async () => {
    const world = make()
    const { log } = open(world)
    const sizes = [0, 1, 20_000, 7, 3500, 3600, 0, 8, 70_000, 70_000, 3]
    for (const size of sizes) append(log, 'x'.repeat(size))
    await log.durable(log.lastIndex)
    await log.close()
    expect(open(world).entries.map((entry) => entry.payload.length)).toEqual(sizes)
  })

  test('reads back any stretch, durable or still in memory', async () => {
    const world = make()
    let { log } = open(world)
    for (let at = 1; at <= 200; at++) append(log, textOf(at))
    await log.durable(index(200))
    for (let at = 201; at <= 230; at++) append(log, textOf(at))
    const read = (from: number, to: number) => {
      const found: Seen[] = []
      log.read(index(from), index(to), (entry) => found.push(seen(entry)))
      expect(found.map((entry) => entry.index)).toEqual(Array.from({ length: to - from + 1 }, (_, at) => from + at))
      for (const entry of found) expect(entry.payload).toBe(textOf(entry.index))
    }
    for (const [from, to] of [
      [1, 230],
      [1, 1],
      [57, 133],
      [200, 201],
      [230, 230],
      [215, 220],
    ] as const)
      read(from, to)
    const waiting = log.durable(index(230))
    append(log, textOf(231))
    await world.clock.yield()
    read(190, 231)
    await waiting
    read(190, 231)
    await log.close()
    log = open(world, 200).log
    for (const [from, to] of [
      [3, 231],
      [199, 200],
      [231, 231],
    ] as const)
      read(from, to)
    await log.close()
  })

  test('drops whole segments before an index, and opens without them', async () => {
    const world = make()
    const { log } = open(world)
    for (let at = 1; at <= 200; at++) append(log, textOf(at))
    await log.durable(index(200))
    const before = world.disk.list('log').length
    log.truncateBefore(index(120))
    expect(log.firstIndex).toBeLessThanOrEqual(120)
    expect(log.firstIndex).toBeGreaterThan(100)
    expect(world.disk.list('log').length).toBeLessThan(before)
    log.read(index(120), index(200), () => undefined)
    log.truncateBefore(index(1000))
    expect(log.lastIndex).toBe(200)
    const { firstIndex } = log
    await log.close()
    expect(open(world, firstIndex).entries[0]!.index).toBe(firstIndex)
    expect(() => open(world, firstIndex - 1)).toThrow(`entry ${firstIndex - 1} is missing`)
  })

  test('drops the entries after an index, and goes on from there', async () => {
    const world = make()
    for (const keep of [150, 149, 101, 90, 37, 1, 0]) {
      const { log } = open(world)
      while (log.lastIndex < 200) append(log, textOf(log.lastIndex + 1), 1)
      await log.truncateAfter(index(keep))
      expect([log.lastIndex, log.durableIndex]).toEqual([keep, keep])
      append(log, 'another', 1)
      await log.durable(index(keep + 1))
      log.read(index(Math.max(1, keep)), index(keep + 1), () => undefined)
      await log.close()
      const after = open(world)
      expect(after.entries.length).toBe(keep + 1)
      expect(after.entries.at(-1)!.payload).toBe('another')
      await after.log.truncateAfter(index(keep))
      await after.log.close()
      expect(world.disk.exists('log/cut')).toBe(false)
    }
  })
})

test('writes what nobody waits for within about 50 ms, and leaves a mark when idle', async () => {
  const world = simulatedWorld(4, { syncLatencyMs: 0.2 })
  const { log } = open(world)
  append(log, 'a')
  expect(log.durableIndex).toBe(0)
  await world.clock.sleep(60)
  expect(log.durableIndex).toBe(1)
  const lengthOf = () => {
    const bytes = new Uint8Array(4096)
    world.disk.open('log/0000000000000001.log', { create: false }).read(bytes, 0, 4096, 0)
    return bytes.findLastIndex((byte) => byte !== 0)
  }
  const before = lengthOf()
  await world.clock.sleep(300)
  const marked = lengthOf()
  expect(marked).toBeGreaterThan(before)
  await world.clock.sleep(10_000)
  expect(lengthOf()).toBe(marked)
  append(log, 'b')
  await log.durable(index(2))
  await log.close()
  expect(open(world).entries.map((entry) => entry.payload)).toEqual(['a', 'b'])
})

test('one sync serves all who wait, and who comes meanwhile shares the next', async () => {
  for (const syncLatencyMs of [0.1, 8]) {
    const world = simulatedWorld(5, { syncLatencyMs })
    const { log } = open(world, 1, 1 << 20)
    // A slow disk is known to be slow after some syncs.
    for (let round = 0; round < 10; round++) await log.durable(append(log, 'warm'))
    let syncs = 0
    world.disk.inject = (operation) => {
      if (operation.kind === 'sync') syncs++
      return undefined
    }
    const writers = Array.from({ length: 64 }, async () => {
      for (let round = 0; round < 10; round++) {
        const at = append(log, 'some payload')
        await log.durable(at)
        expect(log.durableIndex).toBeGreaterThanOrEqual(at)
      }
    })
    await Promise.all(writers)
    expect(log.lastIndex).toBe(650)
    expect(syncs).toBeLessThan(20)
    world.clock.stop()
  }
})

test('one writer has its sync at once, and lets others in all the same', async () => {
  const world = simulatedWorld(8, { syncLatencyMs: 0.1 })
  const { log } = open(world, 1, 1 << 20)
  const shareOf = async (rounds: number): Promise<number> => {
    let atOnce = 0
    for (let round = 0; round < rounds; round++) {
      const durable = log.durable(append(log, 'some payload'))
      if (log.durableIndex === log.lastIndex) atOnce++
      await durable
    }
    return atOnce / rounds
  }
  await shareOf(20)
  expect(await shareOf(90)).toBeCloseTo(8 / 9, 1)
  // A second writer is met before long, and the two share their syncs from then on.
  let syncs = 0
  world.disk.inject = (operation) => {
    if (operation.kind === 'sync') syncs++
    return undefined
  }
  const writer = async (): Promise<void> => {
    for (let round = 0; round < 100; round++) await log.durable(append(log, 'some payload'))
  }
  await Promise.all([writer(), writer()])
  expect(syncs).toBeLessThan(115)
  world.clock.stop()
})

test('prepares the next segment before the current one is full', async () => {
  const world = simulatedWorld(6)
  const { log } = open(world, 1, 64 * 1024)
  for (let round = 0; round < 40; round++) await log.durable(append(log, 'x'.repeat(1000)))
  await world.clock.sleep(200)
  expect(world.disk.list('log').filter((name) => name.startsWith('spare-'))).toHaveLength(1)
  log.ensureSpace(200_000)
  expect(world.disk.list('log').filter((name) => name.startsWith('spare-'))).toHaveLength(1)
  const kinds = new Set<string>()
  world.disk.inject = (operation) => {
    kinds.add(operation.kind)
    return undefined
  }
  for (let round = 0; round < 40; round++) log.ensureSpace(1000)
  while (log.lastIndex < 70) append(log, 'x'.repeat(1000))
  expect([...kinds]).toEqual([])
  await log.durable(log.lastIndex)
  await log.close()
  expect(open(world, 1, 64 * 1024).entries).toHaveLength(70)
})

test('the first failed write or sync is final for everybody', async () => {
  for (const kind of ['write', 'sync'] as const) {
    for (const syncLatencyMs of [0.1, 8]) {
      const world = simulatedWorld(7, { syncLatencyMs })
      const { log } = open(world)
      const told: DatabaseError[] = []
      log.onFailure = (error) => told.push(error)
      for (let round = 0; round < 10; round++) await log.durable(append(log, 'fine'))
      world.disk.inject = (operation) => (operation.kind === kind ? 'EIO' : undefined)
      // On a quick disk the first is told at once, and the second cannot be appended any more.
      const written = async (text: string): Promise<void> => log.durable(append(log, text))
      const waiting = [written('a'), written('b')]
      const errors = (await Promise.allSettled(waiting)).map((result) => (result as PromiseRejectedResult).reason)
      expect(errors[0]).toBeInstanceOf(DatabaseError)
      expect(errors[1]).toBe(errors[0])
      expect(told).toEqual([errors[0]])
      world.disk.inject = undefined
      expect(() => append(log, 'c')).toThrow(errors[0])
      await expect(log.durable(log.lastIndex)).rejects.toBe(errors[0])
      await log.durable(index(10))
      await expect(log.close()).rejects.toBe(errors[0])
      expect(told).toHaveLength(1)
    }
  }
})

test('a full disk is reported before anything is appended, and what was there stays', async () => {
  const world = simulatedWorld(8, { capacityBytes: 10 * 4096 })
  const { log } = open(world, 1, 8192)
  const accepted: string[] = []
  const fill = () => {
    for (;;) {
      const text = `${accepted.length} `.repeat(300)
      try {
        append(log, text)
      } catch (error) {
        expect(error).toBeInstanceOf(DatabaseError)
        expect((error as DatabaseError).codeName).toBe('OutOfDiskSpace')
        return
      }
      accepted.push(text)
    }
  }
  fill()
  expect(accepted.length).toBeGreaterThan(15)
  expect(log.lastIndex).toBe(accepted.length)
  await log.durable(log.lastIndex)
  expect(() => log.ensureSpace(100_000)).toThrow('no space left')
  // Room again, by cutting the log.
  log.truncateBefore(log.lastIndex)
  await world.clock.sleep(2000)
  const { firstIndex } = log
  fill()
  await log.durable(log.lastIndex)
  const found = open(world.crash({ sectors: 'none', names: 0 }), firstIndex, 8192).entries
  expect(found.map((entry) => entry.payload)).toEqual(accepted.slice(firstIndex - 1))
})

test('refuses a log that is older than what was durable, or gone', async () => {
  const world = simulatedWorld(9)
  expect(() => open(world, 5)).toThrow('there is no log, and entry 4 was durable')
  const { log } = open(world)
  append(log, 'a')
  await log.close()
  open(world, 2)
  expect(() => open(world, 3)).toThrow('entry 2 was durable')
})

test('closes only when no file of a payload that was given up is in use any more', async () => {
  const world = simulatedWorld(4)
  const { log } = open(world)
  const payload = log.newPayload()
  payload.append(new Uint8Array(100), 100)
  const synced = Promise.withResolvers<void>()
  payload.file.syncAsync = () => synced.promise
  const finished = payload.finishAsync()
  payload.discard()
  let isClosed = false
  const closing = log.close().then(() => {
    isClosed = true
  })
  await world.clock.sleep(1000)
  expect([isClosed, world.disk.exists(payload.file.path)]).toEqual([false, true])
  synced.resolve()
  await Promise.all([finished, closing])
  expect(world.disk.exists(payload.file.path)).toBe(false)
})
