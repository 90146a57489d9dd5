/**
 * The read and write concern of commands that name none, as a replica set has them (setDefaultRWConcern). They are kept in
 * `config.settings`, in the document `ReadWriteConcernDefaults`.
 */
import type { Timestamp } from '../base/timestamp.ts'
import { buildDocument, rawDocument } from '../bson/build.ts'
import { dateValue, documentOf, getField, readInt64Number, readTimestamp, timestampValue } from '../bson/value.ts'
import type { RecordRef } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'
import { parseReadConcern, parseWriteConcern, type ReadConcern, type WriteConcern } from './concern.ts'

export const settingsCollection = { database: 'config', collection: 'settings' } as const
export const settingsFilter = buildDocument({ _id: 'ReadWriteConcernDefaults' })

/** What is set, as documents; undefined: nothing is. */
export interface SetConcerns {
  readonly read: Uint8Array | undefined
  readonly write: Uint8Array | undefined
  readonly at: Timestamp
  readonly wallMs: number
}

export class ConcernDefaults {
  readonly #engine: Engine
  #set: SetConcerns | undefined
  #loaded = false
  /** Undefined: as MongoDB has them by itself. */
  read: ReadConcern | undefined
  write: WriteConcern | undefined
  /** When this process has learnt of them. */
  learntMs = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** What is set; reads it from its collection the first time. */
  get(nowMs: number): SetConcerns | undefined {
    if (!this.#loaded) {
      this.#loaded = true
      this.learntMs = nowMs
      const stored = this.#stored()
      if (stored !== undefined) this.#take(readSettings(stored))
    }
    return this.#set
  }

  set(concerns: SetConcerns, nowMs: number): void {
    this.#loaded = true
    this.learntMs = nowMs
    this.#take(concerns)
  }

  #take(concerns: SetConcerns): void {
    this.#set = concerns
    this.read = concerns.read === undefined ? undefined : parseReadConcern(concerns.read, anyUse)
    this.write = concerns.write === undefined ? undefined : parseWriteConcern(concerns.write, true)
  }

  #stored(): Uint8Array | undefined {
    const { database, collection } = settingsCollection
    const found: RecordRef = { bytes: settingsFilter, start: 0, end: 0 }
    const id = getField(settingsFilter, '_id')!
    const isThere = this.#engine.collection(database, collection)?.readById(id.type, id.bytes, id.start, found)
    return isThere === true ? found.bytes.slice(found.start, found.end) : undefined
  }
}

const anyUse = { command: '', allowed: true, snapshotAllowed: false, clusterTime: undefined }

/** The document that is kept. */
export function settingsDocument({ read, write, at, wallMs }: SetConcerns): Uint8Array {
  return buildDocument({
    _id: 'ReadWriteConcernDefaults',
    defaultReadConcern: read === undefined ? undefined : rawDocument(read),
    defaultWriteConcern: write === undefined ? undefined : rawDocument(write),
    updateOpTime: timestampValue(at),
    updateWallClockTime: dateValue(wallMs),
  })
}

function readSettings(document: Uint8Array): SetConcerns {
  const concern = (name: string): Uint8Array | undefined => {
    const value = getField(document, name)
    return value === undefined ? undefined : documentOf(value).slice()
  }
  const at = getField(document, 'updateOpTime')!
  const wall = getField(document, 'updateWallClockTime')!
  return {
    read: concern('defaultReadConcern'),
    write: concern('defaultWriteConcern'),
    at: readTimestamp(at.bytes, at.start),
    wallMs: readInt64Number(wall.bytes, wall.start),
  }
}
