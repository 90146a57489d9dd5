/**
 * The embedded API's way to `dispatch`: a connection context of its own, requests built in this process, results as structures.
 */

import { DatabaseError } from '../base/errors.ts'
import { decodeDocument, encodeDocument } from '../bson/convert.ts'
import type { Value } from '../bson/value.ts'
import { readById, updateById } from '../command/by-id.ts'
import type { ConnectionContext } from '../command/context.ts'
import type { Definition } from '../command/definition.ts'
import type { Database } from '../command/dispatch.ts'
import type { Operation } from '../command/operation.ts'
import type { UpdateOutcome } from '../command/write.ts'
import type { RecordRef } from '../engine/collection.ts'
import { Transaction } from '../engine/transaction.ts'
import type { Workspace } from '../engine/workspace.ts'
import { shownError } from './shown-error.ts'
import type { Document } from './types.ts'

const notDurable = (operation: Operation): void => {
  operation.writeConcern = { ...operation.writeConcern, durable: false }
}

function rethrow(error: unknown): never {
  throw error instanceof DatabaseError ? shownError(error) : error
}

type Scope = (operation: Operation) => void
/** Of what is answered at once, without an operation. */
interface Sight {
  /** What is read or changed; undefined: it takes an operation to say. */
  begin(databaseName: string): Workspace | undefined
  /** It was answered. */
  done?(): void
}

export class Port {
  readonly database: Database
  readonly context: ConnectionContext
  /** Tells an operation what it is to see, where that is not the database as it is now. */
  readonly #scope: Scope | undefined
  /** What is answered at once is to see. */
  readonly #sight: Sight | undefined

  /** Without `sight`, what has a scope is always asked for by an operation. */
  constructor(database: Database, context: ConnectionContext, scope?: Scope, sight?: Sight) {
    this.#scope = scope
    this.#sight = scope === undefined ? { begin: () => database.engine } : sight
    this.database = database
    this.context = context
  }

  /**
   * The document with the one `_id` that `filter` asks for, lent in `into` until the next call on the database; false: there is none.
   * undefined: a command has to be run for it.
   */
  readById(databaseName: string, collectionName: string, filter: Uint8Array, into: RecordRef): boolean | undefined {
    try {
      const workspace = this.#workspace(databaseName)
      if (workspace === undefined) return undefined
      const found = readById(this.database, databaseName, collectionName, filter, into, workspace)
      if (found !== undefined) this.#sight!.done?.()
      return found
    } catch (error) {
      // The command will meet it, too, and knows what becomes of its transaction then.
      if (error instanceof DatabaseError) return undefined
      throw error
    }
  }

  /**
   * As `updateOne` of the document with the one `_id` that `filter` asks for, in the open transaction; undefined: a command has to be run for it.
   */
  updateById(
    databaseName: string,
    collectionName: string,
    filter: Uint8Array,
    update: Value,
  ): UpdateOutcome | undefined {
    const workspace = this.#workspace(databaseName)
    if (!(workspace instanceof Transaction)) return undefined
    const { database } = this
    database.turn.begin()
    const outcome = updateById(database, databaseName, collectionName, filter, update, workspace)
    if (outcome !== undefined) this.#sight!.done?.()
    return outcome
  }

  /** What is answered at once works on; undefined: it takes an operation to say. */
  #workspace(databaseName: string): Workspace | undefined {
    return this.#sight?.begin(databaseName)
  }

  /** Runs a command from its request; throws or rejects with a DatabaseError. */
  run<Request, Result>(
    definition: Definition<Request, Result>,
    databaseName: string,
    request: Request,
    setUp?: (operation: Operation) => void,
  ): Result | Promise<Result> {
    this.database.turn.begin()
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

  /** What to await before an answer is given that was there at once: see `Turn`. */
  rest(brief = false): Promise<void> | undefined {
    return this.database.turn.rest(brief)
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
    await this.rest()
    if (reply['ok'] === 1) return reply
    const { code, errmsg, ok, codeName, ...details } = reply
    throw new DatabaseError(Number(code), String(errmsg), details)
  }
}
