/**
 * `system.views`: the views of a database, as documents
 *
 *   {_id: 'database.view', viewOn, pipeline, collation?}
 *
 * The catalog has them elsewhere; find, count, distinct, aggregate and the listing commands show them as if there were such a collection, as
 * long as there is a view and no collection has been made under that name.
 */
import { buildDocument, rawDocument } from '../bson/build.ts'
import { arrayValue, binaryValue } from '../bson/value.ts'
import type { Engine } from '../engine/engine.ts'
import { traitsOf } from './collection-traits.ts'
import { sha256 } from './digest.ts'
import { isView } from './view.ts'

export const viewsCollection = 'system.views'

/** Whether `collection` is the collection of the database's views, and there are any. */
export function isViewsCollection(engine: Engine, database: string, collection: string | undefined): boolean {
  if (collection !== viewsCollection || engine.collection(database, viewsCollection) !== undefined) return false
  return engine.collections(database).some(isView)
}

export function viewDefinitions(engine: Engine, database: string): Uint8Array[] {
  const definitions: Uint8Array[] = []
  for (const collection of engine.collections(database)) {
    const { view } = traitsOf(collection)
    if (view === undefined) continue
    definitions.push(
      buildDocument({
        _id: collection.namespace,
        viewOn: view.on,
        pipeline: arrayValue(view.pipeline),
        collation: view.collation && rawDocument(view.collation),
      }),
    )
  }
  return definitions
}

/** What listCollections shows of it. */
export function describeViewsCollection(database: string): Uint8Array {
  const info = { readOnly: false, uuid: binaryValue(uuidFor(database), 4) }
  return buildDocument({
    name: viewsCollection,
    type: 'collection',
    options: {},
    info,
    idIndex: rawDocument(viewsIdIndex),
  })
}

/** What listIndexes shows of it. */
export const viewsIdIndex = buildDocument({ v: 2, key: { _id: 1 }, name: '_id_' })

/** The same for the same database always; version 8, which is for what is made in ways of one's own (RFC 9562). */
function uuidFor(database: string): Uint8Array {
  const uuid = Buffer.from(sha256(`${database}.${viewsCollection}`), 'hex').subarray(0, 16)
  uuid[6] = 0x80 | (uuid[6]! & 0x0f)
  uuid[8] = 0x80 | (uuid[8]! & 0x3f)
  return uuid
}
