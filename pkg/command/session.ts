/**
 * Logical sessions: what a client's `lsid` names. A session begins when it is first used, ends by endSessions or
 * killSessions or when it was not used for the timeout, and takes its cursors and operations with it.
 */
import { DatabaseError } from '../base/errors.ts'
import { bsonType, typeAlias } from '../bson/type.ts'
import { documentFields, readInt32, type Value } from '../bson/value.ts'
import type { SessionTransaction } from './session-transaction.ts'

/** Minutes a session lives without use, as told to drivers in hello. */
export const sessionTimeoutMinutes = 30
const sessionsMax = 1_000_000
const uuidSubtype = 4

const noTxnNumber = -1n

/** An operation, as far as a session cares. */
export interface SessionUser {
  whenKilled(action: () => void): void
  /** Throws when it was killed or its time is over. */
  check(): void
}

interface Waiting {
  readonly user: SessionUser
  readonly take: () => void
}

export class Session {
  /** 16 bytes. */
  readonly uuid: Uint8Array
  readonly key: string
  lastUseMs: number
  /** Gone from the registry; whoever kept it must look again. */
  ended = false
  /** The greatest transaction number used; -1: none yet. */
  txnNumber = noTxnNumber
  /** Whether something was written under that number, or perhaps was. */
  hasWritten = false
  /** Whether the number belongs to a transaction rather than to a retryable write. */
  inTransaction = false
  /** Whether the session's record has been looked at. */
  isKnown = false
  /** The operation that has the session for itself, and those that wait for it, first come first. */
  #holder: SessionUser | undefined
  readonly #waiting: Waiting[] = []
  /** It ends when it is given back. */
  endsLater = false
  /** The last multi-document transaction. */
  transaction: SessionTransaction | undefined

  constructor(uuid: Uint8Array, key: string, nowMs: number) {
    this.uuid = uuid
    this.key = key
    this.lastUseMs = nowMs
  }

  get isHeld(): boolean {
    return this.#holder !== undefined
  }

  /**
   * Takes the session for an operation under a transaction number: at once, or when those before it have given it back. Rejects
   * when the operation is killed while it waits.
   */
  checkOut(user: SessionUser): void | Promise<void> {
    if (this.#holder === undefined) {
      this.#holder = user
      return
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { user, take: resolve }
      this.#waiting.push(waiting)
      user.whenKilled(() => {
        const at = this.#waiting.indexOf(waiting)
        if (at < 0) return
        this.#waiting.splice(at, 1)
        try {
          user.check()
        } catch (reason) {
          reject(reason as Error)
        }
      })
    })
  }

  checkIn(): void {
    const next = this.#waiting.shift()
    this.#holder = next?.user
    next?.take()
  }

  /** Whether 16 bytes of `bytes` from `start` name this session. */
  isNamedBy(bytes: Uint8Array, start: number): boolean {
    for (let i = 0; i < 16; i++) if (this.uuid[i] !== bytes[start + i]) return false
    return true
  }
}

/** The text that stands for a session's 16 bytes in a map. */
export function sessionKey(bytes: Uint8Array, start: number): string {
  let key = ''
  for (let i = 0; i < 16; i++) key += String.fromCharCode(bytes[start + i]!)
  return key
}

export class SessionRegistry {
  readonly #sessions = new Map<string, Session>()
  readonly #onFirst: () => void

  /** `onFirst`: called when there is a session after there was none. */
  constructor(onFirst: () => void) {
    this.#onFirst = onFirst
  }

  get size(): number {
    return this.#sessions.size
  }

  get(key: string): Session | undefined {
    return this.#sessions.get(key)
  }

  keys(): Iterable<string> {
    return this.#sessions.keys()
  }

  all(): Iterable<Session> {
    return this.#sessions.values()
  }

  /** Counts a session as used now, beginning it if need be. `key`: of `sessionKey`. */
  refresh(key: string, nowMs: number): void {
    const uuid = Uint8Array.from(key, (character) => character.charCodeAt(0))
    this.use(uuid, 0, nowMs)
  }

