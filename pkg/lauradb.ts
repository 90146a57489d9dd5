/**
 * LauraDB in your process: what `import { open } from 'lauradb'` gives.
 *
 *   const laura = await open('./data')
 *   const people = laura.db('app').collection('people')
 *   await people.insertOne({ name: 'Ada', age: 36 })
 *   for await (const person of people.find({ age: { $gte: 30 } }).sort({ name: 1 })) console.log(person)
 *   await laura.close()
 */
import { basename, dirname, resolve } from 'node:path'
import { version } from './base/version.ts'
import { Database } from './command/dispatch.ts'
import { Laura } from './embedded/laura.ts'
import { Engine } from './engine/engine.ts'
import type { EngineOptions } from './engine/options.ts'
import { hostWorld } from './io/host/world.ts'
import { compileIndexFilter } from './query/index-filter.ts'

export { DatabaseError } from './base/errors.ts'
export type { AggregationCursor } from './embedded/aggregation-cursor.ts'
export { BulkWriteError } from './embedded/bulk-write-error.ts'
export type { ChangeStream, ChangeStreamOptions } from './embedded/change-stream.ts'
export type { Collection } from './embedded/collection.ts'
export type { Db } from './embedded/db.ts'
export type { FindCursor } from './embedded/find-cursor.ts'
export type { Laura } from './embedded/laura.ts'
export type { ClientSession, TransactionOptions } from './embedded/session.ts'
export type * from './embedded/types.ts'
export type { EngineOptions } from './engine/options.ts'

/**
 * Opens the database in `directory`, making it when it is not there. One process at a time: throws DBPathInUse when another has it,
 * DataCorruptionDetected (naming file and offset) when the files are damaged.
 */
export async function open(directory: string, options: Partial<EngineOptions> = {}): Promise<Laura> {
  const path = resolve(directory)
  const world = hostWorld(dirname(path))
  const engine = await Engine.open(world, basename(path), { compileFilter: compileIndexFilter, ...options })
  return new Laura(engine, new Database(engine, world, { version }))
}
