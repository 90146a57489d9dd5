/** What a query may ask for before it is run: depth, number of fields and pages multiplied out, and aliases. */
import {
  type ASTVisitor,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
  type ValueNode,
} from 'graphql'

export interface QueryLimits {
  /** Words and signs of a request's text, which are counted while it is read. */
  readonly tokensMax: number
  readonly depthMax: number
  /** Fields, each as often as the lists around it may give it. */
  readonly complexityMax: number
  readonly aliasesMax: number
}

export const queryLimits: QueryLimits = { tokensMax: 20_000, depthMax: 12, complexityMax: 50_000, aliasesMax: 50 }

/** A list without a page size counts as so many. */
const listSize = 20

/** A validation rule for `limits`. Introspection is not counted. */
export function limitQueries(limits: QueryLimits): (context: ValidationContext) => ASTVisitor {
  return (context) => ({
    OperationDefinition(operation) {
      const measure = new Measure(context)
      measure.walk(operation.selectionSet, 1, 1)
      const tell = (what: string, found: number, most: number): void => {
        if (found > most)
          context.reportError(
            new GraphQLError(`the query has ${what} ${found}, more than ${most}`, {
              nodes: operation,
              extensions: { code: 'QUERY_TOO_COMPLEX' },
            }),
          )
      }
      tell('a depth of', measure.depth, limits.depthMax)
      tell('a complexity of', measure.complexity, limits.complexityMax)
      tell('a number of aliases of', measure.aliases, limits.aliasesMax)
    },
  })
}

class Measure {
  depth = 0
  complexity = 0
  aliases = 0
  readonly #context: ValidationContext
  /** Fragments on the way here: one that spreads itself is another rule's to refuse. */
  readonly #within = new Set<string>()

  constructor(context: ValidationContext) {
    this.#context = context
  }

  walk(set: SelectionSetNode, depth: number, times: number): void {
    // Beyond any limit nothing more needs to be counted, which also ends fragments that multiply each other.
    if (this.complexity > 10 * queryLimits.complexityMax) return
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) this.walk(selection.selectionSet, depth, times)
      else if (selection.kind === Kind.FRAGMENT_SPREAD) this.#spread(selection.name.value, depth, times)
      else if (!selection.name.value.startsWith('__')) {
        if (selection.alias !== undefined) this.aliases++
        this.complexity += times
        if (depth > this.depth) this.depth = depth
        if (selection.selectionSet === undefined) continue
        const size = selection.arguments?.find(({ name }) => ['first', 'last', 'limit'].includes(name.value))
        this.walk(selection.selectionSet, depth + 1, times * (size === undefined ? 1 : sizeOf(size.value)))
      }
    }
  }

  #spread(name: string, depth: number, times: number): void {
    const fragment = this.#context.getFragment(name)
    if (fragment === undefined || fragment === null || this.#within.has(name)) return
    this.#within.add(name)
    this.walk(fragment.selectionSet, depth, times)
    this.#within.delete(name)
  }
}

function sizeOf(value: ValueNode): number {
  return value.kind === Kind.INT ? Math.max(1, Number(value.value)) : listSize
}
