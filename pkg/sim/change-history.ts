/** Reads the change history of an engine, as a change stream would, and builds the collections of database `db` anew from it. */
import type { LogIndex } from '../base/ids.ts'
import { readInt32 } from '../bson/value.ts'
import { type Change, ChangeEntry } from '../change/change.ts'
import { keyRange } from '../change/change-event.ts'
import type { Engine } from '../engine/engine.ts'
import { wholePayload } from '../storage/log-reader.ts'
import type { ModelState } from './model.ts'

type Collections = Map<string, Map<string, string>>

/** What the history kept makes of nothing; undefined: it does not reach back to the beginning. Throws when an entry cannot be read. */
export function replayHistory(engine: Engine): ModelState | undefined {
  const { oldestChange, durableIndex } = engine
  if (oldestChange === 0) throw new Error('there is no change history')
  const state: Collections = new Map()
  const cursor = engine.readLog(oldestChange)
  let wanted: LogIndex = oldestChange
  for (let entry = cursor.next(); entry !== undefined; entry = cursor.next()) {
    if (entry.index !== wanted) throw new Error(`entry ${wanted} is missing from the history`)
    wanted = (wanted + 1) as LogIndex
    const kept = new ChangeEntry(entry.index, entry.timestamp, wholePayload(entry))
    for (const change of kept.changes) apply(state, kept, change)
  }
  cursor.close()
  if (wanted <= durableIndex) throw new Error(`the history ends before entry ${wanted}, which is durable`)
  return oldestChange === 1 ? state : undefined
}

function apply(state: Collections, entry: ChangeEntry, change: Change): void {
  const { bytes } = entry
  const { name, database } = change.namespace
  if (database !== 'db') return
  const documents = state.get(name) ?? new Map<string, string>()
  state.set(name, documents)
  switch (change.type) {
    case 'insert':
    case 'replace': {
      const { start, end } = change.document!
      documents.set(keyOf(entry, change), Buffer.from(bytes.subarray(start, end)).toString('latin1'))
      return
    }
    case 'delete':
      documents.delete(keyOf(entry, change))
      return
    case 'drop':
      state.delete(name)
      return
    case 'rename':
      state.delete(name)
      state.set(change.to!.name, documents)
      return
    default:
      return
  }
}

/** The keys of the workload are int32. */
function keyOf(entry: ChangeEntry, change: Change): string {
  return String(readInt32(entry.bytes, keyRange(entry, change)!.start + '_id'.length + 2))
}
