/** Building the indexes that a command asks for: at once in a small collection, else slice by slice while others write. */

import { DatabaseError } from '../base/errors.ts'
import type { LogIndex } from '../base/ids.ts'
import type { Collection } from '../engine/collection.ts'
import type { IndexBuild } from '../engine/index-build.ts'
import type { IndexSpec } from './index-spec.ts'
import type { Operation } from './instance.ts'

/** Up to so many documents an index is built in the turn of the command: some milliseconds. */
const atOnceMax = 500

/** Whether the collection's indexes should be built while others write. */
export function buildsInBackground(collection: Collection | undefined, specs: readonly IndexSpec[]): boolean {
  return collection !== undefined && specs.length > 0 && collection.documentCount > atOnceMax
}

/** All of them or none. The collection keeps its writers; the indexes are there when the promise resolves. */
export async function buildInBackground(
  operation: Operation,
  collection: Collection,
  specs: readonly IndexSpec[],
): Promise<LogIndex> {
  const { engine } = operation.instance
  for (const { name } of specs) {
    if (collection.builds.some((build) => build.name === name))
      throw new DatabaseError('IndexBuildAlreadyInProgress', `index ${name} is being built already`)
  }
  const builds: IndexBuild[] = []
  try {
    for (const spec of specs) {
      const build = engine.beginIndexBuild(collection, spec.definition)
      builds.push(build)
      operation.progress = { message: `Index Build: ${spec.name}`, done: () => build.done, total: build.total }
      while (!build.slice()) if (operation.due()) await operation.pause()
    }
    return engine.write((unit) => unit.finishIndexBuilds(builds)).logIndex
  } catch (error) {
    for (const build of builds) build.abandon()
    throw error
  } finally {
    operation.progress = undefined
  }
}