  /** The session that 16 bytes from `start` name, begun if need be, and counted as used now. */
  use(bytes: Uint8Array, start: number, nowMs: number): Session {
    const key = sessionKey(bytes, start)
    let session = this.#sessions.get(key)
    if (session === undefined) {
      if (this.#sessions.size >= sessionsMax)
        throw new DatabaseError(
          'TooManyLogicalSessions',
          'Unable to add session into the cache because the number of active sessions is too high',
        )
      session = new Session(bytes.slice(start, start + 16), key, nowMs)
      this.#sessions.set(key, session)
      if (this.#sessions.size === 1) this.#onFirst()
    }
    session.lastUseMs = nowMs
    session.endsLater = false
    return session
  }

  /** Ends a session: now, or when the operation that holds it gives it back. */
  end(key: string): boolean {
    const session = this.#sessions.get(key)
    if (session === undefined) return false
    if (session.isHeld) {
      session.endsLater = true
      return true
    }
    session.ended = true
    return this.#sessions.delete(key)
  }

  /** Ends the sessions not used for the timeout, and returns them. */
  expire(nowMs: number): Session[] {
    const expired: Session[] = []
    for (const session of this.#sessions.values()) {
      if (nowMs - session.lastUseMs >= sessionTimeoutMinutes * 60_000) expired.push(session)
    }
    for (const session of expired) this.end(session.key)
    return expired
  }
}

/**
 * Where the UUID of a session document (`{id: UUID}`) begins. `path` names the document in errors.
 * Fields other than `id` and the user's digest are refused.
 */
export function sessionIdStart(bytes: Uint8Array, start: number, path: string): number {
  // The form drivers send, looked at without a walk: length, \x05, "id\0", 16, subtype, 16 bytes, \0.
  if (
    readInt32(bytes, start) === 30 &&
    bytes[start + 4] === bsonType.binary &&
    bytes[start + 5] === 105 &&
    bytes[start + 6] === 100 &&
    bytes[start + 12] === 4
  )
    return start + 13
  let found = -1
  for (const field of documentFields(bytes, start)) {
    if (field.name === 'id') {
      if (field.type === bsonType.null || field.type === bsonType.undefined) continue
      if (field.type !== bsonType.binary)
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field '${path}.id' is the wrong type '${typeAlias(field.type)}', expected type 'binData'`,
        )
      if (field.bytes[field.start + 4] !== uuidSubtype)
        throw new DatabaseError(
          'TypeMismatch',
          `BSON field '${path}.id' is the wrong binData type '${subtypeName(field.bytes[field.start + 4]!)}', expected type 'UUID'`,
        )
      if (readInt32(field.bytes, field.start) !== 16)
        throw new DatabaseError('InvalidUUID', `uuid must be a 16-byte binary field with UUID (4) subtype`)
      found = field.start + 5
    } else checkSessionField(field.name, field, path)
  }
  if (found < 0) throw new DatabaseError('MissingField', `BSON field '${path}.id' is missing but a required field`)
  return found
}

/** The digest of the user whose session it is, and what only servers tell each other. */
const sessionFields: Readonly<Record<string, number>> = {
  uid: bsonType.binary,
  txnNumber: bsonType.int64,
  txnUUID: bsonType.binary,
  stmtId: bsonType.int32,
}
const digestLength = 32

function checkSessionField(name: string, field: Value, path: string): void {
  const type = Object.hasOwn(sessionFields, name) ? sessionFields[name]! : undefined
  if (type === undefined) throw new DatabaseError('UnknownField', `BSON field '${path}.${name}' is an unknown field.`)
  if (field.type === bsonType.null || field.type === bsonType.undefined) return
  if (field.type !== type)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field '${path}.${name}' is the wrong type '${typeAlias(field.type)}', expected type '${typeAlias(type)}'`,
    )
  if (name === 'uid') checkDigest(field, `${path}.uid`)
}

/** A binary value must be a SHA-256 digest. Errors: TypeMismatch for its subtype, UnsupportedFormat for its length. */
export function checkDigest(field: Value, path: string): void {
  const subtype = field.bytes[field.start + 4]!
  if (subtype !== 0)
    throw new DatabaseError(
      'TypeMismatch',
      `BSON field '${path}' is the wrong binData type '${subtypeName(subtype)}', expected type 'general'`,
    )
  if (readInt32(field.bytes, field.start) !== digestLength)
    throw new DatabaseError('UnsupportedFormat', `'${path}' must be a digest of ${digestLength} bytes`)
}

function subtypeName(subtype: number): string {
  const names = [
    'general',
    'function',
    'binary(deprecated)',
    'UUID (deprecated)',
    'UUID',
    'MD5',
    'encrypted',
    'column',
    'sensitive',
    'vector',
  ]
  return names[subtype] ?? String(subtype)
}
