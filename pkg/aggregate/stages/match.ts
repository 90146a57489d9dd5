import { Detour, inPlace } from '../../base/detour.ts'
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentOf, type Value } from '../../bson/value.ts'
import type { Scope } from '../../expression/scope.ts'
import { compileFilter, type Predicate } from '../../query/filter/compile.ts'
import { withLongTests } from '../../query/filter/long-test.ts'
import { refuseNearAnywhere } from '../../query/filter/near.ts'
import { type FilterOptions, parseFilter } from '../../query/filter/parse.ts'
import { refuseOperators } from '../../query/filter/refused-operators.ts'
import type { Filter } from '../../query/filter/tree.ts'
import { filterPaths } from '../filter-paths.ts'
import { FieldGathering, type NeededFields } from '../needed-fields.ts'
import { keepsAll } from '../path-effects.ts'
import { repeat, repeatable } from '../repeatable.ts'
import { type PipelineRun, type Stage, type StageDefinition, type StagePlan, type Step, step } from '../stage.ts'

/** `{$match: filter}` */
export const match: StageDefinition = {
  name: '$match',
  parse(operand, { scope, nowMs }) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(15959, 'the match filter must be an expression in an object')
    }
    return filterPlan(documentOf(operand), parsedFilter(operand, { scope, nowMs }), scope)
  },
}

/** Errors: those of `parseFilter`; 5626500 and BadValue for operators that no pipeline can have, which are told from those that are not there yet. */
function parsedFilter(operand: Value, options: FilterOptions): Filter {
  try {
    const filter = parseFilter(operand.bytes, operand.start, options)
    refuseNearAnywhere(filter)
    return filter
  } catch (error) {
    if (error instanceof DatabaseError && error.codeName === 'NotImplemented')
      refuseOperators(operand, { $where: 'BadValue' })
    throw error
  }
}

/** The stage that keeps what `document` matches; `filter`: that document, parsed with `scope`. */
export function filterPlan(document: Uint8Array, filter: Filter, scope: Scope): StagePlan {
  return {
    name: '$match',
    pushdown: { kind: 'filter', document, scope },
    effects: keepsAll,
    needs: (after) => fieldsRead(document, after),
    open(input, run) {
      const { variables, nowMs } = run
      // Variables have other values in each run.
      const bound = variables.length === 0 ? filter : parseFilter(document, 0, { scope, variables, nowMs })
      const predicate = compileFilter(bound)
      // Where nobody waits, a document whose test is thrown out of would be lost.
      const tested: Predicate = run.goesOn
        ? withLongTests(predicate, { document, options: { scope, variables, nowMs }, filter: bound })
        : (bytes, start) => inPlace(() => predicate(bytes, start))
      return new Match(input, run, tested)
    },
  }
}

function fieldsRead(document: Uint8Array, after: NeededFields | undefined): NeededFields | undefined {
  const paths = filterPaths(document)
  if (paths === undefined) return undefined
  const gathering = new FieldGathering().others(after)
  for (const path of paths) gathering.path(path)
  return gathering.fields
}

class Match implements Stage {
  readonly #input: Stage
  readonly #run: PipelineRun
  readonly #predicate: Predicate
  bytes: Uint8Array
  start = 0
  end = 0

  /** `predicate` may throw a `Detour`. */
  constructor(input: Stage, run: PipelineRun, predicate: Predicate) {
    this.#input = repeatable(input, run)
    this.#run = run
    this.#predicate = predicate
    this.bytes = input.bytes
  }

  step(): Step {
    const input = this.#input
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      if (this.#passes()) {
        this.bytes = input.bytes
        this.start = input.start
        this.end = input.end
        return step.row
      }
      if (this.#run.turnIsOver()) return step.pause
    }
  }

  #passes(): boolean {
    const input = this.#input
    try {
      return this.#predicate(input.bytes, input.start)
    } catch (error) {
      if (error instanceof Detour) repeat(input, this.#run)
      throw error
    }
  }

  metadata(name: string): Value | undefined {
    return this.#input.metadata?.(name)
  }

  close(): void {
    this.#input.close()
  }
}
