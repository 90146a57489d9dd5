/**
 * A single node that presents itself as a replica set of one member: its name, its configuration, what it says of
 * itself in hello. It is primary from its start to its end; its optimes are the timestamps of the log.
 */
import { secondsOf, type Timestamp } from '../base/timestamp.ts'
import { objectIdValue, timestampValue, type Value } from '../bson/value.ts'
import type { ConnectionContext } from './context.ts'

export interface ReplicaSetOptions {
  readonly name: string
  /** `host:port` under which clients reach this member; without it each client is told the address that it came to. */
  readonly member?: string
}

/** Of the one member, and of the one configuration there ever is. */
export const memberId = 0
export const configurationVersion = 1
export const electionTerm = 1
/** MongoDB's form of an election's id: the sign of protocol version 1, then the term. */
const electionId = Uint8Array.from([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, electionTerm])

export class ReplicaSet {
  readonly name: string
  readonly #member: string | undefined
  readonly #fallback: string
  /** An ObjectId, for as long as the set lives. */
  readonly id: Uint8Array
  readonly #startedAt: Timestamp

  /**
   * `fallback`: the member's name for clients within this process. `id`: 12 bytes. `startedAt`: a time before every write
   * to come: an empty log has no time of its own to tell.
   */
  constructor({ name, member }: ReplicaSetOptions, fallback: string, id: Uint8Array, startedAt: Timestamp) {
    this.#startedAt = startedAt
    this.name = name
    this.#member = member
    this.#fallback = fallback
    this.id = id
  }

  /** `host:port` of the member, as the client at the other end of `context` is to call it. */
  memberFor(context: ConnectionContext): string {
    return this.#member ?? (context.localAddress === '' ? this.#fallback : hostAndPort(context.localAddress))
  }

  /** The position of the last write, `last` in the log, as clients are told. */
  lastPosition(last: Timestamp): Timestamp {
    return last > this.#startedAt ? last : this.#startedAt
  }

  get electionId(): Value {
    return objectIdValue(electionId)
  }
}

/** `address:port` with an IPv6 address in brackets, and one that stands for an IPv4 address as that. */
function hostAndPort(localAddress: string): string {
  const cut = localAddress.lastIndexOf(':')
  const address = localAddress.slice(0, cut).replace(/^::ffff:(?=\d+\.)/i, '')
  return `${address.includes(':') ? `[${address}]` : address}${localAddress.slice(cut)}`
}

/** `{ts, t}`: a position in the log as MongoDB shows it. */
export function opTime(timestamp: Timestamp): { readonly ts: Value; readonly t: bigint } {
  return { ts: timestampValue(timestamp), t: BigInt(electionTerm) }
}

/** When a position was written, to the second. */
export function opTimeDate(timestamp: Timestamp): Date {
  return new Date(secondsOf(timestamp) * 1000)
}
