/** The locks of open transactions in words, for lockInfo. */
import { readRecordId, recordIdLength } from '../index/record-id.ts'
import { lockKeyBytes } from '../mvcc/lock-key.ts'
import { type LockInfo, type LockMode, lockSpace } from '../mvcc/lock-table.ts'
import type { KeyRange } from '../mvcc/range-locks.ts'
import type { State } from './state.ts'

export interface ListedLock {
  readonly resource: string
  /** By the number of the transaction. */
  readonly granted: readonly { readonly mode: LockMode; readonly transaction: number }[]
  /** `transaction` undefined: a write outside of transactions. `sinceMs`: by the monotonic clock. */
  readonly pending: readonly {
    readonly mode: LockMode
    readonly transaction: number | undefined
    readonly sinceMs: number
  }[]
}

export function listLocks(state: State): ListedLock[] {
  const names = new Map<number, string>()
  const records = new Set<number>()
  for (const collection of state.catalog.all()) {
    records.add(collection.records.tree.root)
    names.set(collection.records.tree.root, collection.namespace)
    for (const index of collection.indexes) names.set(index.map.tree.root, `${collection.namespace} ${index.name}`)
  }
  return [...state.locks.all()].map((lock) => ({
    resource: describe(state, lock, names.get(lock.space), records.has(lock.space)),
    granted: lock.holders.map(({ owner, mode }) => ({ mode, transaction: owner.id })),
    pending: lock.waiters.map(({ owner, mode, sinceMs }) => ({ mode, transaction: owner?.id, sinceMs })),
  }))
}

function describe(state: State, lock: LockInfo, name: string | undefined, isRecord: boolean): string {
  const { space, key, range } = lock
  if (range !== undefined) return describeRange(range, name, isRecord)
  if (space === lockSpace.commits) return 'commit'
  if (space === lockSpace.namespaces) return `name ${key}`
  const bytes = lockKeyBytes(key)
  if (space === lockSpace.collections) {
    for (const collection of state.catalog.all())
      if (String(collection.id) === key) return `collection ${collection.namespace}`
    return `collection ${key}`
  }
  if (isRecord && bytes.length === recordIdLength) return `record ${name} ${readRecordId(bytes, 0)}`
  return `key ${name ?? 'of an index'} ${hexOf(key)}`
}

function describeRange({ lower, upper }: KeyRange, name: string | undefined, isRecord: boolean): string {
  const end = (key: string | undefined): string => {
    if (key === undefined) return ''
    return isRecord ? String(readRecordId(lockKeyBytes(key), 0)) : hexOf(key)
  }
  return `${isRecord ? 'records' : 'keys'} ${name ?? 'of an index'} ${end(lower)}..${end(upper)}`
}

function hexOf(key: string): string {
  return Buffer.from(key, 'latin1').toString('hex')
}
