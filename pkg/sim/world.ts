import type { World } from '../io/world.ts'
import { SimulatedClock } from './clock.ts'
import { type CrashOptions, SimulatedDisk, type SimulatedDiskOptions } from './disk.ts'
import { SeededRandom } from './random.ts'

/** A whole world from one seed: the same code does the same in it, every time. */
export interface SimulatedWorld extends World {
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly disk: SimulatedDisk
  /** The world after losing power now: a new clock, and the disk as it may be found. This one's clock stops. */
  crash(options?: CrashOptions): SimulatedWorld
}

export function simulatedWorld(seed: number, options: SimulatedDiskOptions = {}): SimulatedWorld {
  const random = new SeededRandom(seed)
  const clock = new SimulatedClock(random)
  return worldOf(clock, random, new SimulatedDisk(random, clock, options))
}

function worldOf(clock: SimulatedClock, random: SeededRandom, disk: SimulatedDisk): SimulatedWorld {
  return {
    clock,
    random,
    disk,
    crash: (options) => {
      const nextClock = new SimulatedClock(random, clock.nowMs() + 1000)
      const image = disk.crash(options, nextClock)
      clock.stop()
      return worldOf(nextClock, random, image)
    },
  }
}
