/**
 * Settings of queries, by their shape (setQuerySettings): which indexes they may use, and whether they are refused. They are kept in
 * `config.querySettings`, so that they are there again after a restart:
 *
 *   {_id: hash of the shape, representativeQuery?: a command with `$db`, settings: {indexHints?, queryFramework?, reject?, comment?}}
 *
 * Index hints hold for whatever looks for documents by the filter, the sort and the projection of the query that they were given for.
 */
import { DatabaseError } from '../base/errors.ts'
import { buildDocument, rawDocument } from '../bson/build.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf, getField, readString, truthy, type Value } from '../bson/value.ts'
import type { Engine } from '../engine/engine.ts'
import { queryShapeHash } from './command-shape.ts'
import { type IndexFilter, IndexFilters, type QueryShape } from './index-filters.ts'

export const querySettingsCollection = { database: 'config', collection: 'querySettings' } as const

export interface SetQuery {
  readonly hash: string
  readonly settings: Uint8Array
  /** Undefined: they were changed by hash alone. */
  readonly query: Uint8Array | undefined
}

const empty = buildDocument({})

export class QuerySettings {
  readonly #byHash = new Map<string, SetQuery>()
  #hints = new IndexFilters()

  constructor(engine: Engine) {
    const { database, collection } = querySettingsCollection
    const walk = engine.collection(database, collection)?.scan(engine.lastTimestamp)
    while (walk?.next() === true) this.#take(readSetQuery(walk.bytes.slice(walk.start, walk.end)))
    walk?.close()
  }

  get isEmpty(): boolean {
    return this.#byHash.size === 0
  }

  all(): Iterable<SetQuery> {
    return this.#byHash.values()
  }

  get(hash: string): SetQuery | undefined {
    return this.#byHash.get(hash)
  }

  set(query: SetQuery): void {
    this.#take(query)
    this.#hintAgain()
  }

  remove(hash: string): void {
    this.#byHash.delete(hash)
    this.#hintAgain()
  }

  /** Throws QueryRejectedBySettings for a command of a shape that is refused. */
  admit(database: string, command: Uint8Array): void {
    const hash = queryShapeHash(database, command)
    const set = hash === undefined ? undefined : this.#byHash.get(hash)
    const reject = set && getField(set.settings, 'reject')
    if (reject !== undefined && truthy(reject))
      throw new DatabaseError('QueryRejectedBySettings', 'Query rejected by admin query settings')
  }

  /** The indexes that settings leave to a query. */
  hint(namespace: string, shape: QueryShape): IndexFilter | undefined {
    return this.#hints.isEmpty ? undefined : this.#hints.find(namespace, shape)
  }

  #take(set: SetQuery): void {
    this.#byHash.set(set.hash, set)
    this.#hintFor(set)
  }

  #hintAgain(): void {
    this.#hints = new IndexFilters()
    for (const set of this.#byHash.values()) this.#hintFor(set)
  }

  #hintFor({ settings, query }: SetQuery): void {
    const hints = getField(settings, 'indexHints')
    if (hints === undefined || query === undefined) return
    const shape = shapeOf(query)
    for (const hint of documentFields(hints.bytes, hints.start)) {
      const namespace = documentOf(getField(hint.bytes, 'ns', hint.start)!)
      const allowed = documentOf(getField(hint.bytes, 'allowedIndexes', hint.start)!)
      this.#hints.set(`${text(namespace, 'db')}.${text(namespace, 'coll')}`, { ...shape, indexes: allowed })
    }
  }
}

/** As it is kept. */
export function setQueryDocument({ hash, settings, query }: SetQuery): Uint8Array {
  return buildDocument({
    _id: hash,
    representativeQuery: query === undefined ? undefined : rawDocument(query),
    settings: rawDocument(settings),
  })
}

function readSetQuery(document: Uint8Array): SetQuery {
  const query = getField(document, 'representativeQuery')
  return {
    hash: text(document, '_id'),
    settings: documentOf(getField(document, 'settings')!).slice(),
    query: query === undefined ? undefined : documentOf(query).slice(),
  }
}

/** What a query looks for; of a pipeline what its first stages do. */
function shapeOf(query: Uint8Array): QueryShape {
  const [first] = documentFields(query)
  if (first!.name !== 'aggregate')
    return {
      query: part(getField(query, first!.name === 'find' ? 'filter' : 'query')),
      sort: part(getField(query, 'sort')),
      projection: part(getField(query, 'projection')),
      collation: undefined,
    }
  const pipeline = getField(query, 'pipeline')!
  const stages = [...documentFields(pipeline.bytes, pipeline.start)].flatMap((stage) => [
    ...documentFields(stage.bytes, stage.start),
  ])
  const match = stages[0]?.name === '$match' ? stages.shift() : undefined
  const sort = stages[0]?.name === '$sort' ? stages[0] : undefined
  return { query: part(match), sort: part(sort), projection: empty, collation: undefined }
}

function part(value: Value | undefined): Uint8Array {
  return value?.type === bsonType.document ? documentOf(value) : empty
}

function text(document: Uint8Array, name: string): string {
  const value = getField(document, name)!
  return readString(value.bytes, value.start)
}
