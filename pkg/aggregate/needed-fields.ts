/**
 * Which top-level fields of a document will be read: what a stage that makes documents need not put into them.
 *
 * Only names count, never the order of the fields: whoever wants whole documents needs all fields, which is `undefined`.
 */
import type { Expression } from '../expression/expression.ts'
import { rootVariable } from '../expression/expression.ts'
import type { StagePlan } from './stage.ts'

/** How a field is read: its value, or, if it is an array, no more than how many elements it has. */
export type FieldUse = 'value' | 'size'

export type NeededFields = ReadonlyMap<string, FieldUse>

/** Fields being gathered; undefined once the whole document is read. */
export class FieldGathering {
  #fields: Map<string, FieldUse> | undefined = new Map()

  get fields(): NeededFields | undefined {
    return this.#fields
  }

  /** `path`: dotted; of `a.b` the field `a` is read. */
  path(path: string): this {
    const dot = path.indexOf('.')
    return this.field(dot < 0 ? path : path.slice(0, dot), 'value')
  }

  field(name: string, use: FieldUse): this {
    if (this.#fields !== undefined && (use === 'value' || !this.#fields.has(name))) this.#fields.set(name, use)
    return this
  }

  all(): this {
    this.#fields = undefined
    return this
  }

  /** What others need, but for some fields; undefined: everything. */
  others(fields: NeededFields | undefined, except: readonly string[] = []): this {
    if (fields === undefined) return this.all()
    for (const [name, use] of fields) if (!except.includes(name)) this.field(name, use)
    return this
  }

  expression(expression: Expression | undefined): this {
    switch (expression?.kind) {
      case 'path': {
        if (expression.variable !== rootVariable) return this
        const [first] = expression.names
        return first === undefined ? this.all() : this.field(first, 'value')
      }
      case 'object':
        for (const field of expression.fields) this.expression(field.expression)
        return this
      case 'array':
        for (const element of expression.elements) this.expression(element)
        return this
      case 'operator': {
        const sized = expression.name === '$size' ? rootField(expression.operands[0]) : undefined
        if (sized !== undefined) return this.field(sized, 'size')
        for (const operand of expression.operands) this.expression(operand)
        return this
      }
      default:
        return this
    }
  }
}

/** The field that an expression names, and nothing inside it. */
function rootField(expression: Expression | undefined): string | undefined {
  if (expression?.kind !== 'path' || expression.variable !== rootVariable) return undefined
  return expression.names.length === 1 ? expression.names[0] : undefined
}

/** The fields that a pipeline reads of its input; undefined: all. */
export function neededOfInput(pipeline: readonly StagePlan[]): NeededFields | undefined {
  let needed: NeededFields | undefined
  for (const plan of pipeline.toReversed()) needed = plan.needs?.(needed)
  return needed
}

/** The pipeline in which each stage that can profit from it knows which fields of its documents will be read. */
export function withNeededFields(pipeline: readonly StagePlan[]): StagePlan[] {
  const plans: StagePlan[] = []
  let needed: NeededFields | undefined
  for (const plan of pipeline.toReversed()) {
    plans.push(needed === undefined ? plan : (plan.narrowed?.(needed) ?? plan))
    needed = plan.needs?.(needed)
  }
  return plans.reverse()
}
