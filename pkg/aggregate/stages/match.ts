import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentOf } from '../../bson/value.ts'
import { compileFilter, type Predicate } from '../../query/filter/compile.ts'
import { parseFilter } from '../../query/filter/parse.ts'
import { type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'

/** `{$match: filter}` */
export const match: StageDefinition = {
  name: '$match',
  parse(operand) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(15959, 'the match filter must be an expression in an object')
    }
    const filter = parseFilter(operand.bytes, operand.start)
    return {
      name: '$match',
      pushdown: { kind: 'filter', document: documentOf(operand) },
      open: (input, run) => new Match(input, run, compileFilter(filter)),
    }
  },
}

class Match implements Stage {
  readonly #input: Stage
  readonly #run: PipelineRun
  readonly #predicate: Predicate
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, run: PipelineRun, predicate: Predicate) {
    this.#input = input
    this.#run = run
    this.#predicate = predicate
    this.bytes = input.bytes
  }

  step(): Step {
    const input = this.#input
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      if (this.#predicate(input.bytes, input.start)) {
        this.bytes = input.bytes
        this.start = input.start
        this.end = input.end
        return step.row
      }
      if (this.#run.turnIsOver()) return step.pause
    }
  }

  close(): void {
    this.#input.close()
  }
}
