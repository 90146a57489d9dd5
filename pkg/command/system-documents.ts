/** The documents of the stages that tell of the server or of a collection. */
import type { Namespace, SystemRequest } from '../aggregate/host.ts'
import { DatabaseError } from '../base/errors.ts'
import { buildDocument, rawDocument } from '../bson/build.ts'
import { binaryValue, documentOf, doubleValue, getField, readString } from '../bson/value.ts'
import type { Collection } from '../engine/collection.ts'
import { planMemoryOf } from '../query/plan-memory.ts'
import { shapeHash } from '../query/query-shape.ts'
import { traitsOf } from './collection-traits.ts'
import { debugQueryShape } from './debug-query-shape.ts'
import { hmacSha256 } from './digest.ts'
import type { QueryShape } from './index-filters.ts'
import type { Operation } from './operation.ts'
import { operationList } from './operation-list.ts'
import type { SetQuery } from './query-settings.ts'
import { localSessions } from './session-collections.ts'
import { storageStats } from './storage-stats.ts'
import { shownIndexes } from './timeseries.ts'
import { refuseView } from './view.ts'
import { isViewsCollection, viewDefinitions } from './view-definitions.ts'

export function systemDocuments(operation: Operation, request: SystemRequest): readonly Uint8Array[] {
  switch (request.kind) {
    case 'collStats':
      return [collStats(operation, request)]
    case 'indexStats':
      return indexStats(operation, request.namespace)
    case 'planCacheStats':
      return planCacheStats(operation, request.namespace)
    case 'querySettings':
      return Array.from(operation.instance.querySettings.all(), (set) => shownSettings(set, request.showShape))
    case 'queryStats': {
      const { instance } = operation
      const { hmacKey } = request
      const transform = hmacKey && ((identifier: string) => hmacSha256(hmacKey, identifier))
      return instance.queryStats.documents(instance.world.clock.nowMs(), transform)
    }
    case 'currentOp':
      return operationList(operation, request.idle).map((each) => buildDocument(each))
    case 'localSessions':
      // Without users of its own the server has sessions of nobody: those of a named user are none.
      return request.users === undefined ? localSessions(operation) : []
    case 'clusterCatalog':
      return clusterCatalog(operation, request.database)
  }
}

function collectionOf(operation: Operation, { database, collection }: Namespace): Collection | undefined {
  return operation.instance.engine.collection(database, collection)
}

function collStats(operation: Operation, request: SystemRequest & { kind: 'collStats' }): Uint8Array {
  const { host, world } = operation.instance
  const { namespace, count, storageScale, latency, histograms, queryExec } = request
  const collection = collectionOf(operation, namespace)
  const ns = `${namespace.database}.${namespace.collection}`
  const { engine } = operation.instance
  const views = isViewsCollection(engine, namespace.database, namespace.collection)
    ? viewDefinitions(engine, namespace.database).length
    : 0
  if (count || storageScale !== undefined || queryExec) {
    refuseView(collection)
    if (collection === undefined && views === 0)
      throw new DatabaseError('NamespaceNotFound', `Collection [${ns}] not found.`)
  }
  const nothing = {
    latency: 0n,
    ops: 0n,
    queryableEncryptionLatencyMicros: 0n,
    ...(histograms ? { histogram: [] } : {}),
  }
  return buildDocument({
    ns,
    host: host.hostname,
    localTime: new Date(world.clock.nowMs()),
    latencyStats: latency ? { reads: nothing, writes: nothing, commands: nothing, transactions: nothing } : undefined,
    storageStats: storageScale === undefined ? undefined : storageStats(collection, storageScale),
    count: count ? (collection?.documentCount ?? views) : undefined,
    queryExecStats: queryExec ? { collectionScans: { total: 0n, nonTailable: 0n } } : undefined,
  })
}

function indexStats(operation: Operation, namespace: Namespace): Uint8Array[] {
  const { host, startedAtMs } = operation.instance
  const collection = collectionOf(operation, namespace)
  if (collection === undefined) return []
  const { view } = traitsOf(collection)
  if (view !== undefined) {
    // The stages of a view come before this one, which must be the first.
    if (view.pipeline[4] !== 0)
      throw new DatabaseError(40602, '$indexStats is only valid as the first stage in a pipeline')
    return indexStats(operation, { database: namespace.database, collection: view.on })
  }
  return shownIndexes(collection).map((index) =>
    buildDocument({
      name: index.name,
      key: rawDocument(index.definition.keyPattern),
      host: host.hostname,
      accesses: { ops: BigInt(index.useCount), since: new Date(startedAtMs) },
      spec: rawDocument(index.definition.bytes),
    }),
  )
}

function shownSettings({ hash, settings, query }: SetQuery, showShape: boolean): Uint8Array {
  const database = query && getField(query, '$db')
  return buildDocument({
    queryShapeHash: hash,
    settings: rawDocument(settings),
    representativeQuery: query && rawDocument(query),
    debugQueryShape:
      showShape && database !== undefined
        ? rawDocument(debugQueryShape(readString(database.bytes, database.start), query!))
        : undefined,
  })
}

function planCacheStats(operation: Operation, namespace: Namespace): Uint8Array[] {
  const { host, indexFilters } = operation.instance
  const collection = collectionOf(operation, namespace)
  refuseView(collection)
  if (collection === undefined) return []
  return planMemoryOf(collection)
    .cache.all(collection)
    .map((entry) => {
      const { key, results, origin } = entry
      return buildDocument({
        version: '1',
        queryHash: shapeHash(key.shape),
        planCacheShapeHash: shapeHash(key.shape),
        planCacheKey: shapeHash(key.key),
        isActive: entry.isActive,
        works: BigInt(entry.works),
        worksType: 'works',
        timeOfCreation: new Date(entry.createdAtMs),
        createdFromQuery: origin && rawDocument(origin),
        cachedPlan: rawDocument(entry.plan),
        creationExecStats: results.map(({ advanced, work }) => ({
          nReturned: advanced,
          executionTimeMillisEstimate: 0,
          totalKeysExamined: work.keysExamined,
          totalDocsExamined: work.docsExamined,
        })),
        candidatePlanScores: results.map(({ score }) => doubleValue(score)),
        indexFilterSet:
          origin !== undefined && indexFilters.find(collection.namespace, originShape(origin)) !== undefined,
        estimatedPlanCacheEntrySizeBytes: BigInt(entry.sizeBytes),
        host: host.hostname,
      })
    })
}

function originShape(origin: Uint8Array): QueryShape {
  const part = (name: string): Uint8Array => documentOf(getField(origin, name)!)
  return { query: part('query'), sort: part('sort'), projection: part('projection'), collation: undefined }
}

function clusterCatalog(operation: Operation, only: string | undefined): Uint8Array[] {
  const { engine } = operation.instance
  const databases = only === undefined ? engine.databases() : [only]
  return databases.flatMap((database) =>
    engine.collections(database).map((collection) => {
      const { view } = traitsOf(collection)
      return buildDocument({
        ns: collection.namespace,
        db: database,
        type: view === undefined ? 'collection' : 'view',
        options: rawDocument(collection.options),
        info: view === undefined ? { readOnly: false, uuid: binaryValue(collection.uuid, 4) } : { readOnly: true },
        idIndex: view === undefined ? rawDocument(collection.idIndex.definition.bytes) : undefined,
        sharded: false,
      })
    }),
  )
}
