/** Who decides when long work lets others run: the operation at work, which changes from one getMore to the next. */
import type { Operation } from './instance.ts'

export class Pace {
  operation: Operation

  constructor(operation: Operation) {
    this.operation = operation
  }

  readonly due = (): boolean => this.operation.due()
}
