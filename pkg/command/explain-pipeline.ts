/** What explain says of a pipeline's stages when they are carried out. */
import type { Rows } from '../aggregate/rows.ts'
import { type StageCounts, StageWatch } from '../aggregate/stage-watch.ts'
import type { Explanation } from './explanation.ts'
import type { Operation } from './operation.ts'
import type { ReadView } from './read-view.ts'

/** Carries out what `open` opens; gives the counts of its input and of its stages. `view`: what is read, released at the end. */
export async function countStages(
  operation: Operation,
  view: ReadView,
  open: (watch: StageWatch) => Rows,
): Promise<readonly Explanation[]> {
  const { clock } = operation.instance.world
  const watch = new StageWatch(() => clock.monotonicMs())
  const rows = open(watch)
  try {
    for (;;) {
      while (rows.next());
      if (rows.paused !== true) return watch.counts.map(describe)
      view.keep()
      rows.save()
      await operation.pause()
    }
  } finally {
    rows.close()
    view.release()
  }
}

function describe({ returned, timeMs, spilledBytes }: StageCounts): Explanation {
  return {
    nReturned: BigInt(returned),
    executionTimeMillisEstimate: BigInt(Math.round(timeMs)),
    ...(spilledBytes === undefined ? {} : { usedDisk: spilledBytes > 0, spilledBytes: BigInt(spilledBytes) }),
  }
}
