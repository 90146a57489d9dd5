/**
 * Expressions that take too many steps for a turn: what is sent to another thread to have them computed there, and the values that come
 * back.
 *
 * Of the expressions that are evaluated together for a document, the one at which the steps ran out is sent with those that follow it: those
 * before it are evaluated again here, and none of them is sent twice.
 */
import { Detour, errorOf, type FailureParts, isSameInput, type Outcome, type Task } from '../base/detour.ts'
import { readInt64Number, type Value } from '../bson/value.ts'
import type { EvaluationContext } from './context.ts'
import { missing } from './expression.ts'
import { ownedMetadata } from './metadata.ts'
import { ownedValue } from './owned-value.ts'
import type { PortableScope } from './scope.ts'
import type { ExpressionSource } from './source.ts'

/** Expressions and what they are evaluated against. */
export interface Evaluation {
  readonly document: Uint8Array
  readonly expressions: readonly { readonly value: Value; readonly scope: PortableScope }[]
  /** Of the variables in the scopes, by slot; undefined: missing. */
  readonly variables: readonly (Value | undefined)[]
  readonly metadata: ReadonlyMap<string, Value>
  readonly nowMs: number
  /** For `$rand`. */
  readonly seed: number
  readonly stepsMax: number
}

export interface ExpressionsTask extends Task, Evaluation {
  readonly kind: 'expressions'
}

/** What an expression gives; `value` undefined: missing. */
export type Computed =
  | { readonly value: Value | undefined; readonly failure?: undefined }
  | { readonly failure: FailureParts; readonly value?: undefined }

/** The values of the expressions from the one numbered `from` on, for one document. */
export class KnownValues {
  readonly #document: Uint8Array
  readonly #from: number
  readonly #outcome: Outcome<readonly Computed[]>
  /** Somebody has come back for them. */
  wasUsed = false

  constructor(document: Uint8Array, from: number, outcome: Outcome<readonly Computed[]>) {
    this.#document = document
    this.#from = from
    this.#outcome = outcome
  }

  isOf(bytes: Uint8Array, start: number, end: number): boolean {
    return isSameInput(this.#document, bytes, start, end)
  }

  isOfSame(other: KnownValues): boolean {
    return other.isOf(this.#document, 0, this.#document.length)
  }

  has(expression: number): boolean {
    return expression >= this.#from
  }

  /** Throws what computing the expression has thrown. */
  value(expression: number): Value {
    const { result, error } = this.#outcome
    if (error !== undefined) throw error
    const computed = result[expression - this.#from]!
    if (computed.failure !== undefined) throw errorOf(computed.failure)
    return computed.value ?? missing
  }
}

/** The detour for the expressions from the one numbered `from` on, of those with these sources. `keep`: takes their values. */
export function expressionsDetour(
  context: EvaluationContext,
  sources: readonly ExpressionSource[],
  from: number,
  stepsMax: number,
  keep: (known: KnownValues) => void,
): Detour {
  const task: ExpressionsTask = { kind: 'expressions', ...evaluationOf(context, sources.slice(from), stepsMax) }
  const { document } = task
  return new Detour(task, (outcome) => keep(new KnownValues(document, from, outcome as Outcome<readonly Computed[]>)))
}

/** What has to be sent to have these expressions evaluated against the current document of the context. */
export function evaluationOf(
  context: EvaluationContext,
  sent: readonly ExpressionSource[],
  stepsMax: number,
): Evaluation {
  const scopes = new Map([...new Set(sent.map(({ scope }) => scope))].map((scope) => [scope, scope.portable]))
  const slots = new Set(sent.flatMap(({ scope }) => scope.slots))
  return {
    document: context.bytes.slice(context.start, context.end),
    expressions: sent.map(({ value, scope }) => ({ value: ownedValue(value), scope: scopes.get(scope)! })),
    variables: Array.from({ length: Math.max(0, ...slots) + 1 }, (_, slot) => {
      const value = slots.has(slot) ? context.variables[slot] : undefined
      return value === undefined || value === missing ? undefined : ownedValue(value)
    }),
    metadata: ownedMetadata(context.metadata),
    nowMs: readInt64Number(context.now.bytes, context.now.start),
    seed: Math.floor(context.random() * 2 ** 32),
    stepsMax,
  }
}
