/** Building the indexes that a command asks for: at once in a small collection, else slice by slice while others write. */

import { DatabaseError } from '../base/errors.ts'
import type { LogIndex } from '../base/ids.ts'
import type { Collection } from '../engine/collection.ts'
import type { IndexBuild } from '../engine/index-build.ts'
import { parseIndexDefinition } from '../index/definition.ts'
import { ConnectionContext } from './context.ts'
import type { IndexSpec } from './index-spec.ts'
import type { Instance } from './instance.ts'
import { type Command, Operation } from './operation.ts'
import { settled } from './settled.ts'

/** Up to so many documents, and bytes of them, indexes are built in the turn of the command: some milliseconds. */
const atOnceMax = 500
const atOnceBytesMax = 256 * 1024

/** Whether the collection's indexes should be built while others write. */
export function buildsInBackground(collection: Collection | undefined, specs: readonly IndexSpec[]): boolean {
  if (collection === undefined) return false
  const { documentCount, dataSizeBytes } = collection
  return documentCount * specs.length > atOnceMax || dataSizeBytes * specs.length > atOnceBytesMax
}

/**
 * All of them or none. The collection keeps its writers; the indexes are there when the promise resolves. When the process ends before
 * that, they are built again by the next: see `restartIndexBuilds`.
 */
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
  engine.write((unit) => {
    for (const { definition } of specs) unit.startIndexBuild(collection, definition)
  })
  return buildStarted(operation, collection, specs)
}

/** What a build needs to know of an index. */
type StartedBuild = Pick<IndexSpec, 'name' | 'definition'>

async function buildStarted(
  operation: Operation,
  collection: Collection,
  specs: readonly StartedBuild[],
): Promise<LogIndex> {
  const { engine } = operation.instance
  const builds: IndexBuild[] = []
  try {
    for (const spec of specs) {
      const build = await settled(operation, () => engine.beginIndexBuild(collection, spec.definition))
      builds.push(build)
      operation.progress = { message: `Index Build: ${spec.name}`, done: () => build.done, total: build.total }
      const slice = (): boolean => build.slice()
      while (!(await settled(operation, slice))) if (operation.due()) await operation.pause()
    }
    // Built as they are they wait for the transactions that use the collection.
    return await settled(operation, () => engine.write((unit) => unit.finishIndexBuilds(builds)).logIndex)
  } catch (error) {
    for (const build of builds) build.abandon()
    await operation.takeBack(() => {
      if (isShutdown(error) || collection.dropped || engine.isFailed) return
      engine.write((unit) => {
        for (const { name } of specs) unit.stopIndexBuild(collection, name)
      })
    })
    throw error
  } finally {
    operation.progress = undefined
  }
}

function isShutdown(error: unknown): boolean {
  return (
    error instanceof DatabaseError &&
    (error.codeName === 'InterruptedAtShutdown' || error.codeName === 'ShutdownInProgress')
  )
}

/**
 * Builds the indexes whose build the end of the last process cut off, one after the other, in the background. One that cannot be built
 * (its keys are not unique any more) is given up. Resolves when all are done.
 */
export async function restartIndexBuilds(instance: Instance): Promise<void> {
  const { engine } = instance
  const interrupted = engine
    .databases()
    .flatMap((database) => engine.collections(database).filter(({ unfinished }) => unfinished.length > 0))
  for (const collection of interrupted) {
    for (const definition of collection.unfinished) {
      if (collection.dropped || instance.isClosed) break
      const name = parseIndexDefinition(definition).name
      const operation = ownOperation(instance, collection.database)
      operation.namespace = collection.namespace
      instance.operations.set(operation.id, operation)
      try {
        await buildStarted(operation, collection, [{ name, definition }])
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error
      } finally {
        instance.operations.delete(operation.id)
      }
    }
  }
}

const building: Command = { name: 'createIndexes', writeConcern: true }

function ownOperation(instance: Instance, database: string): Operation {
  const context = new ConnectionContext({ connectionId: 0, remoteAddress: '' })
  return new Operation(
    instance.nextOperationId(),
    instance,
    context,
    building,
    database,
    undefined,
    instance.world.clock.monotonicMs(),
  )
}
