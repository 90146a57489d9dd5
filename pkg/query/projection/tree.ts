/** A parsed projection of find and findAndModify. */
import type { Value } from '../../bson/value.ts'
import type { FieldBranch } from './field-tree.ts'

export type Projection =
  /** `{}`: documents as they are. */
  | { readonly kind: 'all' }
  | {
      readonly kind: 'inclusion' | 'exclusion'
      readonly root: FieldBranch
      /** What `$$NOW` is, milliseconds since the epoch. */
      readonly nowMs: number
      /** Values of the variables by slot. */
      readonly variables: readonly Value[]
    }
