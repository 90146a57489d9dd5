/** Stages that are known and not there: refused by name. */
import { DatabaseError, type ErrorName } from '../../base/errors.ts'
import type { StageDefinition } from '../stage.ts'

function refused(
  name: string,
  error: ErrorName | number,
  why: string,
  more: Partial<StageDefinition> = {},
): StageDefinition {
  return {
    name,
    first: true,
    ...more,
    // Where it stands is looked at first.
    parse: () => ({
      name,
      isSource: true,
      open() {
        throw new DatabaseError(error, why)
      },
    }),
  }
}

const needsSearch = (name: string): StageDefinition =>
  refused(name, 31082, `${name} needs a search server, which there is none of`)

export const refusedStages: readonly StageDefinition[] = [
  refused('$geoNear', 'NotImplemented', '$geoNear is not supported yet', { first: 40603 }),
  needsSearch('$search'),
  needsSearch('$searchMeta'),
  needsSearch('$vectorSearch'),
  needsSearch('$listSearchIndexes'),
  refused('$shardedDataDistribution', 'IllegalOperation', '$shardedDataDistribution runs on sharded clusters only'),
]
