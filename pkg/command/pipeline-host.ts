/** What pipelines get of the database that they run in: see `PipelineHost`. */

import type {
  CollectionReplacement,
  ForeignCollection,
  FoundDocument,
  MergeTarget,
  Namespace,
  PipelineHost,
  SystemRequest,
} from '../aggregate/host.ts'
import { optimise } from '../aggregate/optimise.ts'
import { type Pipeline, parsePipeline } from '../aggregate/parse.ts'
import { DocumentRows, type Rows } from '../aggregate/rows.ts'
import { runWithin } from '../aggregate/run.ts'
import { splitPipeline } from '../aggregate/split.ts'
import type { PipelineRun } from '../aggregate/stage.ts'
import { DatabaseError } from '../base/errors.ts'
import type { RecordId } from '../base/ids.ts'
import { timestampMax } from '../base/timestamp.ts'
import type { Value } from '../bson/value.ts'
import type { Collation } from '../collation/collation.ts'
import type { Collection } from '../engine/collection.ts'
import type { Workspace } from '../engine/workspace.ts'
import type { WriteUnit } from '../engine/write-unit.ts'
import { Scope } from '../expression/scope.ts'
import type { File } from '../io/disk.ts'
import { collated } from '../query/filter/parse.ts'
import { parsePath } from '../query/path.ts'
import { PointLookup } from '../query/point-lookup.ts'
import { byComparing } from '../query/update/describe-difference.ts'
import { checkViewCollation } from './collation.ts'
import { traitsOf } from './collection-traits.ts'
import { storedForm } from './document.ts'
import { OutTarget } from './out-target.ts'
import type { Pace } from './pace.ts'
import { CountedRows, fieldsReadBy, groupsOf } from './pipeline-window.ts'
import type { ReadView } from './read-view.ts'
import { Search, type SearchWindow } from './search.ts'
import { isSessionCollection, sessionRows } from './session-collections.ts'
import { systemDocuments } from './system-documents.ts'
import { refuseTimeseries } from './timeseries.ts'
import { bucketedCollection, bucketsStage } from './timeseries-buckets.ts'
import { enforceValidator } from './validator.ts'
import { outermostScope } from './variables.ts'
import { refuseView } from './view.ts'
import { isViewsCollection, viewDefinitions } from './view-definitions.ts'
import { insertOne } from './write-insert.ts'

const emptyFilter = new Uint8Array([5, 0, 0, 0, 0])

/** Views that may lie one on top of the other. */
const viewDepthMax = 20

export interface ResolvedNamespace {
  readonly collection: string
  /** What the views on the way make of the collection. */
  readonly pipeline: Pipeline
}

export class CommandHost implements PipelineHost {
  readonly #pace: Pace
  readonly #view: ReadView

  /** `pace`: names the operation at work; `view`: what is read. */
  constructor(pace: Pace, view: ReadView) {
    this.#pace = pace
    this.#view = view
  }

