/** Tests of documents that take long: what another thread needs to make one, and what it does with that. */
import { inPlaceNs, KeptOutcomes, longDocumentBytes, mayDetour, type Task } from '../../base/detour.ts'
import { getField, readInt32, type Value } from '../../bson/value.ts'
import { stepLimit } from '../../expression/context.ts'
import { missing } from '../../expression/expression.ts'
import { ownedValue } from '../../expression/owned-value.ts'
import { type PortableScope, Scope } from '../../expression/scope.ts'
import { compileFilter, type Predicate } from './compile.ts'
import { fieldCosts } from './cost.ts'
import { type FilterOptions, parseFilter } from './parse.ts'
import type { Filter } from './tree.ts'

export interface FilterTask extends Task {
  readonly kind: 'filter'
  readonly filter: Uint8Array
  readonly scope: PortableScope | undefined
  readonly variables: readonly (Value | undefined)[]
  readonly nowMs: number | undefined
  readonly stepsMax: number
  readonly document: Uint8Array
}

/** A filter as it was given, from which it can be parsed again, and as it was parsed. */
export interface ParsedFilter {
  readonly document: Uint8Array
  readonly options: FilterOptions | undefined
  readonly filter: Filter
}

/** Tests documents by a filter, or by what is left of it for those that meet the rest. */
export class DocumentTests {
  readonly #whole: ParsedFilter | undefined
  #long: LongTests | undefined

  /** `whole`: the filter; undefined: nobody begins again after a `Detour`. */
  constructor(whole: ParsedFilter | undefined) {
    this.#whole = whole
  }

  /** What `predicate` says of the document. Throws a `Detour` when that takes long, and has the answer when it is asked again. */
  passes(predicate: Predicate, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start <= longDocumentBytes || this.#whole === undefined) return predicate(bytes, start)
    this.#long ??= new LongTests(this.#whole)
    return this.#long.passes(predicate, bytes, start, end)
  }
}

/** The tests of documents longer than `longDocumentBytes`. */
class LongTests {
  readonly #whole: ParsedFilter
  readonly #answers = new KeptOutcomes<boolean>()
  readonly #costs: ReadonlyMap<string, number>

  constructor(whole: ParsedFilter) {
    this.#whole = whole
    this.#costs = fieldCosts(whole.filter)
  }

  passes(predicate: Predicate, bytes: Uint8Array, start: number, end: number): boolean {
    if (!mayDetour() || this.#estimateNs(bytes, start) <= inPlaceNs) return predicate(bytes, start)
    return this.#answers.resultOf(
      bytes,
      start,
      end,
      (document) => this.#taskFor(document),
      () => predicate(bytes, start),
    )
  }

  #taskFor(document: Uint8Array): FilterTask {
    const { document: filter, options = {} } = this.#whole
    const { nowMs, scope, variables = [] } = options
    return {
      kind: 'filter',
      filter: filter.slice(),
      scope: scope?.portable,
      variables: variables.map((value) => (value === undefined || value === missing ? undefined : ownedValue(value))),
      nowMs,
      stepsMax: stepLimit.perDocument,
      document,
    }
  }

  #estimateNs(bytes: Uint8Array, start: number): number {
    let sum = 0
    for (const [name, nsPerByte] of this.#costs) {
      if (name === '') sum += nsPerByte * readInt32(bytes, start)
      else {
        const value = getField(bytes, name, start)
        if (value !== undefined) sum += nsPerByte * (value.end - value.start)
      }
    }
    return sum
  }
}

/** `predicate`, which is the filter compiled, for who begins again after a `Detour`. */
export function withLongTests(predicate: Predicate, whole: ParsedFilter): Predicate {
  const tests = new DocumentTests(whole)
  return (bytes, start) => tests.passes(predicate, bytes, start, start + readInt32(bytes, start))
}

/** Does what a `FilterTask` asks for. */
export function computeFilter(task: FilterTask): boolean {
  const { filter, scope, variables, nowMs, stepsMax, document } = task
  const options = {
    ...(nowMs === undefined ? {} : { nowMs }),
    ...(scope === undefined ? {} : { scope: Scope.of(scope) }),
    variables: variables.map((value) => value ?? missing),
    stepsMax,
  }
  return compileFilter(parseFilter(filter, 0, options))(document, 0)
}
