/** The tails of long keys: read from their chains while the page that names them is pinned. */
import { compareRanges } from './copy.ts'
import { readChain } from './overflow.ts'
import type { KeyTails, Page } from './page.ts'
import type { Pager } from './pager.ts'

export class KeyTailReader implements KeyTails {
  readonly #pager: Pager
  #tail = new Uint8Array(0)

  constructor(pager: Pager) {
    this.#pager = pager
  }

  compare(page: Page, first: number, length: number, key: Uint8Array, start: number, keyLength: number): number {
    if (this.#tail.length < length) this.#tail = new Uint8Array(length)
    this.read(page, first, length, this.#tail, 0)
    return compareRanges(this.#tail, 0, length, key, start, keyLength)
  }

  read(page: Page, first: number, length: number, target: Uint8Array, at: number): void {
    const pager = this.#pager
    // A view over memory of its own names a page that may be in no frame.
    const frame = pager.frameOf[page.id] ?? 0
    if (frame > 0) pager.pin(frame)
    try {
      readChain(pager, first, length, target, at)
    } finally {
      if (frame > 0) pager.unpin(frame)
    }
  }
}
