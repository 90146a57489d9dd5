import type { World } from '../world.ts'
import { HostClock } from './clock.ts'
import { HostDisk } from './disk.ts'
import { HostRandom } from './random.ts'
import { HostThreads } from './threads.ts'

/** The real world; its disk is the folder `rootDirectory`, which is made when it is missing. */
export function hostWorld(rootDirectory: string): World {
  return {
    clock: new HostClock(),
    random: new HostRandom(),
    disk: new HostDisk(rootDirectory),
    threads: new HostThreads(),
  }
}
