/** What a unary call is: the command it asks for, and what its reply says. */
import type { CommandMessage, Database } from '../../pkg/command/dispatch.ts'
import type { CallFailure } from './status.ts'

export interface UnaryMethod<Request = never> {
  /**
   * The command, or its body when it has no documents beside it; `maxTimeMs`: what is left of the call's deadline.
   * Errors: what is wrong with the request, as a DatabaseError.
   */
  command(request: Request, maxTimeMs: number | undefined, database: Database): CommandMessage | Uint8Array
  /** What to answer, as the response message's fields. `reply`: not a failure. `message`: as it was sent. */
  response(reply: Uint8Array, message: CommandMessage, database: Database): object
  /** Answers a request at once, bytes for bytes; undefined: take the long way. */
  quick?(request: Buffer, database: Database): Buffer | undefined
  /** What the call fails by although its command did not. */
  failure?(reply: Uint8Array): CallFailure | undefined
}

/** Methods by their names in the service. */
export type UnaryMethods = Readonly<Record<string, UnaryMethod>>
