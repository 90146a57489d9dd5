/** What `$redact` makes of a document: by an expression that says of it, and of those within it, whether it is shown. */
import type { Task } from '../base/detour.ts'
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { stringValue, type Value } from '../bson/value.ts'
import { ElementWalker } from '../bson/walk.ts'
import { BsonWriter, indexName } from '../bson/writer.ts'
import { received } from '../expression/compute.ts'
import type { EvaluationContext } from '../expression/context.ts'
import type { Evaluate } from '../expression/expression.ts'
import type { Evaluation } from '../expression/expressions-task.ts'
import { shownType } from '../expression/operators/shown-type.ts'

/** The variables whose slots a redaction is given, in this order. */
export const redactVariables: readonly string[] = ['CURRENT', 'DESCEND', 'PRUNE', 'KEEP']

/** What the variables `$$DESCEND`, `$$PRUNE` and `$$KEEP` are: known by the very values. */
const descend = stringValue('descend')
const prune = stringValue('prune')
const keep = stringValue('keep')

/** What a decision takes besides the expression. */
const decisionSteps = 4

export interface RedactTask extends Task, Evaluation {
  readonly kind: 'redact'
  readonly slots: readonly number[]
}

/** Redacts one document after the other. */
export class Redaction {
  readonly #evaluate: Evaluate
  readonly #context: EvaluationContext
  readonly #current: number
  readonly #writer = new BsonWriter()

  /** `slots`: those of `redactVariables`. */
  constructor(evaluate: Evaluate, context: EvaluationContext, slots: readonly number[]) {
    this.#evaluate = evaluate
    this.#context = context
    const { variables } = context
    this.#current = slots[0]!
    variables[slots[1]!] = descend
    variables[slots[2]!] = prune
    variables[slots[3]!] = keep
  }

  /** What is shown of the context's document, until the next one; undefined: nothing. */
  shown(): Pick<Value, 'bytes' | 'start' | 'end'> | undefined {
    const { bytes, start, end } = this.#context
    const document: Value = { type: bsonType.document, bytes, start, end }
    const decision = this.#decide(document)
    if (decision === keep) return document
    if (decision === prune) return undefined
    const writer = this.#writer.reset()
    writer.beginDocument()
    this.#copyFields(bytes, start)
    writer.end()
    return { bytes: writer.bytes, start: 0, end: writer.length }
  }

  /** Errors: 17053 for a value that is none of the three. */
  #decide(document: Value): Value {
    this.#context.spend(decisionSteps)
    this.#context.variables[this.#current] = document
    const decision = this.#evaluate(this.#context)
    for (const known of [descend, prune, keep]) if (isSame(decision, known)) return known
    throw new DatabaseError(
      17053,
      `$redact's expression should not return anything aside from the variables $$KEEP, $$DESCEND, and $$PRUNE, but returned ${shownType(decision)}`,
    )
  }

  #copyFields(bytes: Uint8Array, start: number): void {
    const walker = new ElementWalker().reset(bytes, start)
    while (walker.next()) {
      if (walker.type === bsonType.document || walker.type === bsonType.array) {
        this.#copyNested(walker.name(), walker.value())
      } else this.#writer.raw(bytes, walker.nameStart - 1, walker.valueEnd)
    }
  }

  /** Whether something was written: a pruned document is not. */
  #copyNested(name: string, value: Value): boolean {
    const writer = this.#writer
    if (value.type === bsonType.array) {
      writer.beginArray(name)
      this.#copyElements(value)
      writer.end()
      return true
    }
    const decision = this.#decide(value)
    if (decision === prune) return false
    if (decision === keep) {
      writer.value(name, value)
      return true
    }
    writer.beginDocument(name)
    this.#copyFields(value.bytes, value.start)
    writer.end()
    return true
  }

  #copyElements(array: Value): void {
    const walker = new ElementWalker().reset(array.bytes, array.start)
    let count = 0
    while (walker.next()) {
      const value = walker.value()
      if (value.type === bsonType.document || value.type === bsonType.array) {
        if (this.#copyNested(indexName(count), value)) count++
      } else this.#writer.value(indexName(count++), value)
    }
  }
}

/** Does what a `RedactTask` asks for: what is shown of the document; undefined: nothing. */
export function computeRedaction(task: RedactTask): Uint8Array | undefined {
  const { context, evaluates } = received(task)
  const shown = new Redaction(evaluates[0]!, context, task.slots).shown()
  return shown?.bytes.slice(shown.start, shown.end)
}

/** The value of a variable, wherever it was copied to meanwhile. */
function isSame(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a.type !== b.type || a.end - a.start !== b.end - b.start) return false
  for (let i = 0; i < b.end - b.start; i++) if (a.bytes[a.start + i] !== b.bytes[b.start + i]) return false
  return true
}
