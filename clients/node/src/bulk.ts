/** Many writes on one collection: grouped into commands that the server takes whole, with errors told by the caller's positions. */
import { type Document, EJSON, ObjectId } from 'bson'
import {
  type BulkWriteCounts,
  LauraBulkWriteError,
  LauraUsageError,
  LauraWriteConcernError,
  labelsOf,
  type WriteError,
} from './errors.ts'
import type { Executor } from './executor.ts'
import type { ClientSession } from './session.ts'
import type { Filter, Insertable, UpdateFilter } from './types.ts'

export interface StatementOptions {
  readonly hint?: string | Document
  readonly collation?: Document
}

export interface UpdateStatementOptions extends StatementOptions {
  readonly upsert?: boolean
  readonly arrayFilters?: readonly Document[]
}

/** One write of a bulkWrite. */
export type BulkOperation<T> =
  | { readonly insertOne: { readonly document: Insertable<T> } }
  | {
      readonly updateOne: {
        readonly filter: Filter<T>
        readonly update: UpdateFilter<T> | readonly Document[]
      } & UpdateStatementOptions
    }
  | {
      readonly updateMany: {
        readonly filter: Filter<T>
        readonly update: UpdateFilter<T> | readonly Document[]
      } & UpdateStatementOptions
    }
  | {
      readonly replaceOne: { readonly filter: Filter<T>; readonly replacement: Omit<T, '_id'> } & UpdateStatementOptions
    }
  | { readonly deleteOne: { readonly filter: Filter<T> } & StatementOptions }
  | { readonly deleteMany: { readonly filter: Filter<T> } & StatementOptions }

export interface BulkWriteOptions {
  /** Stop at the first write that fails. Default: true. */
  readonly ordered?: boolean
  readonly bypassDocumentValidation?: boolean
  readonly comment?: unknown
  readonly let?: Document
  readonly writeConcern?: Document
  readonly session?: ClientSession
}

export interface BulkWriteResult extends Readonly<BulkWriteCounts> {
  readonly acknowledged: true
}

type Kind = 'insert' | 'update' | 'delete'

const sequenceNames = { insert: 'documents', update: 'updates', delete: 'deletes' } as const
const statementsMax = 100_000
/** The server takes 48 MB a message. */
const bytesMax = 40_000_000

interface Statement {
  readonly kind: Kind
  readonly document: Document
  /** Changes at most one document, so that it may be sent again. */
  readonly single: boolean
  readonly insertedId?: unknown
}

interface Group {
  readonly kind: Kind
  readonly indexes: number[]
  readonly documents: Uint8Array[]
  bytes: number
  single: boolean
}

/** A document with an _id, which comes first. */
export function withId(document: Document): Document {
  return document['_id'] === undefined ? { ...document, _id: new ObjectId() } : document
}

/** Refuses what would replace a document, or nothing. */
export function checkUpdate(update: unknown): void {
  if (Array.isArray(update)) return
  const [first] = Object.keys(update as Document)
  if (first === undefined || !first.startsWith('$'))
    throw new LauraUsageError('an update must consist of operators such as $set; replaceOne replaces documents')
}

/** Refuses update operators. */
export function checkReplacement(replacement: unknown): void {
  if (Object.keys(replacement as Document)[0]?.startsWith('$'))
    throw new LauraUsageError('a replacement must not have update operators; updateOne applies them')
}

function statementOf(operation: Document): Statement {
  const [name, ...others] = Object.keys(operation)
  const given = operation[name ?? ''] as Document
  if (others.length > 0) throw new LauraUsageError('an operation of a bulkWrite is one write')
  switch (name) {
    case 'insertOne': {
      const document = withId(given['document'] as Document)
      return { kind: 'insert', document, single: true, insertedId: document['_id'] }
    }
    case 'updateOne':
    case 'updateMany': {
      const { filter, update, ...rest } = given
      checkUpdate(update)
      const multi = name === 'updateMany'
      return { kind: 'update', document: { q: filter, u: update, multi, ...rest }, single: !multi }
    }
    case 'replaceOne': {
      const { filter, replacement, ...rest } = given
      checkReplacement(replacement)
      return { kind: 'update', document: { q: filter, u: replacement, multi: false, ...rest }, single: true }
    }
    case 'deleteOne':
    case 'deleteMany': {
      const { filter, ...rest } = given
      const limit = name === 'deleteOne' ? 1 : 0
      return { kind: 'delete', document: { q: filter, limit, ...rest }, single: limit === 1 }
    }
    default:
      throw new LauraUsageError(`a bulkWrite has no operation ${EJSON.stringify(name)}`)
  }
}

