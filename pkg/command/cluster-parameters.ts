/**
 * Parameters that all members of a replica set share (setClusterParameter). Those that were set are kept in `config.clusterParameters`,
 * each in the document of its name, with the cluster time at which it was set.
 */
import { documentFields, getField, numberOf, stringValue, type Value } from '../bson/value.ts'
import type { RecordRef } from '../engine/collection.ts'
import type { Engine } from '../engine/engine.ts'

export const parametersCollection = { database: 'config', collection: 'clusterParameters' } as const

export type ParameterFields = Readonly<Record<string, unknown>>

/** As they are where nobody has set any. */
const defaults: Readonly<Record<string, ParameterFields>> = {
  addOrRemoveShardInProgress: { inProgress: false },
  auditConfig: { generation: 'ffffffffffffffffffffffff', auditAuthorizationSuccess: false, filter: {} },
  changeStreamOptions: { preAndPostImages: { expireAfterSeconds: 'off' } },
  changeStreams: { expireAfterSeconds: 3600n },
  configServerReadPreferenceForCatalogQueries: { mustAlwaysUseNearest: false },
  defaultMaxTimeMS: { readOperations: 0n },
  fleCompactionOptions: { maxCompactionSize: 268_435_456 },
  fleDisableSubstringPreviewParameterLimits: { shouldDisable: false },
  querySettings: { settingsArray: [] },
}

export const parameterNames: readonly string[] = Object.keys(defaults)

export function isParameter(name: string): boolean {
  return Object.hasOwn(defaults, name)
}

export class ClusterParameters {
  readonly #engine: Engine
  #readTimeLimitMs: number | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** How long a read may take that says nothing of it itself, in milliseconds; 0: as long as it takes. */
  get readTimeLimitMs(): number {
    if (this.#readTimeLimitMs === undefined) {
      const stored = this.#stored('defaultMaxTimeMS')
      const limit = stored === undefined ? undefined : getField(stored, 'readOperations')
      this.#readTimeLimitMs = limit === undefined ? 0 : numberOf(limit)
    }
    return this.#readTimeLimitMs
  }

  /** The parameter as it is shown: with the time at which it was set, if it was. */
  get(name: string): ParameterFields {
    const stored = this.#stored(name)
    if (stored === undefined) return { _id: name, ...defaults[name] }
    return Object.fromEntries([...documentFields(stored)].map((field) => [field.name, field]))
  }

  /** One of them was set. */
  changed(): void {
    this.#readTimeLimitMs = undefined
  }

  #stored(name: string): Uint8Array | undefined {
    const { database, collection } = parametersCollection
    const found: RecordRef = { bytes: new Uint8Array(0), start: 0, end: 0 }
    const id: Value = stringValue(name)
    const isThere = this.#engine.collection(database, collection)?.readById(id.type, id.bytes, id.start, found)
    return isThere === true ? found.bytes.slice(found.start, found.end) : undefined
  }
}
