/**
 * Digests that clients are told: MD5 (RFC 1321), piece by piece, for `dbHash`; SHA-256 for shapes of queries, with a client's key for names in
 * them (RFC 2104). They protect nothing else.
 */
import { createHash, createHmac, type Hash } from 'node:crypto'

export class Md5 {
  readonly #hash: Hash = createHash('md5')

  update(bytes: Uint8Array, start: number, end: number): void {
    this.#hash.update(bytes.subarray(start, end))
  }

  /** The digest in hexadecimal digits; nothing can be added afterwards. */
  digest(): string {
    return this.#hash.digest('hex')
  }
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').toUpperCase()
}

/** In base64. */
export function hmacSha256(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64')
}
