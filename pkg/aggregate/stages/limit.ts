import { DatabaseError } from '../../base/errors.ts'
import type { Value } from '../../bson/value.ts'
import { type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { wholeNumber } from './whole-number.ts'

/** `{$limit: count}` */
export const limit: StageDefinition = {
  name: '$limit',
  parse(operand) {
    const count = wholeNumber('$limit', 5107201, operand)
    if (count === 0) throw new DatabaseError(15958, 'the limit must be positive')
    return {
      name: '$limit',
      pushdown: { kind: 'limit', count },
      needs: (after) => after,
      open: (input) => new Limit(input, count),
    }
  },
}

class Limit implements Stage {
  readonly #input: Stage
  #left: number
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, count: number) {
    this.#input = input
    this.#left = count
    this.bytes = input.bytes
  }

  step(): Step {
    if (this.#left === 0) return step.end
    const input = this.#input
    const answer = input.step()
    if (answer !== step.row) return answer
    this.#left--
    this.bytes = input.bytes
    this.start = input.start
    this.end = input.end
    return step.row
  }

  metadata(name: string): Value | undefined {
    return this.#input.metadata?.(name)
  }

  close(): void {
    this.#input.close()
  }
}
