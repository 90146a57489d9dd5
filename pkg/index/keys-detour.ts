/** Having keys taken by another thread: see `Detour`. */
import { Detour } from '../base/detour.ts'
import type { Index } from './index.ts'
import { type KeysFound, type KeysTask, KnownKeys } from './keys-task.ts'

/** Keys of a document, by its place among those that are sent, in an index. */
export interface WantedKeys {
  readonly index: Index
  readonly document: number
}

/** To be thrown: afterwards the indexes know the keys of these documents, byte for byte. */
export function keysDetour(documents: readonly Uint8Array[], wanted: readonly WantedKeys[]): Detour {
  const sent = wanted.map(({ index, document }) => ({ definition: index.definition.bytes.slice(), document }))
  const task: KeysTask = { kind: 'keys', documents, wanted: sent }
  return new Detour(task, ({ result, error }) => {
    if (error !== undefined) throw error
    const found = result as readonly KeysFound[]
    for (let i = 0; i < wanted.length; i++) {
      const { index, document } = wanted[i]!
      index.expect(new KnownKeys(documents[document]!, found[i]!))
    }
  })
}
