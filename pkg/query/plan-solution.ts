/** Which way a plan goes, apart from the values it looks for: by which indexes, in which direction, with a sort or without. */
import type { PlanNode } from './plan-node.ts'

/** Equal for plans of one query shape that go the same way. */
export function solutionOf(node: PlanNode): string {
  switch (node.kind) {
    case 'collectionScan':
      return `scan ${node.direction}`
    case 'idLookup':
      return 'id'
    case 'fetch': {
      const { index, bounds, direction } = node.input
      const at = index.definition.wildcardAt
      const path = at < 0 ? '' : ` at ${bounds.parts.map(({ name }) => name).join()}`
      return `fetch ${index.name} ${direction}${path}`
    }
    case 'or':
      return `or(${node.inputs.map(solutionOf).join()})`
    case 'merge':
      // Into how many scans one is cut up depends on the values.
      return node.exploded ? `exploded ${solutionOf(node.inputs[0]!)}` : `merge(${node.inputs.map(solutionOf).join()})`
    case 'distinctScan':
      return `distinct ${node.input.index.name} ${node.part}`
    case 'groupScan':
      return `groups ${node.passes[0]!.input.index.name} ${node.part}`
    case 'sort':
      return `sort(${solutionOf(node.input)})`
  }
}

/** The names of the indexes that the plan reads. */
export function indexesOf(node: PlanNode): readonly string[] {
  switch (node.kind) {
    case 'collectionScan':
      return []
    case 'idLookup':
      return ['_id_']
    case 'fetch':
    case 'distinctScan':
      return [node.input.index.name]
    case 'groupScan':
      return [node.passes[0]!.input.index.name]
    case 'merge':
    case 'or':
      return node.inputs.flatMap(indexesOf)
    case 'sort':
      return indexesOf(node.input)
  }
}
