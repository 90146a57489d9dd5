/**
 * One crash run: a workload on a simulated disk up to an operation at which it loses power, then recoveries from several
 * images of that moment, each compared with the model, the last of them as if only the process had been killed. What the crash tests and the
 * soak repeat with many seeds.
 */
import { timestampMax } from '../base/timestamp.ts'
import { Engine } from '../engine/engine.ts'
import type { EngineOptions } from '../engine/options.ts'
import { replayHistory } from './change-history.ts'
import { contentsOf, EngineWorkload, smallEngine } from './engine-workload.ts'
import { difference, Model, type ModelState } from './model.ts'
import type { SimulatedWorld } from './world.ts'
import { simulatedWorld } from './world.ts'

export interface CrashRunOptions {
  readonly steps: number
  /** Images taken of the moment of the crash. */
  readonly images: number
  readonly engine?: Partial<EngineOptions>
}

export interface CrashRunReport {
  readonly images: number
  /** How many of the recoveries were themselves interrupted by a second crash. */
  readonly secondCrashes: number
  /** The workload ended before the operation was reached. */
  readonly finished: boolean
}

/** Counts the disk operations of the whole workload with this seed. */
export async function countOperations(seed: number, options: CrashRunOptions): Promise<number> {
  const world = simulatedWorld(seed)
  const { engine } = await workload(world, new Model(), options)
  await engine?.close()
  return world.disk.operationCount
}

/** Throws an Error that begins with what to repeat when recovery gives anything but what it should. */
export async function crashRun(seed: number, crashAt: number, options: CrashRunOptions): Promise<CrashRunReport> {
  const world = simulatedWorld(seed)
  const model = new Model()
  world.disk.crashAt(crashAt)
  let finished = false
  try {
    const { engine } = await workload(world, model, options)
    await engine?.close()
    finished = true
  } catch (error) {
    if (!world.disk.crashed)
      throw new Error(`seed ${seed}, crash at ${crashAt}: the run failed before it`, { cause: error })
  }
  let secondCrashes = 0
  for (let image = 0; image <= options.images; image++) {
    // Killed: what was written but not synced is there, and a power loss later may still take it away.
    const killed = image === options.images
    const survivor = killed ? world.restart() : world.crash()
    try {
      if (await recover(survivor, model, options.engine ?? smallEngine, killed)) secondCrashes++
    } catch (error) {
      throw new Error(`seed ${seed}, crash at ${crashAt}, image ${image}: ${describe(error)}`, { cause: error })
    }
  }
  return { images: options.images + 1 + secondCrashes, secondCrashes, finished }
}

async function workload(
  world: SimulatedWorld,
  model: Model,
  options: CrashRunOptions,
): Promise<{ engine: Engine | undefined }> {
  const engine = await Engine.open(world, 'data', options.engine ?? smallEngine)
  const run = new EngineWorkload(world, engine, model)
  await run.run(options.steps)
  return { engine }
}

/** Recovers, sometimes crashing once more on the way; true when it did. */
async function recover(
  world: SimulatedWorld,
  model: Model,
  options: Partial<EngineOptions>,
  killed: boolean,
): Promise<boolean> {
  let survivor = world
  let crashedAgain = false
  if (world.random.integer(killed ? 2 : 4) === 0) {
    world.disk.crashAt(1 + world.random.integer(killed ? 400 : 40))
    const interrupted = await openOrCrash(world, options)
    if (interrupted === undefined) crashedAgain = true
    else await unlessCrashed(world, () => compareAndCheckpoint(interrupted, model, options))
    survivor = world.crash()
  }
  const engine = await openOrCrash(survivor, options)
  if (engine === undefined) throw new Error('recovery crashed without being told to')
  const floor = await compare(engine, model, options)
  // Life goes on after a recovery: a write, and one more restart that must have it.
  if (survivor.random.integer(3) === 0) await liveOn(survivor, engine, model.at(floor).size, options)
  survivor.clock.stop()
  return crashedAgain
}

async function compareAndCheckpoint(engine: Engine, model: Model, options: Partial<EngineOptions>): Promise<void> {
  await compare(engine, model, options)
  await engine.checkpoint()
}

/** The engine is alive, but the crash may still be ahead of it. */
async function unlessCrashed(world: SimulatedWorld, action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (error) {
    if (!world.disk.crashed) throw error
  }
}

async function openOrCrash(world: SimulatedWorld, options: Partial<EngineOptions>): Promise<Engine | undefined> {
  try {
    return await Engine.open(world, 'data', options)
  } catch (error) {
    // What reads the disk may say that it could not, in its own words.
    if (world.disk.crashed) return undefined
    throw error
  }
}

/** Compares the recovered contents with the model; returns the log index recovered to. */
async function compare(engine: Engine, model: Model, { changeHistory }: Partial<EngineOptions>): Promise<number> {
  const recovered = engine.lastIndex
  // The beginning of history is an entry of its own, which opening makes.
  const written = Math.max(model.lastIndex, changeHistory === 'on' ? 1 : 0)
  if (recovered < model.acknowledged) {
    throw new Error(`entry ${model.acknowledged} was acknowledged, recovery reached ${recovered}`)
  }
  if (recovered > written) throw new Error(`recovery reached ${recovered}, only ${written} was written`)
  const wrong = difference(model.at(recovered), contentsOf(engine))
  if (wrong !== undefined) throw new Error(`after entry ${recovered}: ${wrong}`)
  const report = await engine.check()
  if (report.problems.length > 0) throw new Error(`check: ${report.problems.slice(0, 5).join('; ')}`)
  if (changeHistory === 'on') await compareHistory(engine, model.at(recovered))
  return recovered
}

/** What change streams would tell is what happened. */
async function compareHistory(engine: Engine, expected: ModelState): Promise<void> {
  await engine.durable(engine.lastIndex)
  const told = replayHistory(engine)
  const wrong = told === undefined ? undefined : difference(expected, told)
  if (wrong !== undefined) throw new Error(`by the change history: ${wrong}`)
}

async function liveOn(
  world: SimulatedWorld,
  engine: Engine,
  expectedCollections: number,
  options: Partial<EngineOptions>,
): Promise<void> {
  const { logIndex } = engine.write((unit) => unit.createCollection('afterlife', 'x', new Uint8Array([5, 0, 0, 0, 0])))
  await engine.durable(logIndex)
  if (world.random.integer(2) === 0) await engine.checkpoint()
  const survivor = world.crash({ sectors: 'none' })
  const again = await Engine.open(survivor, 'data', options)
  if (again.collection('afterlife', 'x') === undefined) throw new Error('a write acknowledged after recovery was lost')
  if (again.collections('db').length !== expectedCollections) throw new Error('a second restart changed the contents')
  const report = await again.check()
  if (report.problems.length > 0)
    throw new Error(`check after the second restart: ${report.problems.slice(0, 5).join('; ')}`)
  for (const collection of again.collections('db')) collection.scan(timestampMax).close()
  survivor.clock.stop()
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
