/** A parsed projection. */
import type { PathPart } from '../path.ts'

export type Projection =
  /** `{}`: documents as they are. */
  { readonly kind: 'all' } | { readonly kind: 'inclusion' | 'exclusion'; readonly root: ProjectionNode }

/** A field that paths go through, or, without children, where one ends. The root's own part means nothing. */
export interface ProjectionNode {
  readonly part: PathPart
  readonly children: ReadonlyMap<string, ProjectionNode>
}
