/** What is said of documents that do not match, where that takes long: what another thread needs to say it, and what it does with that. */
import { Detour, KeptOutcomes, longDocumentBytes, mayDetour, type Task } from '../../base/detour.ts'
import { stepLimit } from '../../expression/context.ts'
import { type PortableScope, Scope } from '../../expression/scope.ts'
import type { FilterOptions } from '../filter/parse.ts'
import { explainValidation } from './explain-filter.ts'

export interface ExplanationTask extends Task {
  readonly kind: 'explanation'
  readonly filter: Uint8Array
  readonly scope: PortableScope | undefined
  readonly nowMs: number | undefined
  readonly stepsMax: number
  readonly document: Uint8Array
}

/** What is said of documents that one filter does not match. */
export class FilterExplanations {
  readonly #filter: Uint8Array
  readonly #kept = new KeptOutcomes<Uint8Array>()

  constructor(filter: Uint8Array) {
    this.#filter = filter
  }

  /** The explanation as a document. Throws a `Detour` when that takes long, and has the answer when it is asked again. */
  of(document: Uint8Array, options: FilterOptions): Uint8Array {
    const here = (): Uint8Array => explainValidation(this.#filter, document, options)
    if (!mayDetour()) return here()
    try {
      if (document.length <= longDocumentBytes) return here()
    } catch (error) {
      // It is the same whole that is told elsewhere: what is told of its parts is kept nowhere.
      if (!(error instanceof Detour)) throw error
    }
    return this.#kept.resultOf(document, 0, document.length, (input) => this.#taskFor(input, options), here)
  }

  #taskFor(document: Uint8Array, { scope, nowMs }: FilterOptions): ExplanationTask {
    const filter = this.#filter.slice()
    return { kind: 'explanation', filter, scope: scope?.portable, nowMs, stepsMax: stepLimit.perDocument, document }
  }
}

/** Does what an `ExplanationTask` asks for. */
export function computeExplanation({ filter, scope, nowMs, stepsMax, document }: ExplanationTask): Uint8Array {
  const options = {
    ...(nowMs === undefined ? {} : { nowMs }),
    ...(scope === undefined ? {} : { scope: Scope.of(scope) }),
    stepsMax,
  }
  return explainValidation(filter, document, options)
}
