import { expect, test } from 'vitest'
import type { Disk, File } from '../io/disk.ts'
import { SimulatedCrash } from './simulated-crash.ts'
import { simulatedWorld } from './world.ts'

const sector = 512

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}

function create(disk: Disk, path: string): File {
  const file = disk.open(path, { create: true })
  disk.syncDirectory('')
  return file
}

function contentOf(disk: Disk, path: string): Uint8Array {
  const file = disk.open(path, { create: false })
  const target = new Uint8Array(file.size())
  file.read(target, 0, target.length, 0)
  return target
}

test('what was synced survives every crash, what was not survives by sectors', () => {
  const { disk } = simulatedWorld(7, { writeBackChance: 0 })
  const file = create(disk, 'a')
  file.write(filled(20 * sector, 1), 0, 20 * sector, 0)
  file.sync()
  file.write(filled(10 * sector, 2), 0, 10 * sector, 5 * sector + 100)
  expect(contentOf(disk.crash({ sectors: 'none' }), 'a')).toEqual(filled(20 * sector, 1))
  expect(contentOf(disk.crash({ sectors: 'all' }), 'a')).toEqual(contentOf(disk, 'a'))
  const seen = new Set<string>()
  for (let round = 0; round < 300; round++) {
    const found = contentOf(disk.crash({ sectors: 0.5 }), 'a')
    const kept: number[] = []
    for (let at = 0; at < 20; at++) {
      const whole = found.subarray(at * sector, (at + 1) * sector)
      const changed = whole.includes(2)
      if (changed) kept.push(at)
      const expected = changed ? contentOf(disk, 'a') : filled(20 * sector, 1)
      expect(whole).toEqual(expected.subarray(at * sector, (at + 1) * sector))
    }
    for (const at of kept) expect(at >= 5 && at <= 15).toBe(true)
    seen.add(kept.join())
  }
  expect(seen.size).toBeGreaterThan(200)
})

test('what was written durably survives every crash, and nothing else with it', async () => {
  const { disk } = simulatedWorld(9, { writeBackChance: 0 })
  const file = create(disk, 'a')
  file.write(filled(20 * sector, 1), 0, 20 * sector, 0)
  file.sync()
  file.write(filled(12 * sector, 2), 0, 12 * sector, 2 * sector)
  // Its end must not bring back what was there when it began.
  const syncing = file.syncAsync()
  file.write(filled(2 * sector, 3), 0, 2 * sector, 15 * sector)
  file.appendDurably(filled(6 * sector, 4), 0, 6 * sector, 10 * sector)
  const durable = filled(20 * sector, 1).fill(4, 10 * sector, 16 * sector)
  expect(contentOf(disk.crash({ sectors: 'none' }), 'a')).toEqual(durable)
  for (let round = 0; round < 50; round++) {
    const found = contentOf(disk.crash({ sectors: 0.5 }), 'a')
    expect(found.subarray(10 * sector, 16 * sector)).toEqual(filled(6 * sector, 4))
  }
  await syncing
  durable.fill(2, 2 * sector, 10 * sector)
  expect(contentOf(disk.crash({ sectors: 'none' }), 'a')).toEqual(durable)
  durable.fill(3, 16 * sector, 17 * sector)
  expect(contentOf(disk, 'a')).toEqual(durable)
})

test('a durable write that fails or is cut off is as one that was not synced', () => {
  const { disk } = simulatedWorld(10, { writeBackChance: 0 })
  const file = create(disk, 'a')
  file.write(filled(8 * sector, 1), 0, 8 * sector, 0)
  file.sync()
  const seen = new Set<string>()
  for (const fate of ['EIO', 'crash'] as const) {
    for (let round = 0; round < 40; round++) {
      const image = disk.crash()
      const again = image.open('a', { create: false })
      const last = image.operationCount + 2
      if (fate === 'crash') image.crashAt(last)
      else image.failAt(last, fate)
      expect(() => again.appendDurably(filled(4 * sector, 2), 0, 4 * sector, 4 * sector)).toThrow(
        fate === 'crash' ? SimulatedCrash : /EIO/,
      )
      const found = contentOf(image.crash({ sectors: 0.5 }), 'a')
      seen.add(Array.from({ length: 8 }, (_, at) => found[at * sector]).join(''))
    }
  }
  expect(seen.size).toBeGreaterThan(8)
  expect([...seen].every((kept) => /^1111[12]{4}$/.test(kept))).toBe(true)
})

