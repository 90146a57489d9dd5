/**
 * One call in progress: its commands run in a context of their own, and are killed when the client cancels the call or its
 * deadline passes.
 */

import { DatabaseError } from '../../pkg/base/errors.ts'
import { ConnectionContext } from '../../pkg/command/context.ts'
import type { CommandMessage, Database } from '../../pkg/command/dispatch.ts'
import { type CallFailure, failureOf } from './status.ts'

/** What every kind of call has, as far as it matters here. */
export interface AnyCall {
  readonly cancelled: boolean
  getPeer(): string
  on(event: 'cancelled', listener: () => void): unknown
}

/** A call that has no end of its own: a door that closes must end it. */
export interface EndlessCall {
  end(): void
}

/** What a call needs of the door it came through. */
export interface CallHost {
  readonly database: Database
  /** A call begins; `endless`: how to end it when the door closes. */
  began(endless?: EndlessCall): void
  ended(endless?: EndlessCall): void
  /** An id for a connection, for currentOp. */
  nextConnectionId(): number
  /** Told of a bug that came to light; the client gets INTERNAL. */
  failed(error: unknown): void
}

export const clientGone = () =>
  new DatabaseError('ClientDisconnect', 'operation was interrupted because the client cancelled the call')

export class CallInProgress {
  readonly context: ConnectionContext
  readonly #host: CallHost
  readonly #call: AnyCall
  #watching = false

  constructor(host: CallHost, call: AnyCall) {
    this.#host = host
    this.#call = call
    this.context = new ConnectionContext({ connectionId: host.nextConnectionId(), remoteAddress: call.getPeer() })
  }

  get database(): Database {
    return this.#host.database
  }

  /** Runs a command; it ends with Interrupted or another error soon after the call was cancelled. */
  run(message: CommandMessage): Uint8Array | Promise<Uint8Array> {
    const reply = this.database.dispatch(this.context, message)
    if (reply instanceof Promise) {
      if (this.#call.cancelled) this.#kill()
      if (!this.#watching) {
        this.#watching = true
        this.#call.on('cancelled', this.#kill)
      }
    }
    return reply
  }

  readonly #kill = (): void => {
    this.database.killOperations((operation) => operation.context === this.context, clientGone())
  }

  close(): void {
    this.context.close()
  }

  /** How the call fails by something thrown; a defect is told to the door as well. */
  failureOf(error: unknown): CallFailure {
    return failureOfThrown(this.#host, error)
  }
}

export function failureOfThrown(host: CallHost, error: unknown): CallFailure {
  if (error instanceof DatabaseError) return failureOf(error)
  host.failed(error)
  return failureOf(new DatabaseError('InternalError', 'internal error'))
}
