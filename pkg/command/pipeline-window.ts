/** What a pipeline reads of the documents of its query: those may come from the keys of an index then. */
import { neededOfInput } from '../aggregate/needed-fields.ts'
import type { Pipeline } from '../aggregate/parse.ts'
import type { Rows } from '../aggregate/rows.ts'
import { buildDocument } from '../bson/build.ts'
import type { Collation } from '../collation/collation.ts'
import { parseProjection } from '../query/projection/parse.ts'
import type { Projection } from '../query/projection/tree.ts'
import type { SoughtGroups } from './search.ts'

export interface ReadFields {
  /** No field is read: the documents are counted. */
  readonly keysOnly?: boolean
  readonly projection?: Projection
  /** As the projection would be written. */
  readonly projectionDocument?: Uint8Array
}

/** `rest`: the stages over what the query gives. */
export function fieldsReadBy(rest: Pipeline): ReadFields {
  const needed = rest.length === 0 ? undefined : neededOfInput(rest)
  if (needed === undefined) return {}
  if (needed.size === 0) return { keysOnly: true }
  const fields: Record<string, number> = {}
  for (const name of needed.keys()) fields[name] = 1
  const projectionDocument = buildDocument(needed.has('_id') ? fields : { ...fields, _id: 0 })
  return { projection: parseProjection(projectionDocument), projectionDocument }
}

/** The ends of groups that are all that `rest` reads of the query's rows; undefined: it reads others, or not all rows are grouped. */
export function groupsOf(
  [next]: Pipeline,
  skip: number | undefined,
  limit: number | undefined,
  collation: Collation | undefined,
): SoughtGroups | undefined {
  if (next?.groupEnds === undefined || skip !== undefined || limit !== undefined) return undefined
  return { ends: next.groupEnds, collation }
}

/** Rows of which nothing is read, so that there need not be documents: each is an empty one. */
export class CountedRows implements Rows {
  readonly #rows: Rows
  readonly bytes = buildDocument({})
  readonly start = 0
  readonly end = this.bytes.length
  paused = false

  constructor(rows: Rows) {
    this.#rows = rows
  }

  next(): boolean {
    if (this.#rows.next()) return true
    this.paused = this.#rows.paused === true
    return false
  }

  save(): void {
    this.#rows.save()
  }

  close(): void {
    this.#rows.close()
  }
}
