/**
 * The embedded API's way to `dispatch`: a connection context of its own, requests built in this process, results as structures.
 */

import { DatabaseError } from '../base/errors.ts'
import { decodeDocument, encodeDocument } from '../bson/convert.ts'
import type { ConnectionContext } from '../command/context.ts'
import type { Definition } from '../command/definition.ts'
import type { Database } from '../command/dispatch.ts'
import type { Operation } from '../command/instance.ts'
import { shownError } from './shown-error.ts'
import type { Document } from './types.ts'

const notDurable = (operation: Operation): void => {
  operation.writeConcern = { ...operation.writeConcern, durable: false }
}

function rethrow(error: unknown): never {
  throw error instanceof DatabaseError ? shownError(error) : error
}

export class Port {
  readonly database: Database
  readonly context: ConnectionContext
  /** Tells an operation what it is to see, where that is not the database as it is now. */
  readonly #scope: ((operation: Operation) => void) | undefined

  constructor(database: Database, context: ConnectionContext, scope?: (operation: Operation) => void) {
    this.#scope = scope
    this.database = database
    this.context = context
  }

  /** Whether what it sees is the database as it is now. */
  get isPlain(): boolean {
    return this.#scope === undefined
  }

  /** Runs a command from its request; throws or rejects with a DatabaseError. */
  run<Request, Result>(
    definition: Definition<Request, Result>,
    databaseName: string,
    request: Request,
    setUp?: (operation: Operation) => void,
  ): Result | Promise<Result> {
    try {
      const scope = this.#scope
      const scoped =
        scope === undefined
          ? setUp
          : (operation: Operation): void => {
              setUp?.(operation)
              scope(operation)
            }
      const running = this.database.execute(this.context, definition, databaseName, request, scoped)
      return running instanceof Promise ? running.catch(rethrow) : running
    } catch (error) {
      return rethrow(error)
    }
  }

  /** As `run`, without waiting for the disk: for one of several writes that are waited for together. */
  runUnsynced<Request, Result>(
    definition: Definition<Request, Result>,
    databaseName: string,
    request: Request,
  ): Result | Promise<Result> {
    return this.run(definition, databaseName, request, notDurable)
  }

  /** Everything written so far is on disk when this resolves. */
  synced(): Promise<void> {
    const { engine } = this.database
    return engine.durable(engine.lastIndex)
  }

  /** Runs a command given as a document; throws what the reply says went wrong. */
  async command(databaseName: string, command: Document): Promise<Document> {
    const body = encodeDocument({ ...command, $db: databaseName })
    const reply = decodeDocument(
      await this.database.dispatch(this.context, { body, sequences: new Map(), replyExpected: true }, this.#scope),
    )
    if (reply['ok'] === 1) return reply
    const { code, errmsg, ok, codeName, ...details } = reply
    throw new DatabaseError(Number(code), String(errmsg), details)
  }
}
