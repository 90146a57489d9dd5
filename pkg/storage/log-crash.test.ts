/**
 * The log against a model, on a disk that keeps no more than it promised: after every crash the log holds the entries
 * that were appended, in order, byte for byte, at least up to the last that was reported durable, and nothing else.
 */
import { expect, test } from 'vitest'
import type { LogIndex, Term } from '../base/ids.ts'
import type { Timestamp } from '../base/timestamp.ts'
import { SeededRandom } from '../sim/random.ts'
import { SimulatedCrash } from '../sim/simulated-crash.ts'
import { type SimulatedWorld, simulatedWorld } from '../sim/world.ts'
import { Log } from './log.ts'
import { wholePayload } from './log-reader.ts'

const segmentSizeBytes = 2048

/** What the log should hold. */
class Model {
  /** By index - 1; those before `first` may be gone. */
  entries: Uint8Array[] = []
  /** The log must still have everything from here ... */
  first = 1
  /** ... up to here, whatever happens. */
  acknowledged = 0
}

/** Opens the log and compares; on return the model is what was found, and all of it durable. */
function openAndCompare(world: SimulatedWorld, model: Model, note: string): Log {
  const found: Uint8Array[] = []
  const options = { segmentSizeBytes, from: model.first as LogIndex, windowBytes: 512 }
  const log = Log.open(world, 'log', options, (entry) => {
    if (entry.index !== model.first + found.length) throw new Error(`${note}: entry ${entry.index} out of order`)
    found.push(wholePayload(entry))
  })
  const last = model.first - 1 + found.length
  if (last < model.acknowledged) throw new Error(`${note}: lost ${model.acknowledged}, ends with ${last}`)
  if (last > model.entries.length)
    throw new Error(`${note}: ${last} entries, only ${model.entries.length} were appended`)
  for (const [at, payload] of found.entries()) {
    const expected = model.entries[model.first - 1 + at]!
    if (Buffer.compare(payload, expected) !== 0) throw new Error(`${note}: entry ${model.first + at} has other bytes`)
  }
  if (log.lastIndex !== last || log.durableIndex !== last)
    throw new Error(`${note}: lastIndex ${log.lastIndex}, not ${last}`)
  let next = log.firstIndex
  log.read(next, log.lastIndex, (entry) => {
    const expected = model.entries[next++ - 1]!
    if (Buffer.compare(wholePayload(entry), expected) !== 0) throw new Error(`${note}: read ${next}`)
  })
  model.entries.length = last
  model.acknowledged = last
  return log
}

/** Random work until the disk crashes, or to its end. */
async function work(world: SimulatedWorld, log: Log, model: Model, random: SeededRandom, steps: number): Promise<void> {
  const waiting: Promise<void>[] = []
  let failure: Error | undefined
  log.onFailure = (error) => {
    failure = error
  }
  const failed = () => world.disk.crashed || failure !== undefined
  const wait = (index: LogIndex) => {
    const acknowledge = () => {
      model.acknowledged = Math.max(model.acknowledged, index)
    }
    waiting.push(log.durable(index).then(acknowledge, () => undefined))
  }
  for (let step = 0; step < steps && !failed(); step++) {
    const draw = random.integer(100)
    if (draw < 60) {
      const length = random.chance(0.05) ? random.integer(6000) : random.integer(random.chance(0.3) ? 900 : 60)
      const payload = random.chance(0.2) ? new Uint8Array(length) : random.bytes(length)
      log.ensureSpace(length)
      model.entries.push(payload)
      const index = log.append(3 as Term, step as Timestamp, payload, length)
      if (random.chance(0.3)) wait(index)
    } else if (draw < 64) {
      const index = await appendLarge(log, model, random)
      if (index !== undefined && random.chance(0.3)) wait(index)
    } else if (draw < 75) await world.clock.yield()
    else if (draw < 85) await world.clock.sleep(random.integer(20))
    else if (draw < 90) await world.clock.sleep(300)
    else if (draw < 94 && model.acknowledged > 0) {
      const index = Math.max(model.first, model.acknowledged - random.integer(30))
      model.first = index
      log.truncateBefore(index as LogIndex)
    } else if (draw < 96 && model.entries.length > model.first) {
      await Promise.all(waiting)
      if (failed()) break
      const index = Math.max(model.first, model.entries.length - 1 - random.integer(12))
      model.acknowledged = Math.min(model.acknowledged, index)
      await log.truncateAfter(index as LogIndex)
      model.entries.length = index
      model.acknowledged = index
    } else if (model.entries.length > 0) wait(log.lastIndex)
  }
  if (random.chance(0.5)) await Promise.all(waiting)
}

