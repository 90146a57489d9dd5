import type { Value } from '../../bson/value.ts'
import { type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { wholeNumber } from './whole-number.ts'

/** `{$skip: count}` */
export const skip: StageDefinition = {
  name: '$skip',
  parse(operand) {
    const count = wholeNumber('$skip', 5107200, operand)
    return {
      name: '$skip',
      pushdown: { kind: 'skip', count },
      needs: (after) => after,
      open: (input, run) => new Skip(input, run, count),
    }
  },
}

class Skip implements Stage {
  readonly #input: Stage
  readonly #run: PipelineRun
  #left: number
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, run: PipelineRun, count: number) {
    this.#input = input
    this.#run = run
    this.#left = count
    this.bytes = input.bytes
  }

  step(): Step {
    const input = this.#input
    for (; this.#left > 0; this.#left--) {
      if (this.#run.turnIsOver()) return step.pause
      const answer = input.step()
      if (answer !== step.row) return answer
    }
    const answer = input.step()
    if (answer !== step.row) return answer
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
