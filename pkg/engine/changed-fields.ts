/**
 * Which top-level fields differ between two versions of a document: what a change leaves as it was need not be looked at by the
 * indexes that are about it.
 *
 *   old   | head, the same | o l d   p a r t | tail, the same |
 *   new   | head, the same | n e w | tail, the same |
 *
 * A field is changed when it reaches into the part between. Both versions must have a field, or their end, begin at the same place of the
 * tail: only then the tail holds the same fields in both.
 */
import { valueEnd } from '../bson/walk.ts'
import type { Index } from '../index/index.ts'
import type { Patch } from './patch.ts'

const noBytes = new Uint8Array(0)

export class ChangedFields {
  #old: Uint8Array = noBytes
  #new: Uint8Array = noBytes
  /** Where names of changed fields begin, and how long they are. */
  readonly #oldNames: number[] = []
  readonly #newNames: number[] = []
  #isAll = true

  /** `patch`: as `document` differs from the version at `start` of `old`; undefined: all of it does. */
  find(old: Uint8Array, start: number, length: number, document: Uint8Array, patch: Patch | undefined): void {
    this.#old = old
    this.#new = document
    this.#isAll = patch === undefined
    if (patch === undefined) return
    const { head, tail } = patch
    const oldRest = namesBetween(old, start, start + head, start + length - tail, this.#oldNames)
    const newRest = namesBetween(document, 0, head, document.length - tail, this.#newNames)
    if (start + length - oldRest !== document.length - newRest) this.#isAll = true
  }

  /** There is but one version: all of it counts. */
  findAll(): void {
    this.#isAll = true
  }

  /** Whether the keys of the index may differ. */
  touch({ roots }: Index): boolean {
    if (this.#isAll || roots === undefined) return true
    for (let i = 0; i < roots.length; i++) {
      if (isAmong(roots[i]!, this.#old, this.#oldNames) || isAmong(roots[i]!, this.#new, this.#newNames)) return true
    }
    return false
  }

  /** Lets go of the documents. */
  forget(): void {
    this.#old = noBytes
    this.#new = noBytes
  }
}

/** Whether the document begins with `_id`, and that lies in the `head` bytes which a patch of it keeps. */
export function keepsId(bytes: Uint8Array, start: number, head: number): boolean {
  const isFirst = bytes[start + 5] === 0x5f && bytes[start + 6] === 0x69 && bytes[start + 7] === 0x64
  if (!isFirst || bytes[start + 8] !== 0) return false
  return valueEnd(bytes, bytes[start + 4]!, start + 9) <= start + head
}

/** Fills `into` with the names of the fields that reach into [from, to); returns where the first field behind them begins. */
function namesBetween(bytes: Uint8Array, start: number, from: number, to: number, into: number[]): number {
  into.length = 0
  let at = start + 4
  for (;;) {
    const type = bytes[at]!
    if (type === 0 || at >= to) return at
    const name = at + 1
    at = name
    while (bytes[at] !== 0) at++
    const nameLength = at - name
    at = valueEnd(bytes, type, at + 1)
    if (at > from) into.push(name, nameLength)
  }
}

function isAmong(root: Uint8Array, bytes: Uint8Array, names: readonly number[]): boolean {
  next: for (let i = 0; i < names.length; i += 2) {
    const start = names[i]!
    if (names[i + 1] !== root.length) continue
    for (let j = 0; j < root.length; j++) if (bytes[start + j] !== root[j]) continue next
    return true
  }
  return false
}
