/** Who decides when long work lets others run: the operation at work, which changes from one getMore to the next. */
import type { Detour } from '../base/detour.ts'
import type { Operation } from './operation.ts'

export class Pace {
  operation: Operation

  constructor(operation: Operation) {
    this.operation = operation
  }

  /** Counts units of work; true when it is time to let others run. */
  readonly due = (units = 1): boolean => this.operation.passed(units)

  /** What takes too long for a turn is done elsewhere while the operation pauses. */
  readonly detour = (detour: Detour): void => this.operation.takeDetour(detour)
}
