/** What runs in the gRPC door at the moment, so that it can be let finish. */
import type { handleUnaryCall, ServerDuplexStream } from '@grpc/grpc-js'
import { assert } from '../../pkg/base/assert.ts'
import type { Database } from '../../pkg/command/dispatch.ts'
import type { CallHost, EndlessCall } from './call.ts'
import { SessionStream } from './session.ts'

/** The numbers of this door's connections begin here, so that they differ from those of the others. */
const firstConnectionId = 1 << 30
const lastConnectionId = 0x7fffffff

export class RunningCalls implements CallHost {
  readonly database: Database
  readonly failed: (error: unknown) => void
  readonly #endless = new Set<EndlessCall>()
  #count = 0
  #connectionId = firstConnectionId
  #stopping = false
  #whenFinished: (() => void) | undefined

  constructor(database: Database, failed: (error: unknown) => void) {
    this.database = database
    this.failed = failed
  }

  nextConnectionId(): number {
    this.#connectionId = this.#connectionId === lastConnectionId ? firstConnectionId : this.#connectionId + 1
    return this.#connectionId
  }

  began(endless?: EndlessCall): void {
    this.#count++
    if (endless === undefined) return
    this.#endless.add(endless)
    if (this.#stopping) endless.end()
  }

  ended(endless?: EndlessCall): void {
    assert(this.#count > 0, 'a call ends once')
    this.#count--
    if (endless !== undefined) this.#endless.delete(endless)
    if (this.#count === 0) this.#whenFinished?.()
  }

  /** `handler`, with its calls counted while they run. */
  counted(handler: handleUnaryCall<Buffer, Buffer>): handleUnaryCall<Buffer, Buffer> {
    return (call, callback) => {
      let isAnswered = false
      this.began()
      handler(call, (error, response) => {
        if (isAnswered) return
        isAnswered = true
        this.ended()
        callback(error, response)
      })
    }
  }

  readonly session = (call: ServerDuplexStream<Buffer, Buffer>): void => {
    const stream: SessionStream = new SessionStream(this, call, () => this.ended(stream))
    this.began(stream)
  }

  /** Ends what has no end of its own; resolves when nothing runs any more. */
  finish(): Promise<void> {
    this.#stopping = true
    for (const endless of this.#endless) endless.end()
    return new Promise((resolve) => {
      this.#whenFinished = resolve
      if (this.#count === 0) resolve()
    })
  }
}
