import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import type { Random } from './random.ts'
import type { Threads } from './threads.ts'

/** Everything the core may use of the outside; given it, the core is deterministic. */
export interface World {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly threads: Threads
}
