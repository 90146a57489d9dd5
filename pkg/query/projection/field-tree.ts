/**
 * The shaping of documents by projections, `$project`, `$addFields` and `$unset`: a tree over field paths whose leaves keep,
 * drop, compute or cut a field. Paths go through arrays: each element that is a document is shaped; in an array, what is no
 * document is dropped by an inclusion, replaced by a document with the computed fields by `$addFields`, and kept by an exclusion.
 */
import { DatabaseError } from '../../base/errors.ts'
import type { Value } from '../../bson/value.ts'
import type { Collation } from '../../collation/collation.ts'
import type { Expression } from '../../expression/expression.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import type { ElemMatchDocumentFilter, ElemMatchValueFilter } from '../filter/tree.ts'

/** What becomes of the fields that the tree does not name. */
export type ShapeMode = 'include' | 'exclude' | 'add'

export type FieldAction =
  | { readonly kind: 'keep' }
  | { readonly kind: 'drop' }
  | ComputeAction
  | SliceAction
  | ElemMatchAction
  | PositionalAction

export interface ComputeAction {
  readonly kind: 'compute'
  readonly expression: Expression
  /** As it was written, for explain. */
  readonly source?: Value
}

/** `{$slice: count}` or `{$slice: [skip, count]}`: part of an array; other values stay. */
export interface SliceAction {
  readonly kind: 'slice'
  /** Elements left out at the beginning; negative: where to begin, from the end. */
  readonly skip: number
  readonly count: number
  readonly source: Value
}

/** `{$elemMatch: filter}`: the first element that matches, alone in its array. Nothing when there is none, or no array. */
export interface ElemMatchAction {
  readonly kind: 'elemMatch'
  readonly filter: ElemMatchDocumentFilter | ElemMatchValueFilter
  readonly source: Value
}

/** `path.$`: the element by which the query's filter matched, alone in its array. */
export interface PositionalAction {
  readonly kind: 'positional'
  /** The query's filter. */
  readonly filter: Uint8Array
  /** How it compares strings. */
  readonly collation: Collation | undefined
}

export type FieldNode = FieldAction | FieldBranch

/** Children in the order they were written, which is the order in which computed fields are appended. */
export interface FieldBranch {
  readonly kind: 'branch'
  readonly children: Map<string, FieldNode>
}

export function emptyBranch(): FieldBranch {
  return { kind: 'branch', children: new Map() }
}

/** Adds an action at `path`. Errors: 31249 and 31250 when paths meet, those of `splitFieldPath`. */
export function addField(root: FieldBranch, path: string, action: FieldAction): void {
  const names = splitFieldPath(path)
  const last = names.length - 1
  let branch = root
  for (let i = 0; i < last; i++) {
    const child = branch.children.get(names[i]!)
    if (child === undefined) {
      const fresh = emptyBranch()
      branch.children.set(names[i]!, fresh)
      branch = fresh
    } else if (child.kind === 'branch') branch = child
    else {
      throw new DatabaseError(31249, `Path collision at ${path} remaining portion ${names.slice(i + 1).join('.')}`)
    }
  }
  if (branch.children.has(names[last]!)) throw new DatabaseError(31250, `Path collision at ${path}`)
  branch.children.set(names[last]!, action)
}
