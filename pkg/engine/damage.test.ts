/**
 * Bit rot under the whole engine: one bit of the data file or of the log is flipped, the directory is opened, and everything in it is
 * read. Whatever the bit, the answer is the contents as they were, or DataCorruptionDetected with file and offset.
 *
 * Which bytes of the data file are in use is worked out here from docs/format/data-file.md, not asked from the code that wrote it.
 */
import { expect, test } from 'vitest'
import { DatabaseError } from '../base/errors.ts'
import { timestampMax } from '../base/timestamp.ts'
import { buildDocument } from '../bson/build.ts'
import { contentsOf } from '../sim/engine-workload.ts'
import { difference, type ModelState } from '../sim/model.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import { Engine } from './engine.ts'
import type { EngineOptions } from './options.ts'

const small: Partial<EngineOptions> = {
  cacheSizeBytes: 256 * 1024,
  pageSizeBytes: 4096,
  logSegmentBytes: 8 * 1024,
  checkpointLogBytes: 1 << 30,
  checkpointIntervalMs: 1_000_000,
}
const dataPath = 'data/data.laura'
const everything = { sectors: 'all', names: 1 } as const
const blockSize = 4096

interface Damaged {
  readonly world: SimulatedWorld
  readonly options: Partial<EngineOptions>
  /** Contents by log index. */
  readonly states: ReadonlyMap<number, ModelState>
  readonly lastIndex: number
}

/** Two collections with indexes, long values, two checkpoints, and entries after them, each of which was waited for. */
async function database(compression: 'none' | 'zstd', marked: boolean): Promise<Damaged> {
  const world = simulatedWorld(7, { writeBackChance: 0 })
  const options = { ...small, compression }
  const engine = await Engine.open(world, 'data', options)
  const states = new Map<number, ModelState>()
  const write = async (body: Parameters<Engine['write']>[0]) => {
    const { logIndex } = engine.write(body)
    await engine.durable(logIndex)
    states.set(logIndex, contentsOf(engine))
  }
  const document = (id: number, length: number) =>
    buildDocument({ _id: id, group: id % 5, tags: [id, id % 3], text: `${id}-`.repeat(length).slice(0, length) })
  await write((unit) => {
    const a = unit.createCollection('db', 'a', buildDocument({}))
    unit.createIndex(a, buildDocument({ v: 2, key: { group: 1 }, name: 'group' }))
    for (let id = 0; id < 60; id++) unit.insert(a, document(id, 100))
    unit.insert(a, document(60, 9000))
  })
  await engine.checkpoint()
  await write((unit) => {
    const b = unit.createCollection('db', 'b', buildDocument({}))
    unit.createIndex(b, buildDocument({ v: 2, key: { tags: 1 }, name: 'tags' }))
    for (let id = 0; id < 40; id++) unit.insert(b, document(id, 60))
  })
  await engine.checkpoint()
  for (let id = 100; id < 120; id++) {
    const collection = engine.collection('db', id % 2 === 0 ? 'a' : 'b')!
    await write((unit) => unit.insert(collection, document(id, 200)))
  }
  if (marked) await world.clock.sleep(1000)
  return { world, options, states, lastIndex: engine.lastIndex }
}

type Outcome =
  | { readonly kind: 'same' }
  | { readonly kind: 'shorter'; readonly lastIndex: number }
  | { readonly kind: 'refused'; readonly file: unknown; readonly offset: unknown; readonly message: string }
  | { readonly kind: 'checked'; readonly problems: readonly string[] }

/** Opens and reads everything. Throws when what is there is something that never was, or when anything but damage is reported. */
async function read(damaged: Damaged, survivor: SimulatedWorld): Promise<Outcome> {
  try {
    const engine = await Engine.open(survivor, 'data', damaged.options)
    const expected = damaged.states.get(engine.lastIndex)
    if (expected === undefined) throw new Error(`opened at log index ${engine.lastIndex}`)
    const wrong = difference(expected, contentsOf(engine))
    if (wrong !== undefined) throw new Error(`other data was served: ${wrong}`)
    for (const collection of engine.collections('db')) {
      for (const index of collection.indexes) {
        const cursor = index.scan(timestampMax)
        while (cursor.next()) expect(cursor.recordId).toBeLessThan(collection.nextRecordId)
      }
    }
    const { problems } = await engine.check()
    if (problems.length > 0) return { kind: 'checked', problems }
    if (engine.lastIndex === damaged.lastIndex) return { kind: 'same' }
    return { kind: 'shorter', lastIndex: engine.lastIndex }
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.codeName !== 'DataCorruptionDetected') throw error
    return { kind: 'refused', file: error.details['file'], offset: error.details['offset'], message: error.message }
  } finally {
    survivor.clock.stop()
  }
}