/** Writes a payload to disk, and appends it unless it is given up. */
async function appendLarge(log: Log, model: Model, random: SeededRandom): Promise<LogIndex | undefined> {
  const payload = log.newPayload()
  const pieces: Uint8Array[] = []
  for (let n = 1 + random.integer(3); n > 0; n--) {
    const piece = random.bytes(random.integer(4000))
    pieces.push(piece)
    payload.append(piece, piece.length)
  }
  if (random.chance(0.2)) {
    payload.discard()
    return undefined
  }
  if (random.chance(0.5)) payload.finish()
  else {
    const finished = payload.finishAsync()
    if (random.chance(0.2)) payload.discard()
    await finished
  }
  if (random.chance(0.2)) payload.discard()
  if (payload.state === 'discarded') return undefined
  model.entries.push(Buffer.concat(pieces))
  return log.appendLarge(3 as Term, 7 as Timestamp, payload)
}

async function unlessCrashed(world: SimulatedWorld, action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (error) {
    // The log passes a crash on as the failure of its disk.
    if (!world.disk.crashed && !/injected failure/.test((error as Error).message)) throw error
  }
}

/** Opens until it succeeds, crashing again now and then on the way. */
function openThroughCrashes(
  start: SimulatedWorld,
  model: Model,
  random: SeededRandom,
  note: string,
): [SimulatedWorld, Log] {
  let world = start
  for (let attempt = 0; ; attempt++) {
    if (attempt < 4 && random.chance(0.5)) world.disk.crashAt(1 + random.integer(25))
    try {
      const log = openAndCompare(world, model, `${note}, open ${attempt}`)
      world.disk.inject = undefined
      return [world, log]
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error
      world = random.chance(0.7) ? world.crash() : world.restart()
    }
  }
}

async function run(seed: number): Promise<void> {
  const random = new SeededRandom(seed + 1_000_000)
  const model = new Model()
  let world = simulatedWorld(seed)
  for (let life = 0; life < 8; life++) {
    const note = `seed ${seed}, life ${life}`
    const [alive, log] = openThroughCrashes(world, model, random, note)
    world = alive
    const number = world.disk.operationCount + 1 + random.integer(120)
    const failsOnly = random.chance(0.2)
    if (failsOnly) world.disk.failAt(number, 'EIO')
    else if (random.chance(0.8)) world.disk.crashAt(number)
    await unlessCrashed(world, () => work(alive, log, model, random, 20 + random.integer(150)))
    if (!world.disk.crashed && random.chance(0.3)) {
      await unlessCrashed(world, async () => {
        await log.close()
        model.acknowledged = model.entries.length
      })
    }
    world = random.chance(0.7) ? world.crash() : world.restart()
  }
  world.clock.stop()
}

test('random work and crashes: nothing acknowledged is lost, nothing else appears', async () => {
  const first = Number(process.env['LAURA_SEED'] ?? 0)
  for (let seed = first; seed < first + 120; seed++) await run(seed)
}, 60_000)

/** A short life with everything in it. */
async function script(world: SimulatedWorld, model: Model): Promise<void> {
  const log = openAndCompare(world, model, 'script')
  const append = (length: number) => {
    const payload = new Uint8Array(length).fill(model.entries.length + 1)
    log.ensureSpace(length)
    model.entries.push(payload)
    return log.append(1 as Term, 1 as Timestamp, payload, length)
  }
  const appendLarge = async (length: number) => {
    const bytes = new Uint8Array(length).fill(model.entries.length + 1)
    const payload = log.newPayload()
    payload.append(bytes, length)
    await payload.finishAsync()
    model.entries.push(bytes)
    log.appendLarge(1 as Term, 1 as Timestamp, payload)
  }
  const durable = async (index: LogIndex) => {
    await log.durable(index)
    model.acknowledged = index
  }
  for (const length of [10, 700, 0, 300]) append(length)
  await durable(log.lastIndex)
  await world.clock.sleep(250)
  append(600)
  append(600)
  await appendLarge(3000)
  log.newPayload().append(new Uint8Array(100), 100)
  append(5000)
  await durable(log.lastIndex)
  append(100)
  append(1)
  await durable(log.lastIndex)
  model.first = 3
  log.truncateBefore(3 as LogIndex)
  model.acknowledged = 5
  await log.truncateAfter(5 as LogIndex)
  model.entries.length = 5
  append(1200)
  append(20)
  await durable(log.lastIndex)
  append(400)
  append(30)
  await log.close()
  model.acknowledged = model.entries.length
}

test('a crash at every operation, and at every operation of the recovery from it', async () => {
  const rehearsal = simulatedWorld(1)
  await script(rehearsal, new Model())
  const operations = rehearsal.disk.operationCount
  expect(operations).toBeGreaterThan(80)
  let images = 0
  for (let number = 1; number <= operations; number++) {
    const world = simulatedWorld(number)
    const model = new Model()
    world.disk.crashAt(number)
    await unlessCrashed(world, () => script(world, model))
    if (!world.disk.crashed) continue
    for (const crash of [{ sectors: 'none', names: 0 }, { sectors: 'all', names: 1 }, {}, {}, {}] as const) {
      const image = world.crash(crash)
      const begin = () => Object.assign(new Model(), { ...model, entries: [...model.entries] })
      for (let inner = 1; ; inner++) {
        const note = `crash at ${number} with ${JSON.stringify(crash)}, then at ${inner}`
        const again = image.crash({ sectors: 'all', names: 1 })
        again.disk.crashAt(inner)
        images++
        try {
          openAndCompare(again, begin(), note)
          break
        } catch (error) {
          if (!(error instanceof SimulatedCrash)) throw error
        }
        openAndCompare(again.crash(), begin(), note)
      }
    }
  }
  expect(images).toBeGreaterThan(3000)
}, 60_000)

