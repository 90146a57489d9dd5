/** What an operation may ask for before it is run: depth, number of fields and pages multiplied out, and aliases. */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
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

export const queryLimits: QueryLimits = { tokensMax: 20_000, depthMax: 12, complexityMax: 100_000, aliasesMax: 50 }

/** A list without a page size counts as so many. */
const listSize = 20
const sizeArguments: ReadonlySet<string> = new Set(['first', 'last', 'limit'])

type Variables = Readonly<Record<string, unknown>>

/** Throws when an operation that is valid asks for too much. Introspection has a rule of its own in graphql. */
export function checkLimits(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  limits = queryLimits,
): void {
  const measure = new Measure(document, variables, limits)
  measure.walk(operation.selectionSet, schema.getRootType(operation.operation) ?? undefined, 1, 1)
  for (const [what, found, most] of [
    ['a depth of', measure.depth, limits.depthMax],
    ['a complexity of', measure.complexity, limits.complexityMax],
    ['a number of aliases of', measure.aliases, limits.aliasesMax],
  ] as const)
    if (found > most)
      throw new GraphQLError(`the query has ${what} ${found}, more than ${most}`, {
        nodes: operation,
        extensions: { code: 'QUERY_TOO_COMPLEX', http: { status: 400 } },
      })
}

class Measure {
  depth = 0
  complexity = 0
  aliases = 0
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>
  readonly #variables: Variables
  readonly #complexityMax: number

  constructor({ definitions }: DocumentNode, variables: Variables, { complexityMax }: QueryLimits) {
    const fragments = definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION)
    this.#fragments = new Map(fragments.map((each) => [each.name.value, each]))
    this.#variables = variables
    this.#complexityMax = complexityMax
  }

  /** `times`: how often the selection is made, by the lists around it. */
  walk(set: SelectionSetNode, type: GraphQLNamedType | undefined, depth: number, times: number): void {
    for (const selection of set.selections) {
      // Beyond the limit nothing more needs to be counted, which also ends fragments that multiply each other.
      if (this.complexity > this.#complexityMax) return
      if (selection.kind === Kind.INLINE_FRAGMENT) this.walk(selection.selectionSet, type, depth, times)
      else if (selection.kind === Kind.FRAGMENT_SPREAD)
        this.walk(this.#fragments.get(selection.name.value)!.selectionSet, type, depth, times)
      else if (!selection.name.value.startsWith('__')) {
        if (selection.alias !== undefined) this.aliases++
        this.complexity += times
        if (depth > this.depth) this.depth = depth
        if (selection.selectionSet === undefined) continue
        const field = isObjectType(type) ? type.getFields()[selection.name.value] : undefined
        const asked = selection.arguments?.find(({ name }) => sizeArguments.has(name.value))
        const size = (asked === undefined ? undefined : this.#sizeOf(asked.value)) ?? usualSize(field)
        this.walk(selection.selectionSet, field && getNamedType(field.type), depth + 1, times * size)
      }
    }
  }

  #sizeOf(value: ValueNode): number | undefined {
    const size = value.kind === Kind.VARIABLE ? this.#variables[value.name.value] : undefined
    if (value.kind === Kind.INT) return Math.max(1, Number(value.value))
    return typeof size === 'number' ? Math.max(1, size) : undefined
  }
}

/** How many a field gives when the query does not say. */
function usualSize(field: GraphQLField<unknown, unknown> | undefined): number {
  if (field === undefined) return 1
  const sizes = field.args.filter(({ name }) => sizeArguments.has(name))
  const given = sizes.find(({ defaultValue }) => typeof defaultValue === 'number')
  return sizes.length > 0 || field.extensions['isUnbounded'] === true ? Number(given?.defaultValue ?? listSize) : 1
}
