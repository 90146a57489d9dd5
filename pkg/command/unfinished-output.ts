/** What `$out` writes before it takes its place: collections that a process that ended too early has left behind. */
import type { Engine } from '../engine/engine.ts'

const prefix = 'tmp.agg_out.'
const name = /^tmp\.agg_out\.[0-9a-f]{24}$/

/** `id`: twelve bytes in hexadecimal that no other collection is called by. */
export function outputName(id: string): string {
  return prefix + id
}

/** To be called before any `$out` begins. */
export function dropUnfinishedOutput(engine: Engine): void {
  for (const database of engine.databases()) {
    const unfinished = engine.collections(database).filter((collection) => name.test(collection.name))
    if (unfinished.length === 0) continue
    engine.write((unit) => {
      for (const collection of unfinished) unit.dropCollection(collection)
    })
  }
}
