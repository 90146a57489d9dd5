/** The stage that shapes each document by itself: what `$project`, `$addFields` and `$unset` have in common. */
import type { Value } from '../bson/value.ts'
import { BsonWriter } from '../bson/writer.ts'
import { ExpressionCompiler } from '../expression/compile.ts'
import type { EvaluationContext } from '../expression/context.ts'
import type { FieldBranch, ShapeMode } from '../query/projection/field-tree.ts'
import { compileShape, type Shape } from '../query/projection/shape.ts'
import { FieldGathering, type NeededFields } from './needed-fields.ts'
import { changes, keepsOnly, type PathEffects } from './path-effects.ts'
import { repeatable, repeatingContext } from './repeatable.ts'
import { type PipelineRun, type Stage, type StagePlan, type Step, step } from './stage.ts'

export function shapingPlan(name: string, root: FieldBranch, mode: ShapeMode): StagePlan {
  return {
    name,
    oneToOne: true,
    effects: effectsOf(root, mode),
    needs: (after) => fieldsRead(root, mode, after),
    open: (input, run) => new Shaping(input, run, root, mode),
  }
}

function effectsOf(root: FieldBranch, mode: ShapeMode): PathEffects {
  const kept: string[] = []
  const changed: string[] = []
  const visit = (branch: FieldBranch, prefix: string): void => {
    for (const [name, node] of branch.children) {
      const path = prefix + name
      if (node.kind === 'branch') visit(node, `${path}.`)
      else if (node.kind === 'keep') kept.push(path)
      else changed.push(path)
    }
  }
  visit(root, '')
  return mode === 'include' ? keepsOnly(kept) : changes(changed)
}

/**
 * What it reads itself, and what of its input will be read after it. Without that the order of the fields may count: all are read.
 */
function fieldsRead(root: FieldBranch, mode: ShapeMode, after: NeededFields | undefined): NeededFields | undefined {
  if (after === undefined) return undefined
  const gathering = new FieldGathering()
  const made: string[] = []
  for (const [name, node] of root.children) {
    if (node.kind === 'compute' || node.kind === 'drop') made.push(name)
    else if (mode === 'include' && node.kind === 'keep') {
      const use = after.get(name)
      if (use !== undefined) gathering.field(name, use)
    } else gathering.field(name, 'value')
  }
  if (mode !== 'include') gathering.others(after, made)
  readComputed(root, gathering)
  return gathering.fields
}

function readComputed(branch: FieldBranch, gathering: FieldGathering): void {
  for (const node of branch.children.values()) {
    if (node.kind === 'compute') gathering.expression(node.expression)
    else if (node.kind === 'branch') readComputed(node, gathering)
  }
}

/** Whether it evaluates anything, which may take long. */
function computes(branch: FieldBranch): boolean {
  return [...branch.children.values()].some(
    (node) => node.kind === 'compute' || (node.kind === 'branch' && computes(node)),
  )
}

class Shaping implements Stage {
  readonly #input: Stage
  readonly #shape: Shape
  readonly #context: EvaluationContext
  readonly #run: PipelineRun
  readonly #computes: boolean
  /** Small at first: the pipeline of a join may be opened for each of many documents and give a few short ones. */
  readonly #writer = new BsonWriter(64)
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, run: PipelineRun, root: FieldBranch, mode: ShapeMode) {
    const compiler = new ExpressionCompiler()
    this.#run = run
    this.#computes = computes(root)
    this.#input = this.#computes ? repeatable(input, run) : input
    this.#shape = compileShape(root, mode, compiler)
    this.#context = repeatingContext(compiler, this.#input, run)
    this.bytes = input.bytes
  }

  step(): Step {
    // An input that has its documents at hand does not ask.
    if (this.#computes && this.#run.turnIsOver()) return step.pause
    const input = this.#input
    const answer = input.step()
    if (answer !== step.row) return answer
    const context = this.#context
    const writer = this.#writer
    context.reset(input.bytes, input.start, input.end)
    writer.reset()
    writer.beginDocument()
    this.#shape(context, writer)
    writer.end()
    this.bytes = writer.bytes
    this.end = writer.length
    return step.row
  }

  metadata(name: string): Value | undefined {
    return this.#input.metadata?.(name)
  }

  close(): void {
    this.#input.close()
  }
}
