/** How the HTTP doors run commands: one connection context a request, gone when the client goes. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { buildDocument } from '../../pkg/bson/build.ts'
import { decodeDocument } from '../../pkg/bson/convert.ts'
import { readDouble } from '../../pkg/bson/little-endian.ts'
import { bsonType } from '../../pkg/bson/type.ts'
import { getField, type Value } from '../../pkg/bson/value.ts'
import { readById } from '../../pkg/command/by-id.ts'
import { ConnectionContext } from '../../pkg/command/context.ts'
import type { Database } from '../../pkg/command/dispatch.ts'
import type { RecordRef } from '../../pkg/engine/collection.ts'
import { CommandProblem } from './problem.ts'

const noBytes = new Uint8Array(0)
let nextConnectionId = 2 ** 30

export class Caller {
  readonly database: Database
  readonly context: ConnectionContext
  /** Fields that every command of the request gets: its session, transaction, time limit. */
  readonly shared: Record<string, unknown> = {}
  /** Called when a command was sent. */
  onCommand: (() => void) | undefined

  readonly #record: RecordRef = { bytes: noBytes, start: 0, end: 0 }

  constructor(database: Database, request: FastifyRequest, reply: FastifyReply) {
    this.database = database
    this.context = new ConnectionContext({
      connectionId: nextConnectionId++,
      remoteAddress: `${request.ip}:${request.socket.remotePort ?? 0}`,
      ownDoor: true,
    })
    database.connect(this.context)
    reply.raw.once('close', () => this.context.close())
  }

  /**
   * The document with this `_id`, until the next call on the database; false: there is none. undefined: only the command can tell, since the
   * request is part of a transaction or the collection is a view.
   */
  readById(databaseName: string, collection: string, id: Value): Uint8Array | false | undefined {
    if (this.shared['lsid'] !== undefined) return undefined
    const found = readById(this.database, databaseName, collection, buildDocument({ _id: id }), this.#record)
    return found === true ? this.#record.bytes.subarray(this.#record.start, this.#record.end) : found
  }

  /** The reply of a command that succeeded. Throws CommandProblem. */
  async run(databaseName: string, command: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
    const body = buildDocument({ ...command, ...this.shared, $db: databaseName })
    const running = this.database.dispatch(this.context, { body, sequences: new Map(), replyExpected: true })
    this.onCommand?.()
    const reply = running instanceof Promise ? await running : running
    const ok = getField(reply, 'ok')
    if (ok?.type === bsonType.double && readDouble(ok.bytes, ok.start) === 1) return reply
    throw new CommandProblem(decodeDocument(reply))
  }
}
