/** MD5 (RFC 1321), piece by piece: what `dbHash` tells. It protects nothing. */
import { createHash, type Hash } from 'node:crypto'

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
