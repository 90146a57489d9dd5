/** What resolvers ask of one database: commands through dispatch, documents as objects. */
import { ObjectId } from 'bson'
import { GraphQLError } from 'graphql'
import { DatabaseError } from '../../pkg/base/errors.ts'
import { decodeDocument, encodeDocument } from '../../pkg/bson/convert.ts'
import type { ConnectionContext } from '../../pkg/command/context.ts'
import type { Database } from '../../pkg/command/dispatch.ts'

export type Document = Record<string, unknown>

interface CursorReply {
  readonly cursor: { readonly id: bigint | number; readonly firstBatch?: Document[]; readonly nextBatch?: Document[] }
}

/** Longest a request's command may run. */
const timeLimitMs = 30_000

export class Store {
  readonly #database: Database
  readonly #context: ConnectionContext
  readonly #databaseName: string

  constructor(database: Database, context: ConnectionContext, databaseName: string) {
    this.#database = database
    this.#context = context
    this.#databaseName = databaseName
  }

  /** The reply of a command that succeeded. Throws a GraphQLError with MongoDB's code and name in its extensions. */
  async run(command: Readonly<Record<string, unknown>>): Promise<Document> {
    const body = encodeCommand(this.#databaseName, command)
    const reply = decodeDocument(
      await this.#database.dispatch(this.#context, { body, sequences: new Map(), replyExpected: true }),
    )
    if (reply['ok'] === 1) {
      const [first] = (reply['writeErrors'] as Document[] | undefined) ?? []
      if (first === undefined) return reply
      throw errorOf(first)
    }
    throw errorOf(reply)
  }

  newId(): ObjectId {
    return new ObjectId(this.#database.objectIds.next())
  }

  /** All documents of a find or an aggregate. */
  async all(command: Readonly<Record<string, unknown>>): Promise<Document[]> {
    const collection = String(command['find'] ?? command['aggregate'])
    let { cursor } = (await this.run(command)) as unknown as CursorReply
    const documents = [...(cursor.firstBatch ?? [])]
    while (BigInt(cursor.id) !== 0n) {
      cursor = (
        (await this.run({
          getMore: BigInt(cursor.id),
          collection,
          maxTimeMS: undefined,
        })) as unknown as CursorReply
      ).cursor
      documents.push(...(cursor.nextBatch ?? []))
    }
    return documents
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
      await this.run({ killCursors: collection, cursors: [id], maxTimeMS: undefined })
    }
  }
}

/** Objects in their order: the command's own name comes first, since it is what names it. */
function encodeCommand(databaseName: string, command: Readonly<Record<string, unknown>>): Uint8Array {
  return encodeDocument({
    ...command,
    ...('maxTimeMS' in command ? {} : { maxTimeMS: timeLimitMs }),
    $db: databaseName,
  })
}

function errorOf(reply: Document): GraphQLError {
  const { errmsg, code, codeName, ok, index, ...details } = reply
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