test('what follows bytes that were written durably is lost, to the end of their block or of the file', () => {
  const { disk } = simulatedWorld(11)
  const file = create(disk, 'a')
  file.write(filled(9000, 1), 0, 9000, 0)
  file.sync()
  file.appendDurably(filled(10, 2), 0, 10, 100)
  file.appendDurably(filled(10, 3), 0, 10, 8190)
  const expected = filled(9000, 1)
  expected.fill(2, 100, 110).fill(0, 110, 4096).fill(3, 8190, 8200).fill(0, 8200, 9000)
  expect(contentOf(disk, 'a')).toEqual(expected)
})

test('a crash image is independent of the disk that it was taken from, and of its siblings', () => {
  const { disk } = simulatedWorld(8)
  const file = create(disk, 'a')
  file.write(filled(5000, 1), 0, 5000, 0)
  const images = [disk.crash({ sectors: 'all' }), disk.crash({ sectors: 'all' })]
  file.write(filled(5000, 2), 0, 5000, 0)
  file.sync()
  const image = images[0]!.open('a', { create: false })
  image.write(filled(10, 3), 0, 10, 0)
  image.sync()
  images[0]!.flipBit('a', 4500, 0)
  expect(contentOf(images[1]!, 'a')).toEqual(filled(5000, 1))
  expect(contentOf(disk, 'a')).toEqual(filled(5000, 2))
  expect(contentOf(images[0]!, 'a').slice(8, 12)).toEqual(Uint8Array.of(3, 3, 1, 1))
  expect(contentOf(images[0]!, 'a')[4500]).toBe(0)
})

test('names survive once their folder was synced; a rename is seen wholly or not at all', () => {
  const { disk } = simulatedWorld(9)
  disk.makeDirectory('x')
  disk.open('x/a', { create: true })
  expect(disk.crash({ names: 0 }).list('')).toEqual([])
  disk.syncDirectory('x')
  expect(disk.crash({ names: 0 }).list('')).toEqual([])
  disk.syncDirectory('')
  expect(disk.crash({ names: 0 }).list('x')).toEqual(['a'])
  disk.rename('x/a', 'x/b')
  disk.open('x/c', { create: true })
  const seen = new Set<string>()
  for (let round = 0; round < 100; round++) seen.add(disk.crash({ names: 0.5 }).list('x').join())
  expect([...seen].sort()).toEqual(['a', 'a,c', 'b', 'b,c'])
})

test('a sync covers what was written before it began, not while it ran', async () => {
  const { disk } = simulatedWorld(10, { writeBackChance: 0 })
  const file = create(disk, 'a')
  file.write(filled(sector, 1), 0, sector, 0)
  const syncing = file.syncAsync()
  file.write(filled(sector, 2), 0, sector, 0)
  file.write(filled(sector, 2), 0, sector, sector)
  expect(disk.crash({ sectors: 'none' }).open('a', { create: false }).size()).toBe(0)
  await syncing
  expect(contentOf(disk.crash({ sectors: 'none' }), 'a')).toEqual(filled(sector, 1))
  expect(contentOf(disk, 'a')).toEqual(filled(2 * sector, 2))
})

test('after a sync that failed, a later one that succeeds does not save what the first should have', () => {
  const { disk } = simulatedWorld(11, { writeBackChance: 0 })
  const file = create(disk, 'a')
  file.write(filled(64 * sector, 1), 0, 64 * sector, 0)
  disk.failAt(disk.operationCount + 1, 'EIO')
  expect(() => file.sync()).toThrow('EIO')
  file.write(filled(sector, 2), 0, sector, 64 * sector)
  file.sync()
  expect(contentOf(disk, 'a').subarray(0, 64 * sector)).toEqual(filled(64 * sector, 1))
  file.write(filled(sector, 3), 0, sector, sector)
  file.sync()
  expect(contentOf(disk, 'a')[sector]).toBe(3)
  const found = contentOf(disk.crash({ sectors: 'all' }), 'a')
  expect(found.length).toBe(65 * sector)
  expect(found[64 * sector]).toBe(2)
  expect(found[sector]).toBe(3)
  expect(found.subarray(0, 64 * sector)).toContain(0)
})

