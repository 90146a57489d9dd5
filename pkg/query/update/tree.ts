/** Builds the tree of an update from its paths, and refuses paths that meet. */
import { DatabaseError } from '../../base/errors.ts'
import { utf8Bytes } from '../../bson/utf8.ts'
import { arrayIndexOf } from './path.ts'
import type { BranchNode, Child, ElementFilter, ElementsNode, PathPart, UpdateField, UpdateNode } from './update.ts'

type Growing = Leaf | GrowingBranch | GrowingElements
interface Leaf {
  readonly kind: 'leaf'
  readonly field: UpdateField
}
interface GrowingBranch {
  readonly kind: 'branch'
  readonly children: Map<string, Growing>
}
interface GrowingElements {
  readonly kind: 'elements'
  readonly children: Map<string, { readonly filter: ElementFilter; node: Growing }>
}

/** Errors: ConflictingUpdateOperators when one path is another or lies within it. */
export function buildTree(fields: readonly UpdateField[]): BranchNode {
  const [first] = fields
  const [part] = first?.parts ?? []
  // One field of the document itself, as in most updates, meets nothing.
  if (fields.length === 1 && first!.parts.length === 1 && part!.kind === 'field')
    return { kind: 'branch', children: [childOf(part!.name, { kind: 'leaf', modifier: first!.modifier })] }
  const root: GrowingBranch = { kind: 'branch', children: new Map() }
  for (const field of fields) insert(root, field)
  return finishBranch(root)
}

/** The fields with `index` in the place of the positional `$`. */
export function resolvePositional(fields: readonly UpdateField[], index: number): UpdateField[] {
  const name = String(index)
  return fields.map((field) =>
    field.parts.some((part) => part.kind === 'positional')
      ? {
          ...field,
          path: field.path.replace(/\.\$(?=\.|$)/, '.' + name),
          parts: field.parts.map((part): PathPart => (part.kind === 'positional' ? { kind: 'field', name } : part)),
        }
      : field,
  )
}

/** One node that does what two do to the same value; `path` leads to it, for the error when they meet. */
export function mergeNodes(a: UpdateNode, b: UpdateNode, path: string): UpdateNode {
  if (a.kind === 'branch' && b.kind === 'branch') {
    const merged = new Map(a.children.map((child) => [child.name, child]))
    for (const child of b.children) {
      const other = merged.get(child.name)
      const node = other === undefined ? child.node : mergeNodes(other.node, child.node, `${path}.${child.name}`)
      merged.set(child.name, { ...child, node })
    }
    return { kind: 'branch', children: [...merged.values()].sort(byCreationOrder) }
  }
  if (a.kind === 'elements' && b.kind === 'elements') {
    const merged = new Map(a.children.map((child) => [child.filter.identifier, child]))
    for (const child of b.children) {
      const { identifier } = child.filter
      const other = merged.get(identifier)
      const node = other === undefined ? child.node : mergeNodes(other.node, child.node, `${path}.$[${identifier}]`)
      merged.set(identifier, { ...child, node })
    }
    return { kind: 'elements', children: [...merged.values()] }
  }
  throw conflict(path, path)
}

function insert(root: GrowingBranch, field: UpdateField): void {
  const { parts } = field
  let node: Growing = root
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    const wanted = part.kind === 'elements' ? 'elements' : 'branch'
    if (node.kind !== wanted) throw conflict(field.path, prefix(parts, i))
    const next = parts[i + 1]
    const child: Growing | undefined = childAt(node, part)
    if (child === undefined) {
      const fresh: Growing = next === undefined ? { kind: 'leaf', field } : emptyNode(next)
      setChild(node, part, fresh)
      node = fresh
    } else {
      if (next === undefined) throw conflict(field.path, prefix(parts, i + 1))
      node = child
    }
  }
}

function childAt(node: Growing, part: PathPart): Growing | undefined {
  if (node.kind === 'branch') return node.children.get(partName(part))
  if (node.kind === 'elements' && part.kind === 'elements') return node.children.get(part.filter.identifier)?.node
  return undefined
}

function setChild(node: Growing, part: PathPart, child: Growing): void {
  if (node.kind === 'branch') node.children.set(partName(part), child)
  else if (node.kind === 'elements' && part.kind === 'elements') {
    node.children.set(part.filter.identifier, { filter: part.filter, node: child })
  }
}

function emptyNode(next: PathPart): Growing {
  return next.kind === 'elements' ? { kind: 'elements', children: new Map() } : { kind: 'branch', children: new Map() }
}

function finish(node: Growing): UpdateNode {
  switch (node.kind) {
    case 'leaf':
      return { kind: 'leaf', modifier: node.field.modifier }
    case 'branch':
      return finishBranch(node)
    case 'elements':
      return finishElements(node)
  }
}

function childOf(name: string, node: UpdateNode): Child {
  return { name, nameBytes: utf8Bytes(name), arrayIndex: arrayIndexOf(name), node }
}

function finishBranch(branch: GrowingBranch): BranchNode {
  const children: Child[] = []
  for (const [name, node] of branch.children) {
    children.push(childOf(name, finish(node)))
  }
  if (children.length > 1) children.sort(byCreationOrder)
  return { kind: 'branch', children }
}

function finishElements(elements: GrowingElements): ElementsNode {
  return {
    kind: 'elements',
    children: [...elements.children.values()].map(({ filter, node }) => ({ filter, node: finish(node) })),
  }
}

function byCreationOrder(a: Child, b: Child): number {
  if (a.arrayIndex >= 0 && b.arrayIndex >= 0) return a.arrayIndex - b.arrayIndex
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function prefix(parts: readonly PathPart[], length: number): string {
  return parts.slice(0, length).map(partName).join('.')
}

function partName(part: PathPart): string {
  switch (part.kind) {
    case 'field':
      return part.name
    case 'positional':
      return '$'
    case 'elements':
      return `$[${part.filter.identifier}]`
  }
}

function conflict(path: string, at: string): DatabaseError {
  return new DatabaseError(
    'ConflictingUpdateOperators',
    `Updating the path '${path}' would create a conflict at '${at}'`,
  )
}
