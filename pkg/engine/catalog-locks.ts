/** Which locks stand for a collection, for a name and for the right to commit. */
import type { CollectionId } from '../base/ids.ts'
import { type LockTarget, lockSpace } from '../mvcc/lock-table.ts'

/** Held by a transaction whose commit is applied in slices: nobody else writes meanwhile. */
export const commitLock: LockTarget = { space: lockSpace.commits, key: '', mode: 'write' }

/** Held for reading by each transaction that uses the collection; who changes its definition needs it for writing. */
export function collectionLock(id: CollectionId): LockTarget {
  return { space: lockSpace.collections, key: String(id), mode: 'write' }
}

/** Held for writing by a transaction that has made a collection of that name. */
export function nameLock(database: string, name: string): LockTarget {
  return { space: lockSpace.namespaces, key: `${database}.${name}`, mode: 'write' }
}
