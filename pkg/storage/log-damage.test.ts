import { expect, test } from 'vitest'
import { crc32c } from '../base/crc32c.ts'
import { DatabaseError } from '../base/errors.ts'
import type { LogIndex, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import { Log } from './log.ts'

const segmentSizeBytes = 1024
const firstPath = 'log/0000000000000001.log'

function open(world: SimulatedWorld): { log: Log; found: string[] } {
  const found: string[] = []
  const log = Log.open(world, 'log', { segmentSizeBytes, from: 1 as LogIndex }, ({ bytes, start, end }) =>
    found.push(Buffer.from(bytes.subarray(start, end)).toString()),
  )
  return { log, found }
}

function append(log: Log, text: string): LogIndex {
  const payload = Buffer.from(text)
  return log.append(1 as Term, 1 as Timestamp, payload, payload.length)
}

const everything = { sectors: 'all', names: 1 } as const

/** What an open of the damaged log says: its entries, or the name of the error. */
function outcome(world: SimulatedWorld): string[] | DatabaseError {
  try {
    return open(world).found
  } catch (error) {
    if (error instanceof DatabaseError) return error
    throw error
  }
}

function isPrefix(found: readonly string[], whole: readonly string[]): boolean {
  return found.length <= whole.length && found.every((text, at) => text === whole[at])
}

/** Five entries in two segments, each synced by itself. */
async function smallLog(): Promise<{ world: SimulatedWorld; log: Log; texts: string[] }> {
  const world = simulatedWorld(1, { writeBackChance: 0 })
  const { log } = open(world)
  const texts = ['one', 'two'.repeat(100), '', 'four', 'five'.repeat(30)]
  for (const text of texts) await log.durable(append(log, text))
  expect(world.disk.list('log').filter((name) => name.endsWith('.log'))).toHaveLength(2)
  return { world, log, texts }
}

/** Every bit of what is not zero and of the header, one bit of every other byte. */
function* bitsOf(world: SimulatedWorld, path: string): Generator<{ offset: number; bit: number }> {
  const bytes = new Uint8Array(segmentSizeBytes)
  world.disk.open(path, { create: false }).read(bytes, 0, bytes.length, 0)
  for (let offset = 0; offset < bytes.length; offset++) {
    if (bytes[offset] === 0 && offset >= 64) yield { offset, bit: offset & 7 }
    else for (let bit = 0; bit < 8; bit++) yield { offset, bit }
  }
}

const frameEnd = (at: number, text: string) => at + 40 + Math.ceil(text.length / 8) * 8

test('after a clean close, every flipped bit in a header or an entry is reported, and no other changes anything', async () => {
  const { world, log, texts } = await smallLog()
  await log.close()
  const [firstName, secondName] = world.disk.list('log')
  const ends = new Map([
    [firstName, texts.slice(0, 4).reduce(frameEnd, 512)],
    [secondName, frameEnd(512, texts[4]!)],
  ])
  for (const [name, end] of ends) {
    for (const { offset, bit } of bitsOf(world, `log/${name}`)) {
      const image = world.disk.crash(everything)
      image.flipBit(`log/${name}`, offset, bit)
      const result = outcome({ ...world, disk: image })
      if (offset < end) {
        if (!(result instanceof DatabaseError)) throw new Error(`${name}, ${offset}, bit ${bit}: ${result.join()}`)
        expect(['DataCorruptionDetected', 'UnsupportedFormat']).toContain(result.codeName)
      } else expect(result).toEqual(texts)
    }
  }
})

test('without a mark, a flipped bit costs at most the entries since the last one that something knew to be durable', async () => {
  const { world, texts } = await smallLog()
  let cut = 0
  const name = world.disk.list('log').findLast((each) => each.endsWith('.log'))!
  for (const { offset, bit } of bitsOf(world, `log/${name}`)) {
    const image = world.disk.crash(everything)
    image.flipBit(`log/${name}`, offset, bit)
    const result = outcome({ ...world, disk: image })
    if (result instanceof DatabaseError) continue
    if (!isPrefix(result, texts) || result.length < texts.length - 1)
      throw new Error(`${offset}, bit ${bit}: ${result.join()}`)
    if (result.length < texts.length) cut++
  }
  expect(cut).toBeGreaterThan(500)
})

test('the mark that is left when idle makes damage to the last entry known', async () => {
  const { world, texts } = await smallLog()
  await world.clock.sleep(300)
  const image = world.disk.crash(everything)
  const name = image.list('log').findLast((each) => each.endsWith('.log'))!
  const bytes = new Uint8Array(segmentSizeBytes)
  image.open(`log/${name}`, { create: false }).read(bytes, 0, bytes.length, 0)
  image.flipBit(`log/${name}`, Buffer.from(bytes).indexOf('five'), 3)
  const result = outcome({ ...world, disk: image }) as DatabaseError
  expect(result.codeName).toBe('DataCorruptionDetected')
  expect(result.message).toMatch(/log\/\d{16}\.log, offset \d+: entry 5 cannot be read/)
  expect(result.details).toMatchObject({ file: `log/${name}` })
  expect(outcome({ ...world, disk: world.disk.crash(everything) })).toEqual(texts)
})

test('a damaged mark between entries is passed over', async () => {
  const world = simulatedWorld(2, { writeBackChance: 0 })
  const { log } = open(world)
  await log.durable(append(log, 'one'))
  await world.clock.sleep(300)
  await log.durable(append(log, 'two'))
  const markStart = 512 + 48
  for (let at = 0; at < 40; at++) {
    const image = world.disk.crash(everything)
    image.flipBit(firstPath, markStart + at, at & 7)
    const again = open({ ...world, disk: image })
    expect(again.found).toEqual(['one', 'two'])
    const read: number[] = []
    again.log.read(1 as LogIndex, 2 as LogIndex, (entry) => read.push(entry.index))
    expect(read).toEqual([1, 2])
  }
})

test('a missing segment in the middle, and one from another log, are reported', async () => {
  const worlds = [simulatedWorld(3), simulatedWorld(4)]
  for (const world of worlds) {
    const { log } = open(world)
    for (let at = 1; at <= 20; at++) append(log, `${world === worlds[0] ? 'one' : 'two'} ${at}`.repeat(20))
    await log.close()
  }
  const names = worlds[0]!.disk.list('log')
  expect(names.length).toBeGreaterThan(3)
  expect(worlds[1]!.disk.list('log')).toEqual(names)
  const [middle] = names.slice(1)
  const without = worlds[0]!.disk.crash(everything)
  without.remove(`log/${middle}`)
  expect((outcome({ ...worlds[0]!, disk: without }) as DatabaseError).message).toMatch(
    /entry \d+ is missing; the next segment begins with entry \d+/,
  )

  const mixed = worlds[0]!.disk.crash(everything)
  const bytes = new Uint8Array(segmentSizeBytes)
  worlds[1]!.disk.open(`log/${middle}`, { create: false }).read(bytes, 0, bytes.length, 0)
  mixed.open(`log/${middle}`, { create: false }).write(bytes, 0, bytes.length, 0)
  expect((outcome({ ...worlds[0]!, disk: mixed }) as DatabaseError).message).toContain('does not continue')

  const renamed = worlds[0]!.disk.crash(everything)
  renamed.rename(`log/${names[0]}`, 'log/0000000000000000.log')
  expect((outcome({ ...worlds[0]!, disk: renamed }) as DatabaseError).message).toContain('begins with entry 1')
})

test('a segment that was cut short, and one of a later format, are reported', async () => {
  const { world } = await smallLog()
  const short = world.disk.crash(everything)
  short.open(firstPath, { create: false }).truncate(1000)
  expect((outcome({ ...world, disk: short }) as DatabaseError).message).toContain('should be 1024 bytes long')

  const later = world.disk.crash(everything)
  const header = new Uint8Array(512)
  const file = later.open(firstPath, { create: false })
  file.read(header, 0, 512, 0)
  header[8] = 2
  new DataView(header.buffer).setUint32(60, crc32c(header, 0, 60), true)
  file.write(header, 0, 512, 0)
  const error = outcome({ ...world, disk: later }) as DatabaseError
  expect(error.codeName).toBe('UnsupportedFormat')
  expect(error.message).toContain('has log format 2; this version of LauraDB reads format 1')
})

test('frames of the log itself, stored as a payload that a crash tears, are not taken for frames', async () => {
  const world = simulatedWorld(5, { writeBackChance: 0 })
  const sizeBytes = 1 << 16
  const reopen = (disk: SimulatedWorld['disk']) =>
    Log.open({ ...world, disk }, 'log', { segmentSizeBytes: sizeBytes, from: 1 as LogIndex }, () => undefined)
  const log = reopen(world.disk)
  for (let at = 0; at < 12; at++) await log.durable(append(log, `entry ${at}`))
  const bytes = new Uint8Array(sizeBytes)
  world.disk.open(firstPath, { create: false }).read(bytes, 0, sizeBytes, 0)
  // Entries 5 to 12, which are dropped and then stored as the payload of another entry 5.
  const frameStart = 512 + 4 * 48
  const payload = bytes.slice(frameStart, frameStart + 8 * 48)
  await log.truncateAfter(4 as LogIndex)
  await log.durable(log.append(1 as Term, 1 as Timestamp, payload, payload.length))
  for (let bit = 0; bit < 40 * 8; bit++) {
    const image = world.disk.crash(everything)
    image.flipBit(firstPath, frameStart + (bit >>> 3), bit & 7)
    expect(reopen(image).lastIndex).toBe(4)
  }
})