/** Runs of one kind when they are ordered, else one group a kind; none larger than a message. */
function groupsOf(executor: Executor, statements: readonly Statement[], ordered: boolean): Group[] {
  const groups: Group[] = []
  const open = new Map<Kind, Group>()
  for (const [index, { kind, document, single }] of statements.entries()) {
    const bytes = executor.encode(document)
    let group = ordered ? groups.at(-1) : open.get(kind)
    if (
      group === undefined ||
      group.kind !== kind ||
      group.documents.length >= statementsMax ||
      group.bytes + bytes.length > bytesMax
    ) {
      group = { kind, indexes: [], documents: [], bytes: 0, single: true }
      groups.push(group)
      open.set(kind, group)
    }
    group.indexes.push(index)
    group.documents.push(bytes)
    group.bytes += bytes.length
    group.single &&= single
  }
  return groups
}

/** Carries out the operations. Errors: LauraBulkWriteError, when the server refused some. */
export async function bulkWrite(
  executor: Executor,
  databaseName: string,
  collectionName: string,
  operations: readonly Document[],
  options: BulkWriteOptions,
): Promise<BulkWriteResult> {
  if (operations.length === 0) throw new LauraUsageError('a bulk write needs at least one operation')
  const { session, ordered = true, ...rest } = options
  const statements = operations.map(statementOf)
  const counts: BulkWriteCounts = {
    insertedCount: 0,
    matchedCount: 0,
    modifiedCount: 0,
    deletedCount: 0,
    upsertedCount: 0,
    insertedIds: {},
    upsertedIds: {},
  }
  const errors: WriteError[] = []
  let labels: readonly string[] = []
  let concern: Document | undefined
  for (const group of groupsOf(executor, statements, ordered)) {
    const reply = await executor.run(
      databaseName,
      { [group.kind]: collectionName, ordered, ...(group.kind === 'insert' ? without(rest, 'let') : rest) },
      {
        session,
        again: group.single ? 'write' : undefined,
        sequence: { name: sequenceNames[group.kind], documents: group.documents },
        keepsWriteErrors: true,
      },
    )
    count(group, reply, statements, counts)
    labels = [...labels, ...labelsOf(reply)]
    concern ??= reply['writeConcernError'] as Document | undefined
    const failed = (reply['writeErrors'] ?? []) as (WriteError & Document)[]
    for (const error of failed) {
      const index = group.indexes[error.index]!
      errors.push({ ...error, index, op: operations[index] })
    }
    if (failed.length > 0 && ordered) break
  }
  for (const { index } of errors) delete counts.insertedIds[index]
  if (errors.length > 0) {
    errors.sort((a, b) => a.index - b.index)
    throw new LauraBulkWriteError(errors[0] as unknown as Document, errors, counts, labels)
  }
  if (concern !== undefined) throw new LauraWriteConcernError(concern, labels)
  return { acknowledged: true, ...counts }
}

function without(object: Document, name: string): Document {
  const { [name]: _left, ...rest } = object
  return rest
}

function count(group: Group, reply: Document, statements: readonly Statement[], counts: BulkWriteCounts): void {
  const n = Number(reply['n'] ?? 0)
  if (group.kind === 'delete') counts.deletedCount += n
  else if (group.kind === 'insert') {
    counts.insertedCount += n
    // Those that failed are taken out again, and what an ordered insert did not come to is not there.
    const reached = reply['writeErrors'] === undefined ? group.indexes.length : lastReached(reply, group)
    for (const index of group.indexes.slice(0, reached)) counts.insertedIds[index] = statements[index]!.insertedId
  } else {
    const upserted = (reply['upserted'] ?? []) as { index: number; _id: unknown }[]
    counts.matchedCount += n - upserted.length
    counts.modifiedCount += Number(reply['nModified'] ?? 0)
    counts.upsertedCount += upserted.length
    for (const { index, _id } of upserted) counts.upsertedIds[group.indexes[index]!] = _id
  }
}

/** How many statements of an insert with errors were come to. */
function lastReached(reply: Document, group: Group): number {
  const failed = (reply['writeErrors'] as WriteError[]).length
  return Math.min(group.indexes.length, Number(reply['n']) + failed)
}
