/**
 * Whether users may write (setUserWriteBlockMode), as a replica set keeps it in `config.user_writes_critical_sections`: nobody is exempt here,
 * since there are no users. Databases of the server's own can be written all the same.
 */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument } from '../bson/build.ts'
import { getField, readString, truthy } from '../bson/value.ts'
import type { RecordRef } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'

export const blockCollection = { database: 'config', collection: 'user_writes_critical_sections' } as const
export const blockFilter = buildDocument({ _id: '' })
export const blockReasons = ['Unspecified', 'ClusterToClusterMigrationInProgress', 'DiskUseThresholdExceeded'] as const
export type BlockReason = (typeof blockReasons)[number]

const exempt: ReadonlySet<string> = new Set(['admin', 'config', 'local'])
/** Commands of the database `admin` that write to others; what else writes to `admin` may. */
const writesElsewhere: ReadonlySet<string> = new Set(['applyOps', 'bulkWrite', 'renameCollection'])

export class WriteBlock {
  #reason: BlockReason | undefined

  /** As the last process has left it. */
  constructor(engine: Engine) {
    const found: RecordRef = { bytes: blockFilter, start: 0, end: 0 }
    const id = getField(blockFilter, '_id')!
    const { database, collection } = blockCollection
    if (engine.collection(database, collection)?.readById(id.type, id.bytes, id.start, found) !== true) return
    const blocks = getField(found.bytes, 'blockUserWrites', found.start)
    const reason = getField(found.bytes, 'reason', found.start)
    if (blocks === undefined || !truthy(blocks)) return
    const name = reason && readString(reason.bytes, reason.start)
    this.#reason = blockReasons.find((each) => each === name) ?? 'Unspecified'
  }

  /** Why nobody may write; undefined: users may. */
  get reason(): BlockReason | undefined {
    return this.#reason
  }

  set(reason: BlockReason | undefined): void {
    this.#reason = reason
  }

  /** Before a command that writes. Errors: UserWritesBlocked. */
  refuse(database: string, command: string): void {
    if (this.#reason === undefined || (exempt.has(database) && !writesElsewhere.has(command))) return
    throw new DatabaseError('UserWritesBlocked', `User writes blocked. Reason: ${this.#reason}`)
  }
}

/** What is kept of it. */
export function blockDocument(reason: BlockReason | undefined): Uint8Array {
  return buildDocument({
    _id: '',
    blockNewUserShardedDDL: false,
    blockUserWrites: reason !== undefined,
    reason: reason ?? 'Unspecified',
  })
}
