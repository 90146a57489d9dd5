/** What `npm run mutation` switches off. */
export interface Mutation {
  readonly name: string
  /** What is switched off. */
  readonly about: string
  readonly file: string
  /** This text, which is there exactly once, becomes that. */
  readonly from: string
  readonly to: string
  readonly tests: readonly string[]
}

const histories = ['pkg/sim/history.test.ts', 'pkg/sim/history-writes.test.ts']

export const mutations: readonly Mutation[] = [
  {
    name: 'conflict',
    about: 'the conflict check: a transaction writes over what was committed since its snapshot',
    file: 'pkg/mvcc/overlaid-map.ts',
    from: ' || base.changedSince(key, keyLength, this.#sight.readTimestamp)',
    to: '',
    tests: histories,
  },
  {
    name: 'read range',
    about: 'the read-range check: a serializable transaction commits although others have written what it read',
    file: 'pkg/engine/transaction.ts',
    from: 'if (this.hasWritten || this.readLocks !== undefined) this.#validateReads()',
    to: '',
    tests: histories,
  },
  {
    name: 'read moment',
    about: 'the moment of a read: what a cursor reads later counts as read when the last statement began',
    file: 'pkg/mvcc/read-set.ts',
    from: 'while (i > 0 && moments[i]!.at > at) i--',
    to: '',
    tests: histories,
  },
  {
    name: 'lock',
    about: 'the lock check: a plain write goes over what an open transaction has written',
    file: 'pkg/mvcc/versioned-map.ts',
    from: 'if (!locks.isFree(target.space, target.key, target.mode)) throw new WriteConflict(target)',
    to: '',
    tests: [...histories, 'pkg/engine/transaction.test.ts'],
  },
  {
    name: 'session',
    about: 'the session record: a retryable write is logged without it',
    file: 'pkg/engine/write-unit.ts',
    from: 'this.#operations.session(body)',
    to: '',
    tests: histories,
  },
  {
    name: 'checkout',
    about: 'the checkout of a session: two attempts of one write run side by side',
    file: 'pkg/command/session.ts',
    from: 'if (this.#holder === undefined) {',
    to: 'if (this.#holder === undefined || true) {',
    tests: ['pkg/command/retryable-write.test.ts'],
  },
  {
    name: 'fsync',
    about: 'the wait for the disk before a write is acknowledged',
    file: 'pkg/command/operation.ts',
    from: 'if (!this.writeConcern.durable) return',
    to: 'if (this.writeConcern.durable) return',
    tests: histories,
  },
  {
    name: 'read durability',
    about: 'the wait for the disk before a majority or linearizable read is answered',
    file: 'pkg/command/dispatch.ts',
    from: 'if (durableIndex >= lastIndex) return reply',
    to: 'if (durableIndex <= lastIndex) return reply',
    tests: [...histories, 'pkg/command/replica-set.test.ts'],
  },
  {
    name: 'vacuum',
    about: 'the vacuum horizon: versions that an open snapshot needs are dropped',
    file: 'pkg/mvcc/snapshots.ts',
    from: 'return low < open.length && open[low]! < until',
    to: 'return false',
    tests: [...histories, 'pkg/mvcc/versioned-map.test.ts'],
  },
  {
    name: 'slices seen',
    about: 'what a commit in slices has applied is seen before all of it is',
    file: 'pkg/engine/sliced-commit.ts',
    from: 'this.#state.snapshots.visible = this.#before.timestamp',
    to: '',
    tests: [...histories, 'pkg/engine/sliced-commit.test.ts'],
  },
  {
    name: 'slices written',
    about: 'others write while a commit is applied in slices',
    file: 'pkg/engine/engine.ts',
    from: '    if (this.#standstill.over !== undefined) throw new WriteConflict(commitLock)\n',
    to: '',
    tests: [...histories, 'pkg/engine/sliced-commit.test.ts'],
  },
]

/** The source with the mutation. Throws when it does not fit. */
export function mutated({ name, file, from, to }: Mutation, source: string): string {
  if (source.split(from).length !== 2) throw new Error(`${name}: ${file} has not exactly once: ${from}`)
  return source.replace(from, () => to)
}
