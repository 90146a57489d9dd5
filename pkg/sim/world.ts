import type { World } from '../io/world.ts'
import { SimulatedClock } from './clock.ts'
import { type CrashOptions, SimulatedDisk, type SimulatedDiskOptions } from './disk.ts'
import { SeededRandom } from './random.ts'
import { SimulatedThreads } from './threads.ts'

/** A whole world from one seed: the same code does the same in it, every time. */
export interface SimulatedWorld extends World {
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly disk: SimulatedDisk
  /** The world after losing power now: a new clock, and the disk as it may be found. This one's clock stops. */
  crash(options?: CrashOptions): SimulatedWorld
  /** The world after the process alone was killed now. */
  restart(): SimulatedWorld
}

export function simulatedWorld(seed: number, options: SimulatedDiskOptions = {}): SimulatedWorld {
  const random = new SeededRandom(seed)
  const clock = new SimulatedClock(random)
  return worldOf(clock, random, new SimulatedDisk(random, clock, options))
}

function worldOf(clock: SimulatedClock, random: SeededRandom, disk: SimulatedDisk): SimulatedWorld {
  const after = (found: (nextClock: SimulatedClock) => SimulatedDisk): SimulatedWorld => {
    const nextClock = new SimulatedClock(random, clock.nowMs() + 1000)
    const nextDisk = found(nextClock)
    clock.stop()
    return worldOf(nextClock, random, nextDisk)
  }
  return {
    clock,
    random,
    disk,
    threads: new SimulatedThreads(clock),
    crash: (options) => after((nextClock) => disk.crash(options, nextClock)),
    restart: () => after((nextClock) => disk.restart(nextClock)),
  }
}
