/**
 * `config.transactions` and `config.system.sessions`: what is known of sessions, as documents. They are no collections of the
 * catalog, but find, count, distinct and aggregate read them as if they were.
 *
 *   transactions      {_id: {id, uid}, txnNum, lastWriteOpTime: {ts, t}, lastWriteDate, state?}   of the session records
 *   system.sessions   {_id: {id, uid}, lastUse}                                                   of the sessions in use
 */
import { DocumentRows, type Rows } from '../aggregate/rows.ts'
import { buildDocument } from '../bson/build.ts'
import { binaryValue } from '../bson/value.ts'
import { type SessionHead, sessionState } from '../engine/session-records.ts'
import type { Operation } from './operation.ts'
import { opTime } from './replica-set.ts'

const recordsAtOnce = 500
const none = new Uint8Array(0)

export function isSessionCollection(database: string, collection: string | undefined): boolean {
  return database === 'config' && (collection === 'transactions' || collection === 'system.sessions')
}

/** The documents of the one or the other. `due`: whether others are to be let run. */
export function sessionRows(operation: Operation, collection: string, due: () => boolean): Rows {
  return collection === 'transactions' ? new RecordRows(operation, due) : new DocumentRows(localSessions(operation))
}

/** Sessions in use, with `lastUse` as wall time. */
export function localSessions({ instance }: Operation): Uint8Array[] {
  const { clock } = instance.world
  const wallMs = clock.nowMs() - clock.monotonicMs()
  return Array.from(instance.sessions.all(), ({ uuid, lastUseMs }) =>
    buildDocument({ _id: sessionDocument(uuid), lastUse: new Date(Math.round(wallMs + lastUseMs)) }),
  )
}

/** The session records, some at a time: there may be very many. */
class RecordRows implements Rows {
  readonly #operation: Operation
  readonly #due: () => boolean
  #heads: readonly SessionHead[] = []
  #next = 0
  #last: Uint8Array | undefined
  #ended = false
  bytes: Uint8Array = none
  readonly start = 0
  end = 0
  paused = false

  constructor(operation: Operation, due: () => boolean) {
    this.#operation = operation
    this.#due = due
  }

  next(): boolean {
    this.paused = false
    if (this.#next === this.#heads.length && !this.#load()) return false
    const head = this.#heads[this.#next++]!
    this.bytes = recordDocument(head)
    this.end = this.bytes.length
    return true
  }

  /** Whether there are more; not when it is time for a pause. */
  #load(): boolean {
    if (this.#ended) return false
    if (this.#last !== undefined && this.#due()) {
      this.paused = true
      return false
    }
    this.#heads = this.#operation.instance.engine.sessions.headsAfter(this.#last, recordsAtOnce)
    this.#next = 0
    this.#last = this.#heads.at(-1)?.session
    this.#ended = this.#last === undefined
    return !this.#ended
  }

  save(): void {
    // The records at hand are copies.
  }

  close(): void {
    this.#ended = true
    this.#heads = []
    this.#next = 0
  }
}

function recordDocument({ session, txnNumber, timestamp, wallMs, state }: SessionHead): Uint8Array {
  return buildDocument({
    _id: sessionDocument(session),
    txnNum: txnNumber,
    lastWriteOpTime: opTime(timestamp),
    lastWriteDate: new Date(wallMs),
    state: shownStates[state],
  })
}

const shownStates: Readonly<Record<number, string>> = {
  [sessionState.committed]: 'committed',
  [sessionState.aborted]: 'aborted',
}

function sessionDocument(uuid: Uint8Array): Record<string, unknown> {
  return { id: binaryValue(uuid, 4), uid: binaryValue(noUserDigest) }
}

/** SHA-256 of nothing: what stands for no user. */
const noUserDigest = Uint8Array.from(
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'.match(/../g)!,
  (hex) => Number.parseInt(hex, 16),
)
