/**
 * ObjectIds: 4 bytes of seconds since the epoch, 5 bytes that are random per generator, 3 bytes of a counter that
 * starts anywhere; all big endian.
 */
import { DatabaseError } from '../base/errors.ts'

export const objectIdLength = 12

const counterLimit = 0x1000000

/** What a generator needs of a source of randomness. */
export interface IdRandom {
  /** Uniform in [0, 1). */
  next(): number
  bytes(length: number): Uint8Array
}

/** Makes ids that no other generator makes, and that sort by the second in which they were made. */
export class ObjectIdGenerator {
  readonly #nowMs: () => number
  readonly #unique: Uint8Array
  #counter: number

  /** `nowMs`: wall time in milliseconds since the epoch. */
  constructor(random: IdRandom, nowMs: () => number) {
    this.#nowMs = nowMs
    this.#unique = random.bytes(5)
    this.#counter = Math.floor(random.next() * counterLimit)
  }

  /** Writes the next id into `target` from `at` on; returns `target`, or 12 fresh bytes when none was given. */
  next(target: Uint8Array = new Uint8Array(objectIdLength), at = 0): Uint8Array {
    const seconds = Math.floor(this.#nowMs() / 1000)
    const counter = this.#counter
    this.#counter = (counter + 1) % counterLimit
    target[at] = seconds >>> 24
    target[at + 1] = seconds >>> 16
    target[at + 2] = seconds >>> 8
    target[at + 3] = seconds
    for (let i = 0; i < 5; i++) target[at + 4 + i] = this.#unique[i]!
    target[at + 9] = counter >>> 16
    target[at + 10] = counter >>> 8
    target[at + 11] = counter
    return target
  }
}

const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The 24 lower-case hex digits of the ObjectId at `at`. */
export function objectIdHex(bytes: Uint8Array, at = 0): string {
  let hex = ''
  for (let i = at; i < at + objectIdLength; i++) hex += hexOfByte[bytes[i]!]!
  return hex
}

const hexForm = /^[0-9a-fA-F]{24}$/

export function isObjectIdHex(text: string): boolean {
  return hexForm.test(text)
}

/** Writes the 12 bytes that 24 hex digits name. */
export function writeObjectId(hex: string, target: Uint8Array, at: number): void {
  for (let i = 0; i < objectIdLength; i++) {
    target[at + i] = (digitOf(hex.charCodeAt(2 * i)) << 4) | digitOf(hex.charCodeAt(2 * i + 1))
  }
}

function digitOf(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57
}

/** The 12 bytes that 24 hex digits name. Throws BadValue for anything else. */
export function parseObjectId(hex: string): Uint8Array {
  if (!isObjectIdHex(hex)) {
    throw new DatabaseError('BadValue', `an ObjectId must be 24 hex digits, not ${JSON.stringify(hex)}`)
  }
  const bytes = new Uint8Array(objectIdLength)
  writeObjectId(hex, bytes, 0)
  return bytes
}
