import type { FieldBranch } from './field-tree.ts'
import type { Projection } from './tree.ts'

/** The paths that a projection keeps, when it keeps these and does nothing else. */
export function keptPaths(projection: Projection): readonly string[] | undefined {
  if (projection.kind !== 'inclusion') return undefined
  const paths: string[] = []
  return collect(projection.root, '', paths) && paths.length > 0 ? paths : undefined
}

function collect(branch: FieldBranch, prefix: string, into: string[]): boolean {
  for (const [name, node] of branch.children) {
    if (node.kind === 'branch') {
      if (!collect(node, `${prefix}${name}.`, into)) return false
    } else if (node.kind === 'keep') into.push(prefix + name)
    else if (node.kind !== 'drop') return false
  }
  return true
}