test('crashes at the operation it is told to, and does nothing more', async () => {
  const world = simulatedWorld(12)
  const file = create(world.disk, 'a')
  world.disk.crashAt(world.disk.operationCount + 2)
  file.write(filled(10, 1), 0, 10, 0)
  await expect(file.syncAsync()).rejects.toThrow(SimulatedCrash)
  expect(() => file.sync()).toThrow(SimulatedCrash)
  expect(() => world.disk.list('')).toThrow(SimulatedCrash)
  const next = world.crash({ sectors: 'none' })
  expect(next.disk.list('')).toEqual(['a'])
})

test('a killed process leaves what it wrote, still unsynced, and can do nothing more', () => {
  const world = simulatedWorld(17, { writeBackChance: 0 })
  const file = world.disk.open('a', { create: true })
  file.write(filled(10, 1), 0, 10, 0)
  const next = world.restart()
  expect(contentOf(next.disk, 'a')).toEqual(filled(10, 1))
  expect(() => file.write(filled(10, 2), 0, 10, 0)).toThrow(SimulatedCrash)
  expect(next.disk.crash({ names: 0 }).list('')).toEqual([])
  next.disk.syncDirectory('')
  expect(contentOf(next.disk.crash({ sectors: 'none' }), 'a')).toEqual(filled(0, 0))
  next.disk.open('a', { create: false }).sync()
  expect(contentOf(next.disk.crash({ sectors: 'none' }), 'a')).toEqual(filled(10, 1))
})

test('runs out of space at its capacity, and has it again after a removal', () => {
  const { disk } = simulatedWorld(13, { capacityBytes: 8 * 4096 })
  const file = disk.open('a', { create: true })
  file.write(filled(6 * 4096, 1), 0, 6 * 4096, 0)
  const other = disk.open('b', { create: true })
  expect(() => other.write(filled(3 * 4096, 1), 0, 3 * 4096, 0)).toThrow('ENOSPC')
  file.write(filled(4096, 2), 0, 4096, 100)
  other.write(filled(2 * 4096, 1), 0, 2 * 4096, 0)
  expect(() => file.write(filled(1, 1), 0, 1, 6 * 4096)).toThrow('ENOSPC')
  disk.remove('b')
  file.write(filled(1, 1), 0, 1, 6 * 4096)
})

test('the same seed does the same, another seed something else', async () => {
  const run = async (seed: number): Promise<string> => {
    const { clock, disk } = simulatedWorld(seed)
    const order: string[] = []
    const file = create(disk, 'a')
    const work = Array.from({ length: 12 }, async (_, at) => {
      for (let round = 0; round < 3; round++) {
        await (at % 3 === 0
          ? clock.yield()
          : at % 3 === 1
            ? clock.sleep(at)
            : file.writeAsync(filled(9, at), 0, 9, at * 300))
        order.push(`${at}@${clock.monotonicMs().toFixed(3)}`)
      }
    })
    await Promise.all(work)
    return order.join() + contentOf(disk.crash(), 'a').join()
  }
  const first = await run(14)
  expect(await run(14)).toBe(first)
  expect(await run(15)).not.toBe(first)
})

test('a crash image of a large file costs little', () => {
  const { disk } = simulatedWorld(16)
  const file = create(disk, 'a')
  file.write(new Uint8Array(8 << 20), 0, 8 << 20, 0)
  file.sync()
  const started = performance.now()
  for (let round = 0; round < 500; round++) {
    file.write(filled(2000, round & 255), 0, 2000, round * 3000)
    disk.crash()
    file.sync()
  }
  expect(performance.now() - started).toBeLessThan(2000)
})