const kept = 2
const appended = 7

/** A log that a crash interrupts at the given operation of dropping most of its durable entries; undefined: it was done before. */
async function interruptedCut(seed: number, number: number): Promise<[SimulatedWorld, Model] | undefined> {
  const world = simulatedWorld(seed, { writeBackChance: 0 })
  const model = new Model()
  const log = openAndCompare(world, model, 'first')
  for (let at = 0; at < appended; at++) {
    const payload = new Uint8Array(at === 3 ? segmentSizeBytes : 100).fill(at)
    log.ensureSpace(payload.length)
    model.entries.push(payload)
    await log.durable(log.append(1 as Term, 1 as Timestamp, payload, payload.length))
  }
  model.acknowledged = kept
  world.disk.crashAt(world.disk.operationCount + number)
  await unlessCrashed(world, () => log.truncateAfter(kept as LogIndex))
  return world.disk.crashed ? [world, model] : undefined
}

function openCut(world: SimulatedWorld, model: Model, note: string): void {
  const copy = Object.assign(new Model(), { ...model, entries: [...model.entries] })
  openAndCompare(world, copy, note)
  if (![kept, appended].includes(copy.entries.length)) throw new Error(`${note}: ${copy.entries.length} entries`)
}

test('dropping entries that were durable is done or not done, wherever it is interrupted', async () => {
  for (let number = 1; ; number++) {
    const interrupted = await interruptedCut(number, number)
    if (interrupted === undefined) break
    const [world, model] = interrupted
    for (let round = 0; round < 40; round++) {
      const image = round === 0 ? world.crash({ sectors: 'none', names: 0 }) : world.crash({ sectors: 0.5 })
      openCut(image, model, `crash at ${number}`)
    }
  }
})

test('nor does it matter that the process is killed, and the machine fails in the middle of the next open', async () => {
  let images = 0
  for (let number = 1; ; number++) {
    if ((await interruptedCut(number, number)) === undefined) break
    for (let inner = 1, opened = false; !opened; inner++) {
      for (let seed = 0; seed < 3 && !opened; seed++) {
        const [world, model] = (await interruptedCut(seed, number))!
        const note = `killed at ${number}, then a crash at ${inner}, seed ${seed}`
        const next = world.restart()
        next.disk.crashAt(inner)
        try {
          openCut(next, model, note)
          opened = true
        } catch (error) {
          if (!(error instanceof SimulatedCrash)) throw error
          for (const sectors of ['none', 'all', 0.5] as const)
            for (const names of [0, 0.5]) openCut(next.crash({ sectors, names }), model, note)
          images++
        }
      }
    }
  }
  expect(images).toBeGreaterThan(300)
})

test('what an open shows after a sync had failed is durable, though the system calls it written', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const world = simulatedWorld(seed, { writeBackChance: 0 })
    const model = new Model()
    const log = openAndCompare(world, model, 'first')
    for (let at = 0; at < 6; at++) {
      model.entries.push(new Uint8Array(100).fill(at + 1))
      const index = log.append(1 as Term, 1 as Timestamp, model.entries.at(-1)!, 100)
      if (at === 1) await log.durable(index)
    }
    world.disk.inject = ({ kind }) => (kind === 'sync' ? 'EIO' : undefined)
    await expect(log.durable(log.lastIndex)).rejects.toThrow('EIO')
    const next = world.restart()
    openAndCompare(next, model, `seed ${seed}, restarted`)
    expect(model.entries).toHaveLength(6)
    openAndCompare(next.crash({ sectors: 'none', names: 0 }), model, `seed ${seed}, after losing power`)
  }
})

test('what was cut off as torn does not come back behind later entries', async () => {
  for (let seed = 0; seed < 200; seed++) {
    const world = simulatedWorld(seed, { writeBackChance: 0 })
    const model = new Model()
    const log = openAndCompare(world, model, 'first')
    for (let at = 0; at < 12; at++) {
      model.entries.push(new Uint8Array(100).fill(at))
      log.append(1 as Term, 1 as Timestamp, model.entries.at(-1)!, 100)
    }
    log.flush()
    world.disk.crashAt(world.disk.operationCount + 2)
    await world.clock.sleep(20)
    let next = world.crash({ sectors: 0.5 })
    const repaired = openAndCompare(next, model, `seed ${seed}, repaired`)
    // As long as the entry that was lost, so that what lay behind it would be in place.
    if (model.entries.length < 12) {
      model.entries.push(new Uint8Array(100).fill(77))
      await repaired.durable(repaired.append(1 as Term, 1 as Timestamp, model.entries.at(-1)!, 100))
      model.acknowledged = model.entries.length
    }
    next = next.crash({ sectors: 'all' })
    openAndCompare(next, model, `seed ${seed}, later`)
  }
})
