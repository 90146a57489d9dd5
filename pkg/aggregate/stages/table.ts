/** Every stage by name. */
import type { StageDefinition } from '../stage.ts'
import { addFields, set } from './add-fields.ts'
import { count } from './count.ts'
import { group } from './group.ts'
import { limit } from './limit.ts'
import { match } from './match.ts'
import { project } from './project.ts'
import { replaceRoot, replaceWith } from './replace-root.ts'
import { skip } from './skip.ts'
import { sort } from './sort.ts'
import { sortByCount } from './sort-by-count.ts'
import { unset } from './unset.ts'
import { unwind } from './unwind.ts'

export const stages: ReadonlyMap<string, StageDefinition> = new Map(
  [
    addFields,
    count,
    group,
    limit,
    match,
    project,
    replaceRoot,
    replaceWith,
    set,
    skip,
    sort,
    sortByCount,
    unset,
    unwind,
  ].map((stage) => [stage.name, stage]),
)
