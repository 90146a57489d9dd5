/** What every implementation of `Disk` does, as the host's and the simulated one must. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type Disk, durableBlockBytes, type File } from '../io/disk.ts'
import { HostDisk } from '../io/host/disk.ts'
import { SeededRandom } from './random.ts'
import { simulatedWorld } from './world.ts'

const folders: string[] = []

function hostDisk(): Disk {
  const folder = mkdtempSync(join(tmpdir(), 'laura-disk-'))
  folders.push(folder)
  return new HostDisk(folder)
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const bytes = (...values: number[]) => Uint8Array.from(values)
const codeOf = (action: () => unknown): unknown => {
  try {
    action()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return 'no error'
}

/** Behind what was written durably each byte is what it was, or none. */
function loseTail(file: File, model: Uint8Array, end: number): void {
  const tail = new Uint8Array(Math.min(Math.ceil(end / durableBlockBytes) * durableBlockBytes, model.length) - end)
  expect(file.read(tail, 0, tail.length, end)).toBe(tail.length)
  expect(tail.every((byte, i) => byte === 0 || byte === model[end + i])).toBe(true)
  model.set(tail, end)
}

describe.each([
  ['host', hostDisk],
  ['simulated', () => simulatedWorld(1).disk as Disk],
])('%s disk', (_name, make) => {
  let disk: Disk
  beforeEach(() => {
    disk = make()
  })

  const contentOf = (path: string): Uint8Array => {
    const file = disk.open(path, { create: false })
    const target = new Uint8Array(file.size())
    expect(file.read(target, 0, target.length, 0)).toBe(target.length)
    file.close()
    return target
  }

  test('opens a missing file only when told to create it', () => {
    expect(codeOf(() => disk.open('a', { create: false }))).toBe('ENOENT')
    disk.open('a', { create: true }).close()
    expect(disk.open('a', { create: false }).size()).toBe(0)
    expect(codeOf(() => disk.open('missing/a', { create: true }))).toBe('ENOENT')
  })

  test('reads what was written, at offsets, and less at the end', () => {
    const file = disk.open('a', { create: true })
    file.write(bytes(9, 1, 2, 3, 9), 1, 3, 5000)
    expect(file.size()).toBe(5003)
    const target = new Uint8Array(8).fill(7)
    expect(file.read(target, 2, 6, 4999)).toBe(4)
    expect(target).toEqual(bytes(7, 7, 0, 1, 2, 3, 7, 7))
    expect(file.read(target, 0, 8, 6000)).toBe(0)
    file.write(bytes(8), 0, 1, 5001)
    file.sync()
    file.close()
    expect(contentOf('a').slice(4998)).toEqual(bytes(0, 0, 1, 8, 3))
  })

  test('keeps what was open before a reopen, through both handles', () => {
    const first = disk.open('a', { create: true })
    const second = disk.open('a', { create: true })
    first.write(bytes(1, 2), 0, 2, 0)
    second.write(bytes(3), 0, 1, 1)
    expect(contentOf('a')).toEqual(bytes(1, 3))
  })

  test('durable writes and others are read as they came, across blocks and up to the end of the file', async () => {
    const random = new SeededRandom(3)
    const file = disk.open('a', { create: true })
    let model = new Uint8Array(200_000)
    file.write(model, 0, model.length, 0)
    file.sync()
    let onward = 0
    for (let step = 0; step < 400; step++) {
      const kind = random.integer(10)
      if (kind === 0) {
        model = model.slice(0, 180_000 + random.integer(model.length - 180_000))
        file.truncate(model.length)
      }
      const length = 1 + random.integer(kind === 1 ? 100_000 : 700)
      const follows = kind > 3 && onward + length <= model.length
      const position = follows ? onward : random.integer(model.length - length)
      const source = new Uint8Array(length + 5).map(() => random.integer(256))
      if (kind === 2) file.write(source, 5, length, position)
      else if (kind === 3) await file.writeAsync(source, 5, length, position)
      else {
        file.appendDurably(source, 5, length, position)
        loseTail(file, model, position + length)
      }
      model.set(source.subarray(5), position)
      onward = position + length
      if (step % 10 === 0) expect(Buffer.compare(contentOf('a'), model)).toBe(0)
    }
    file.close()
    expect(Buffer.compare(contentOf('a'), model)).toBe(0)
  })

  test('a durable write goes to the file that was opened, whatever has its name by then', () => {
    const file = disk.open('a', { create: true })
    file.write(new Uint8Array(8192), 0, 8192, 0)
    disk.rename('a', 'b')
    disk.open('a', { create: true }).write(new Uint8Array(8192), 0, 8192, 0)
    file.appendDurably(bytes(1, 2), 0, 2, 4095)
    file.close()
    expect(contentOf('a').includes(1)).toBe(false)
    expect(contentOf('b').subarray(4094, 4098)).toEqual(bytes(0, 1, 2, 0))
  })

  test('writes and syncs off the thread', async () => {
    const file = disk.open('a', { create: true })
    const large = new Uint8Array(100_000).map((_, at) => at % 251)
    await Promise.all([file.writeAsync(large, 0, large.length, 0), file.writeAsync(bytes(5), 0, 1, 200_000)])
    await file.syncAsync()
    file.close()
    const found = contentOf('a')
    expect(found.subarray(0, large.length)).toEqual(large)
    expect(found.length).toBe(200_001)
    expect(found[200_000]).toBe(5)
  })

  test('a file closed while a write is under way still takes it', async () => {
    const file = disk.open('a', { create: true })
    const writing = file.writeAsync(bytes(1, 2, 3), 0, 3, 0)
    file.close()
    await writing
    expect(contentOf('a')).toEqual(bytes(1, 2, 3))
  })

  test('truncate cuts off, and what is cut off reads as zeros after growing again', () => {
    const file = disk.open('a', { create: true })
    file.write(new Uint8Array(10_000).fill(1), 0, 10_000, 0)
    file.truncate(3)
    expect(file.size()).toBe(3)
    file.truncate(5)
    expect(contentOf('a')).toEqual(bytes(1, 1, 1, 0, 0))
    file.write(bytes(2), 0, 1, 9000)
    expect(contentOf('a').reduce((sum, byte) => sum + byte, 0)).toBe(5)
  })

  test('lists names sorted, and nothing for a missing folder', () => {
    disk.makeDirectory('x/y')
    disk.makeDirectory('x/y')
    for (const name of ['b', 'a', 'y/inner']) disk.open(`x/${name}`, { create: true }).close()
    expect(disk.list('x')).toEqual(['a', 'b', 'y'])
    expect(disk.list('')).toEqual(['x'])
    expect(disk.list('missing')).toEqual([])
    expect(disk.exists('x')).toBe(true)
    expect(disk.exists('x/y/inner')).toBe(true)
    expect(disk.exists('x/inner')).toBe(false)
    disk.syncDirectory('x')
    disk.syncDirectory('')
    expect(codeOf(() => disk.syncDirectory('missing'))).toBe('ENOENT')
  })

  test('removes, also what is not there or still open', () => {
    const file = disk.open('a', { create: true })
    disk.remove('a')
    disk.remove('a')
    expect(disk.exists('a')).toBe(false)
    file.write(bytes(1), 0, 1, 0)
    expect(file.size()).toBe(1)
    expect(disk.list('')).toEqual([])
  })

  test('a rename replaces the file of that name', () => {
    disk.open('a', { create: true }).write(bytes(1), 0, 1, 0)
    disk.open('b', { create: true }).write(bytes(2, 2), 0, 2, 0)
    disk.rename('a', 'b')
    expect(disk.list('')).toEqual(['b'])
    expect(contentOf('b')).toEqual(bytes(1))
    expect(codeOf(() => disk.rename('a', 'c'))).toBe('ENOENT')
  })

  test('refuses paths that lead out', () => {
    for (const path of ['../a', '/etc/passwd', 'x/../../a']) {
      expect(codeOf(() => disk.open(path, { create: true }))).toBe('EACCES')
      expect(codeOf(() => disk.remove(path))).toBe('EACCES')
      expect(codeOf(() => disk.rename('a', path))).toBe('EACCES')
    }
  })

  test('a lock is held once, and again after its release', () => {
    const lock = disk.lock('lock')
    expect(codeOf(() => disk.lock('lock'))).toBe('ELOCKED')
    lock.release()
    const next = disk.lock('lock')
    // A release that comes twice does not take the lock from its next holder.
    lock.release()
    expect(codeOf(() => disk.lock('lock'))).toBe('ELOCKED')
    next.release()
  })
})