async function flipped(damaged: Damaged, path: string, offset: number, bit: number): Promise<Outcome> {
  const survivor = damaged.world.crash(everything)
  survivor.disk.flipBit(path, offset, bit)
  try {
    return await read(damaged, survivor)
  } catch (error) {
    throw new Error(`${path}, offset ${offset}, bit ${bit}: ${String(error)}`, { cause: error })
  }
}

function bytesOf(world: SimulatedWorld, path: string): Uint8Array {
  const file = world.disk.open(path, { create: false })
  const bytes = new Uint8Array(file.size())
  file.read(bytes, 0, bytes.length, 0)
  file.close()
  return bytes
}

interface Extent {
  readonly start: number
  /** Exclusive. */
  readonly end: number
  readonly what: 'superblock' | 'map' | 'page'
}

/** What the newest superblock leads to, and both superblocks. */
function usedExtents(file: Uint8Array): { newest: number; extents: Extent[] } {
  const view = new DataView(file.buffer)
  const epochs = [0, 1].map((slot) => view.getBigUint64(slot * blockSize + 24, true))
  const newest = epochs[0]! > epochs[1]! ? 0 : blockSize
  const extents: Extent[] = [0, blockSize].map((start) => ({ start, end: start + blockSize, what: 'superblock' }))
  const add = (block: number, length: number, what: Extent['what']) => {
    extents.push({ start: block * blockSize, end: block * blockSize + length, what })
  }
  const root = view.getUint32(newest + 64, true) * blockSize
  add(root / blockSize, view.getUint32(newest + 68, true), 'map')
  for (let chunk = 0; chunk < view.getUint32(root, true); chunk++) {
    const at = root + 16 * (chunk + 1)
    const start = view.getUint32(at, true) * blockSize
    add(start / blockSize, view.getUint32(at + 4, true), 'map')
    for (let entry = start; entry < start + view.getUint32(at + 4, true); entry += 16) {
      if (view.getUint32(entry + 12, true) !== 0 && view.getUint32(entry, true) !== 0) {
        add(view.getUint32(entry, true), view.getUint32(entry + 4, true), 'page')
      }
    }
  }
  return { newest, extents }
}

/** Offsets in the extent: of what is not zero every `step`th, of the rest a few. */
function* sampled(file: Uint8Array, { start, end }: Extent, step: number): Generator<number> {
  for (let at = start, count = 0; at < end; at++) {
    if (at === start || at === end - 1 || (file[at] !== 0 && count++ % step === 0) || at % (step * 29) === 0) yield at
  }
}

for (const [compression, step] of [
  ['none', 41],
  ['zstd', 23],
] as const) {
  test(`a flipped bit in a data file (compression: ${compression}) is found, with its offset, or changes nothing`, async () => {
    const damaged = await database(compression, true)
    const file = bytesOf(damaged.world, dataPath)
    const { newest, extents } = usedExtents(file)
    expect(extents.filter(({ what }) => what === 'page').length).toBeGreaterThan(10)
    for (const extent of extents) {
      const { start, what } = extent
      for (const offset of sampled(file, extent, what === 'map' ? step * 4 : step)) {
        const outcome = await flipped(damaged, dataPath, offset, offset & 7)
        if (what === 'superblock') expect(outcome, `superblock, offset ${offset}`).toEqual({ kind: 'same' })
        else if (outcome.kind === 'checked') {
          expect(outcome.problems.join('; ')).toContain(`offset ${start}`)
        } else {
          expect(outcome, `${what}, offset ${offset}`).toMatchObject({ kind: 'refused', file: dataPath, offset: start })
          expect((outcome as { message: string }).message).toContain(`${dataPath} is damaged at offset ${start}: `)
        }
      }
    }
    // What nothing leads to, the end of the last block of an extent included.
    const used = (at: number) => extents.some(({ start, end }) => at >= start && at < end)
    for (let offset = 2 * blockSize + 1; offset < Math.min(file.length, 100 * blockSize); offset += 1999) {
      if (!used(offset))
        expect(await flipped(damaged, dataPath, offset, 3), `offset ${offset}`).toEqual({ kind: 'same' })
    }
    expect(newest % blockSize).toBe(0)
  })
}

