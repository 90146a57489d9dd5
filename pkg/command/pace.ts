/** Who decides when long work lets others run: the operation at work, which changes from one getMore to the next. */
import type { Detour } from '../base/detour.ts'
import type { WriteConflict } from '../mvcc/write-conflict.ts'
import type { Operation } from './operation.ts'

export class Pace {
  operation: Operation

  constructor(operation: Operation) {
    this.operation = operation
  }

  /** Counts units of work; true when it is time to let others run. */
  readonly due = (units = 1): boolean => this.operation.passed(units)

  /** The operation pauses until what takes too long for a turn has been done elsewhere, or others have let go. */
  readonly waitFor = (obstacle: Detour | WriteConflict): void => this.operation.stopAt(obstacle)
}
