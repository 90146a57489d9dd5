/** Finding records to change: the first that matches, or all. Nothing is open and no other command runs while one is changed. */
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import type { Collection } from '../engine/collection.ts'
import type { WriteUnit } from '../engine/write-unit.ts'
import type { Operation } from './operation.ts'
import { Pace } from './pace.ts'
import { ReadView } from './read-view.ts'
import type { Search } from './search.ts'
import { settled } from './settled.ts'

/** For fewer records the order in which their index entries change makes no difference. */
const gatheredMin = 8

/** Walks the records that match until `act` says that it has enough. A promise when that takes more than a slice. */
function searchRecords(
  operation: Operation,
  collection: Collection,
  search: Search,
  act: (recordId: RecordId) => boolean,
): void | Promise<void> {
  const view = new ReadView(operation.workspace)
  // Which records they are is all that is asked: each is read when it is changed.
  const rows = search.open(new Pace(operation), collection, view.at, { keysOnly: true })
  const close = (): void => {
    rows.close()
    view.release()
  }
  const walk = (): boolean => {
    while (rows.next()) if (act(rows.recordId)) return true
    return !rows.paused
  }
  const walkOn = async (): Promise<void> => {
    try {
      do {
        view.keep()
        rows.save()
        await operation.pause()
      } while (!walk())
    } finally {
      close()
    }
  }
  let done = false
  try {
    done = walk()
  } catch (error) {
    close()
    throw error
  }
  if (!done) return walkOn()
  close()
}

/**
 * Finds the first record that matches and calls `change` on it, in one turn with nothing open. When `change` says that
 * the record is gone or different by now (only possible if the search had to yield), looks again.
 */
export function changeFirstMatch(
  operation: Operation,
  collection: Collection,
  search: Search,
  change: (unit: WriteUnit, recordId: RecordId) => boolean,
): boolean | Promise<boolean> {
  let found: RecordId | undefined
  const walked = searchRecords(operation, collection, search, (recordId) => {
    found = recordId
    return true
  })
  const finish = (): boolean | Promise<boolean> => {
    if (found === undefined) return false
    const recordId = found
    const again = () => operation.pause().then(() => changeFirstMatch(operation, collection, search, change))
    // What has to wait goes on with the same record: the search may have taken long, too.
    const done = settled(operation, () => {
      if (collection.dropped) throw new DatabaseError('QueryPlanKilled', `collection dropped: ${collection.namespace}`)
      return operation.workspace.write((unit) => change(unit, recordId)).result
    })
    if (done instanceof Promise) return done.then((changed) => changed || again())
    return done || again()
  }
  return walked === undefined ? finish() : walked.then(finish)
}

/**
 * Finds all records that match in a snapshot, then changes them slice by slice; each is looked at again when it is its turn.
 * `isCertain`: nobody else has changed the collection since the search began, so that the record still matches.
 */
export function changeAll(
  operation: Operation,
  collection: Collection,
  search: Search,
  change: (unit: WriteUnit, recordId: RecordId, isCertain: boolean) => unknown,
): void | Promise<void> {
  const recordIds: RecordId[] = []
  // Counts what was done to the collection as long as it was done here. A transaction may see others' changes without counting them.
  let counted = operation.statement === undefined ? collection.changeCount : -1
  const walked = searchRecords(operation, collection, search, (recordId) => {
    recordIds.push(recordId)
    return false
  })
  let next = 0
  const slice = (): boolean => {
    if (next === recordIds.length) return true
    return operation.workspace.write((unit) => {
      if (recordIds.length - next >= gatheredMin) unit.gather(collection)
      while (next < recordIds.length) {
        const isCertain = collection.changeCount === counted
        change(unit, recordIds[next]!, isCertain)
        if (isCertain) counted = collection.changeCount
        next++
        if (unit.isFull || operation.due()) break
      }
      return next === recordIds.length
    }).result
  }
  const changeOn = async (): Promise<void> => {
    for (;;) {
      if (collection.dropped) throw new DatabaseError('QueryPlanKilled', `collection dropped: ${collection.namespace}`)
      // One whose turn meets a transaction's write waits for it; those before it are done.
      if (await settled(operation, slice)) return
      await operation.pause()
    }
  }
  if (walked !== undefined) return walked.then(changeOn)
  const done = settled(operation, slice)
  if (done instanceof Promise) return done.then((all) => (all ? undefined : changeOn()))
  if (!done) return operation.pause().then(changeOn)
}