/** One bit of some of the bytes of every segment. */
async function flipAllOverLog(damaged: Damaged, each: (outcome: Outcome, where: string, path: string) => void) {
  let found = 0
  for (const name of damaged.world.disk.list('data/log').filter((entry) => entry.endsWith('.log'))) {
    const path = `data/log/${name}`
    const bytes = bytesOf(damaged.world, path)
    for (let offset = 0; offset < bytes.length; offset++) {
      if (bytes[offset] === 0 ? offset % 641 !== 0 : offset % 13 !== 0 && offset >= 64) continue
      const outcome = await flipped(damaged, path, offset, (offset >>> 3) & 7)
      if (outcome.kind === 'refused') found++
      each(outcome, `${path}, offset ${offset}`, path)
    }
  }
  return found
}

test('a flipped bit in a log whose last entry is marked is found, with its offset, or changes nothing', async () => {
  const damaged = await database('none', true)
  const found = await flipAllOverLog(damaged, (outcome, where, path) => {
    if (outcome.kind === 'same') return
    expect(outcome, where).toMatchObject({ kind: 'refused', file: path, offset: expect.any(Number) })
    expect((outcome as { message: string }).message, where).toContain(`${path}, offset `)
  })
  expect(found).toBeGreaterThan(300)
})

test('a flipped bit in a log without a mark costs at most the last entry', async () => {
  const damaged = await database('none', false)
  let cut = 0
  const found = await flipAllOverLog(damaged, (outcome, where, path) => {
    if (outcome.kind === 'same') return
    if (outcome.kind === 'shorter') {
      cut++
      expect(outcome, where).toEqual({ kind: 'shorter', lastIndex: damaged.lastIndex - 1 })
    } else expect(outcome, where).toMatchObject({ kind: 'refused', file: path, offset: expect.any(Number) })
  })
  expect(found).toBeGreaterThan(250)
  expect(cut).toBeGreaterThan(10)
})

test('a bad frame before good ones is refused, however much of it is bad', async () => {
  const damaged = await database('none', false)
  const name = damaged.world.disk.list('data/log').findLast((entry) => entry.endsWith('.log'))!
  const path = `data/log/${name}`
  for (const length of [1, 40, 400]) {
    const survivor = damaged.world.crash(everything)
    const file = survivor.disk.open(path, { create: false })
    file.write(new Uint8Array(length).fill(0x5a), 0, length, 600)
    const outcome = await read(damaged, survivor)
    expect(outcome, `${length} bytes`).toMatchObject({ kind: 'refused', file: path })
  }
})

test('a torn newest superblock leaves the other; both torn are refused', async () => {
  const damaged = await database('none', false)
  const { newest } = usedExtents(bytesOf(damaged.world, dataPath))
  const tear = (survivor: SimulatedWorld, start: number, from: number) => {
    const noise = new Uint8Array(blockSize - from).fill(0xa5)
    survivor.disk.open(dataPath, { create: false }).write(noise, 0, noise.length, start + from)
  }
  for (let from = 0; from < blockSize; from += 512) {
    const survivor = damaged.world.crash(everything)
    tear(survivor, newest, from)
    expect(await read(damaged, survivor)).toEqual({ kind: 'same' })
  }
  const survivor = damaged.world.crash(everything)
  for (const start of [0, blockSize]) tear(survivor, start, 512)
  expect(await read(damaged, survivor)).toMatchObject({ kind: 'refused', file: dataPath, offset: 0 })
})

test('files that are cut short, or gone, are refused', async () => {
  const damaged = await database('none', true)
  const { extents } = usedExtents(bytesOf(damaged.world, dataPath))
  const last = Math.max(...extents.map(({ start }) => start))
  for (const size of [0, 100, blockSize, 2 * blockSize, last, last + 100]) {
    const survivor = damaged.world.crash(everything)
    survivor.disk.open(dataPath, { create: false }).truncate(size)
    const outcome = await read(damaged, survivor)
    expect(['refused', 'checked'], `${size} bytes`).toContain(outcome.kind)
  }
  const withoutLog = damaged.world.crash(everything)
  for (const name of withoutLog.disk.list('data/log')) withoutLog.disk.remove(`data/log/${name}`)
  expect(await read(damaged, withoutLog)).toMatchObject({ kind: 'refused' })
})