  get #workspace(): Workspace {
    return this.#pace.operation.workspace
  }

  /** The collection under a name, through views. Errors: ViewDepthLimitExceeded, and what is wrong with a view's pipeline. */
  resolve({ database, collection }: Namespace, collation: Collation | undefined): ResolvedNamespace {
    const pipelines: Pipeline[] = []
    let name = collection
    for (;;) {
      const found = this.#workspace.collection(database, name)
      const bucketed = found === undefined ? bucketedCollection(this.#workspace, database, name) : undefined
      if (bucketed !== undefined)
        return { collection: bucketed.name, pipeline: [bucketsStage(bucketed), ...pipelines.reverse().flat()] }
      const view = found === undefined ? undefined : traitsOf(found).view
      if (view === undefined) return { collection: name, pipeline: pipelines.reverse().flat() }
      if (pipelines.length === viewDepthMax) {
        throw new DatabaseError('ViewDepthLimitExceeded', `View depth too deep or a view cycle at ${database}.${name}`)
      }
      checkViewCollation(found!, collation)
      const { nowMs, instance } = this.#pace.operation
      const scope = outermostScope(instance).withCollation(collation)
      pipelines.push(parsePipeline(view.pipeline, 0, { place: 'view', database, collection: view.on, nowMs, scope }))
      name = view.on
    }
  }

  open(namespace: Namespace, pipeline: Pipeline, run: PipelineRun, hint?: Value): Rows {
    const resolved = this.resolve(namespace, run.collation)
    const whole = optimise([...resolved.pipeline, ...pipeline])
    if (whole[0]?.isSource === true) return runWithin(whole, new DocumentRows([]), run)
    const { database } = namespace
    const { operation, due } = this.#pace
    if (isSessionCollection(database, resolved.collection))
      return runWithin(whole, sessionRows(operation, resolved.collection, due), run)
    const { engine } = operation.instance
    if (isViewsCollection(engine, database, resolved.collection))
      return runWithin(whole, new DocumentRows(viewDefinitions(engine, database)), run)
    const { filter, sort, skip, limit, rest, scope } = splitPipeline(whole)
    const temporaryFile = run.allowDiskUse ? () => this.temporaryFile() : undefined
    const { keysOnly, projection, projectionDocument } = fieldsReadBy(rest)
    const options = {
      nowMs: run.nowMs,
      variables: run.variables,
      scope: (scope ?? Scope.outermost()).withCollation(run.collation),
    }
    const search = new Search(filter ?? emptyFilter, sort, hint, options, projectionDocument)
    const groups = groupsOf(rest, skip, limit, run.collation)
    const window = { skip, limit, temporaryFile, keysOnly, projection, groups }
    const rows = this.#search({ ...namespace, collection: resolved.collection }, search, window)
    return rest.length === 0 ? rows : runWithin(rest, keysOnly === true ? new CountedRows(rows) : rows, run)
  }

  /** Throws OptionNotSupportedOnView for a pipeline that reads a view of another collation. */
  checkViews(pipeline: Pipeline, collation: Collation | undefined): void {
    for (const { reads } of pipeline) {
      for (const { database, collection } of reads ?? []) {
        const found = this.#workspace.collection(database, collection)
        if (found !== undefined && traitsOf(found).view !== undefined) checkViewCollation(found, collation)
      }
    }
  }

  #search({ database, collection: name }: Namespace, search: Search, window: SearchWindow): Rows {
    const collection = this.#workspace.collection(database, name)
    if (collection === undefined) return new DocumentRows([])
    return search.open(this.#pace, collection, this.#view.at, window)
  }

  foreign({ database, collection: name }: Namespace, collation: Collation | undefined): ForeignCollection | undefined {
    const collection = this.#workspace.collection(database, name)
    if (collection !== undefined && traitsOf(collection).view !== undefined) return undefined
    if (bucketedCollection(this.#workspace, database, name) !== undefined) return undefined
    return {
      documentCount: collection?.documentCount ?? 0,
      points: (path) => collection && PointLookup.open(collection, path, this.#view.at, collation),
      isIndexed: (path) => collection !== undefined && isIndexed(collection, path, collation),
      find: (filter) =>
        this.#search({ database, collection: name }, new Search(filter, undefined, undefined, collated(collation)), {}),
    }
  }

  documents(request: SystemRequest): readonly Uint8Array[] {
    return systemDocuments(this.#pace.operation, request)
  }

  replaceCollection(namespace: Namespace, timeseries: Uint8Array | undefined): CollectionReplacement {
    return new OutTarget(this.#pace, this.#view, namespace, timeseries)
  }

  mergeTarget(namespace: Namespace): MergeTarget {
    return new CommandMergeTarget(this.#pace, this.#view, namespace)
  }

  random(): number {
    return this.#pace.operation.instance.world.random.next()
  }

  temporaryFile(): File {
    return this.#pace.operation.instance.engine.temporaryFiles.open()
  }
}

function isIndexed(collection: Collection, path: string, collation: Collation | undefined): boolean {
  return collection.indexes.some(({ definition }) => {
    const [first] = definition.keyPaths
    return (
      first?.path === path &&
      first.kind === 'ordered' &&
      definition.collation === collation &&
      !definition.hidden &&
      !definition.sparse &&
      definition.partialFilter === undefined
    )
  })
}

class CommandMergeTarget implements MergeTarget {
  readonly #pace: Pace
  readonly #view: ReadView
  readonly #namespace: Namespace

  constructor(pace: Pace, view: ReadView, namespace: Namespace) {
    this.#pace = pace
    this.#view = view
    this.#namespace = namespace
    pace.operation.beginWriting()
    pace.operation.instance.writeBlock.refuse(namespace.database, 'aggregate')
    refuseView(this.#collection)
    refuseTimeseries(this.#collection)
  }

  get #collection(): Collection | undefined {
    const { database, collection } = this.#namespace
    return this.#pace.operation.instance.engine.collection(database, collection)
  }

  uniqueKey(fields: readonly string[]): { readonly sparse: boolean } | undefined {
    if (fields.length === 1 && fields[0] === '_id') return { sparse: false }
    const wanted = [...fields].sort().join('\0')
    for (const { definition } of this.#collection?.indexes ?? []) {
      const { unique, partialFilter, keyPaths, sparse, collation } = definition
      if (!unique || partialFilter !== undefined || collation !== this.#pace.operation.collation) continue
      const paths = keyPaths.map(({ path }) => parsePath(path).text).sort()
      if (paths.join('\0') === wanted) return { sparse }
    }
    return undefined
  }

  find(filter: Uint8Array): FoundDocument | undefined {
    const collection = this.#collection
    if (collection === undefined) return undefined
    const options = collated(this.#pace.operation.collation)
    const search = new Search(filter, undefined, undefined, options)
    const rows = search.open(this.#pace, collection, timestampMax, { limit: 1 }).rows
    try {
      if (!rows.next()) return undefined
      return { recordId: rows.recordId, document: rows.bytes.slice(rows.start, rows.end) }
    } finally {
      rows.close()
    }
  }

  completed(document: Uint8Array): Uint8Array {
    const { operation } = this.#pace
    return storedForm(document, operation.instance, operation)
  }

  insert(document: Uint8Array): void {
    const { operation } = this.#pace
    this.#write((unit) => insertOne(operation, unit, this.#namespace, document))
  }

  replace({ recordId, document: before }: FoundDocument, document: Uint8Array): void {
    const { operation } = this.#pace
    const collection = this.#collection!
    this.#write((unit) => {
      const stored = storedForm(document, operation.instance)
      enforceValidator(operation, collection, stored, { bytes: before, start: 0 })
      collection.findKeys({ bytes: before, start: 0, end: before.length }, stored)
      unit.update(collection, recordId as RecordId, stored, byComparing)
    })
  }

  #write(change: (unit: WriteUnit) => void): void {
    this.#view.keep()
    this.#pace.operation.instance.engine.write((unit) => {
      // What comes next in the pipeline is written before it pauses.
      unit.isWhole = true
      change(unit)
    })
  }
}
