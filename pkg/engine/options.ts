import type { Collation } from '../collation/collation.ts'
import { keyVersion } from '../collation/sort-key.ts'
import type { DocumentPredicate } from '../index/index.ts'

/** What an engine can be told. Sizes in bytes, times in milliseconds. */
export interface EngineOptions {
  /** Memory for pages of the data file. */
  readonly cacheSizeBytes: number
  /** Bytes of a page; fixed when the data file is made. */
  readonly pageSizeBytes: number
  /** Whether pages are compressed on disk. */
  readonly compression: 'none' | 'zstd'
  readonly logSegmentBytes: number
  /** How much of the log is in memory when it is read: larger entries are read piece by piece. */
  readonly logWindowBytes: number
  /** How much of what it has written a transaction keeps in memory; more goes to disk until it ends. */
  readonly transactionMemoryBytes: number
  /** A commit of more operations, or of more bytes of them, is applied in slices of at most so much, between which others run. */
  readonly commitSliceOperations: number
  readonly commitSliceBytes: number
  /** So is a change of a document with more index entries. */
  readonly commitSliceEntries: number
  /** A checkpoint begins when the log has grown by this much since the last one: what a restart may have to replay. */
  readonly checkpointLogBytes: number
  /** A checkpoint begins this long after the last one when anything was written since. */
  readonly checkpointIntervalMs: number
  /** How often vacuum looks whether readers have let go of versions. */
  readonly vacuumIntervalMs: number
  /** A map is swept when so many versions have been superseded in it since its last sweep, */
  readonly vacuumEntries: number
  /** and they are such a share of the documents; */
  readonly vacuumShare: number
  /** or so long after its last sweep, longer where there is little to find among many entries. */
  readonly vacuumRestMs: number
  /** How often TTL indexes are looked at. */
  readonly expiryIntervalMs: number
  /** A session's record goes this long after its last write. */
  readonly sessionRecordLifetimeMs: number
  /** Superseded versions are kept this long for reads in the past; 0: only while a reader needs them. */
  readonly historyWindowMs: number
  /**
   * Whether the log says enough for change streams, and is kept for them: always, from the first stream on (and ever after), or not at
   * all.
   */
  readonly changeHistory: 'on' | 'onDemand' | 'off'
  /** Change history: the log keeps this much of the past ... */
  readonly oplogSizeBytes: number
  /** ... and at least this long, however large it gets. */
  readonly oplogMinRetentionHours: number
  /** How the filters of partial indexes become predicates; without it there can be no such index. */
  readonly compileFilter: ((filter: Uint8Array, collation?: Collation) => DocumentPredicate) | undefined
  /** Of the keys that collations make: indexes with keys of another version are built again when the engine opens. */
  readonly collationKeyVersion: number
}

/** What may be changed while the engine runs. */
export type VacuumSettings = Pick<EngineOptions, 'vacuumIntervalMs' | 'vacuumEntries' | 'vacuumShare' | 'vacuumRestMs'>

export const engineDefaults: EngineOptions = {
  cacheSizeBytes: 256 * 1024 * 1024,
  pageSizeBytes: 16 * 1024,
  compression: 'none',
  logSegmentBytes: 32 * 1024 * 1024,
  logWindowBytes: 1024 * 1024,
  transactionMemoryBytes: 64 * 1024 * 1024,
  commitSliceOperations: 2_000,
  commitSliceBytes: 1024 * 1024,
  commitSliceEntries: 2_000,
  checkpointLogBytes: 128 * 1024 * 1024,
  checkpointIntervalMs: 60_000,
  vacuumIntervalMs: 1_000,
  vacuumEntries: 10_000,
  vacuumShare: 0.1,
  vacuumRestMs: 10_000,
  expiryIntervalMs: 60_000,
  sessionRecordLifetimeMs: 30 * 60_000,
  historyWindowMs: 0,
  changeHistory: 'onDemand',
  oplogSizeBytes: 256 * 1024 * 1024,
  oplogMinRetentionHours: 0,
  compileFilter: undefined,
  collationKeyVersion: keyVersion,
}
