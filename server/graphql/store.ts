/** What resolvers ask of one database: commands through dispatch, documents as objects. */
import { ObjectId } from 'bson'
import { GraphQLError } from 'graphql'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { buildDocument } from '../../pkg/bson/build.ts'
import { decodeDocument, encodeDocument } from '../../pkg/bson/convert.ts'
import { getField } from '../../pkg/bson/value.ts'
import type { ConnectionContext } from '../../pkg/command/context.ts'
import type { Database } from '../../pkg/command/dispatch.ts'
import { type BulkCounts, bulkCommand, bulkCounts, bulkOperations } from '../bulk-operations.ts'

export type Document = Record<string, unknown>

interface CursorReply {
  readonly cursor: { readonly id: bigint | number; readonly firstBatch?: Document[]; readonly nextBatch?: Document[] }
}

/** Longest that all commands of a request may take together, and most that they may read. */
const timeLimitMs = 30_000
const readBytesMax = 64 * 1024 * 1024
const tooMuch = `the request reads more than ${readBytesMax >> 20} MiB: ask for fewer documents`

export class Store {
  readonly #database: Database
  readonly #context: ConnectionContext
  readonly #databaseName: string
  #deadlineMs = 0
  #bytesLeft = 0

  constructor(database: Database, context: ConnectionContext, databaseName: string) {
    this.#database = database
    this.#context = context
    this.#databaseName = databaseName
    this.renew()
  }

  /** From now on there is the time and the memory of a new request. */
  renew(): void {
    this.#deadlineMs = this.#database.world.clock.monotonicMs() + timeLimitMs
    this.#bytesLeft = readBytesMax
  }

  /**
   * The reply of a command that succeeded. One that does not say how long it may take has what is left of the request's time.
   * Throws a GraphQLError with MongoDB's code and name in its extensions.
   */
  async run(command: Readonly<Record<string, unknown>>): Promise<Document> {
    const reply = decodeDocument(
      await this.#dispatch(encodeDocument({ ...command, ...this.#timeFor(command), $db: this.#databaseName })),
    )
    if (reply['ok'] === 1) {
      const [first] = (reply['writeErrors'] as Document[] | undefined) ?? []
      if (first === undefined) return reply
      throw errorOf(first)
    }
    throw errorOf(reply)
  }

  /** Writes that are documents in the drivers' form; some may fail. */
  async bulkWrite(
    collection: string,
    operations: readonly unknown[],
    ordered: boolean,
  ): Promise<BulkCounts & { readonly errors: readonly unknown[] }> {
    const writes = bulkOperations(getField(encodeDocument({ operations }), 'operations'))
    const command = bulkCommand(`${this.#databaseName}.${collection}`, writes, ordered)
    const bytes = await this.#dispatch(buildDocument({ ...command, ...this.#timeFor(command), $db: 'admin' }))
    const reply = decodeDocument(bytes) as Document & CursorReply
    if (reply['ok'] !== 1) throw errorOf(reply)
    return { ...bulkCounts(bytes), errors: reply.cursor.firstBatch ?? [] }
  }

  async #dispatch(body: Uint8Array): Promise<Uint8Array> {
    const reply = await this.#database.dispatch(this.#context, { body, sequences: new Map(), replyExpected: true })
    this.#bytesLeft -= reply.length
    return reply
  }

  #timeFor(command: Readonly<Record<string, unknown>>): { readonly maxTimeMS?: number } {
    if ('maxTimeMS' in command) return {}
    const leftMs = this.#deadlineMs - this.#database.world.clock.monotonicMs()
    // In whole seconds, so that commands that are the same have the same bytes, by which they are known again.
    if (leftMs > 0) return { maxTimeMS: Math.ceil(leftMs / 1000) * 1000 }
    throw errorOf(new DatabaseError('MaxTimeMSExpired', `the request took more than ${timeLimitMs / 1000} seconds`))
  }

  newId(): ObjectId {
    return new ObjectId(this.#database.objectIds.next())
  }

  /** All documents of a find or an aggregate. Throws when they are more than a request may read. */
  async all(command: Readonly<Record<string, unknown>>): Promise<Document[]> {
    const collection = String(command['find'] ?? command['aggregate'])
    let { cursor } = (await this.run(command)) as unknown as CursorReply
    const documents: Document[] = []
    for (;;) {
      documents.push(...(cursor.firstBatch ?? cursor.nextBatch ?? []))
      const isOver = BigInt(cursor.id) === 0n
      if (this.#bytesLeft < 0) {
        if (!isOver) await this.#close(collection, cursor.id)
        throw errorOf(new DatabaseError('ExceededMemoryLimit', tooMuch))
      }
      if (isOver) return documents
      const more = await this.run({ getMore: BigInt(cursor.id), collection, maxTimeMS: undefined })
      cursor = (more as unknown as CursorReply).cursor
    }
  }

  /** The events of a change stream, until the consumer stops asking or the stream ends. Rejects when it cannot begin. */
  async changes(collection: string, pipeline: readonly Document[]): Promise<AsyncGenerator<Document>> {
    const command = { aggregate: collection, pipeline, cursor: {}, maxTimeMS: undefined }
    const { cursor } = (await this.run(command)) as unknown as CursorReply
    return this.#events(collection, cursor)
  }

  async *#events(collection: string, first: CursorReply['cursor']): AsyncGenerator<Document, void, undefined> {
    const id = BigInt(first.id)
    let cursor = first
    try {
      for (;;) {
        yield* cursor.firstBatch ?? cursor.nextBatch ?? []
        // What invalidates a stream is its last event.
        if (BigInt(cursor.id) === 0n) return
        const more = await this.run({ getMore: id, collection, maxTimeMS: 1000 })
        cursor = (more as unknown as CursorReply).cursor
      }
    } finally {
      await this.#close(collection, id)
    }
  }

  async #close(collection: string, id: bigint | number): Promise<void> {
    await this.run({ killCursors: collection, cursors: [BigInt(id)], maxTimeMS: undefined })
  }
}

/** Of a reply, or of an error that has what a reply has. */
function errorOf(reply: Document | DatabaseError): GraphQLError {
  const { errmsg, code, codeName, ok, index, ...details } =
    reply instanceof DatabaseError ? { errmsg: reply.message, code: reply.code, codeName: reply.codeName } : reply
  return new GraphQLError(String(errmsg), {
    extensions: {
      code: codeName ?? new DatabaseError(Number(code), '').codeName,
      mongoCode: Number(code),
      ...(Object.keys(details).length === 0 ? {} : { details: plain(details) }),
    },
  })
}

function plain(details: Document): unknown {
  return JSON.parse(JSON.stringify(details)) as unknown
}
