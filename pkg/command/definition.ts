/** What a command is: a name, the fields it takes, how a request is read from them, what it does, how its reply looks. */
import type { BsonWriter } from '../bson/writer.ts'
import type { OperationKind } from './counters.ts'
import type { Explanation, Verbosity } from './explanation.ts'
import type { Fields } from './fields.ts'
import type { Command, Operation } from './operation.ts'

/** Documents of an OP_MSG's kind 1 sections by identifier, as subarrays of the message. */
export type Sequences = ReadonlyMap<string, readonly Uint8Array[]>

export interface Definition<Request, Result> extends Command {
  readonly aliases?: readonly string[]
  /** One line for listCommands. */
  readonly help: string
  /** Where its time is counted. */
  readonly kind: OperationKind
  /** Only on the `admin` database. */
  readonly adminOnly?: boolean
  /** Declares the command's fields; the dispatcher has read the command into it when `parse` is called. */
  readonly fields: Fields<string>
  /** The request that `fields` and `sequences` ask for; throws when it makes no sense in itself. */
  parse(database: string, sequences: Sequences): Request
  /** Reads what of the request `parse` has left, as it is too much for one turn: before anything is done. */
  readRest?(operation: Operation, request: Request): void | Promise<void>
  /** Whether it would change nothing at this moment, and so needs not wait for the fsync lock. */
  changesNothing?(operation: Operation): boolean
  /** Does it. A promise only when something must be waited for. */
  run(operation: Operation, request: Request): Result | Promise<Result>
  /** The reply's fields before `ok`. */
  reply(result: Result, writer: BsonWriter): void
  /** How it would be done, for the explain command. */
  explain?(operation: Operation, request: Request, verbosity: Verbosity): Explanation | Promise<Explanation>
}

/** A definition whose types nobody needs any more. */
export type AnyDefinition = Definition<unknown, unknown>

/** The reply of a command that has nothing to say but `ok`. */
export function emptyReply(): void {
  // `ok` is all there is.
}

export const noSequences: Sequences = new Map()

/** Ties a definition's request and result types together where it is written down. */
export function defineCommand<Request, Result>(definition: Definition<Request, Result>): Definition<Request, Result> {
  return definition
}

/** The request of a command that takes nothing. */
export function noRequest(): undefined {
  return undefined
}
