import { fieldsPredicate } from './filter/fields.ts'
import type { FieldTest, Predicate } from './filter/operator.ts'
import { parsePath } from './path.ts'

/** From so many documents on the dearer, faster way pays. */
const hotAfterDocuments = 2048

/** Finds one top-level field in very many documents, by code made for the shape that they mostly have. */
export class FieldFinder {
  readonly #tests: readonly FieldTest[]
  #pass: Predicate
  #untilHot = hotAfterDocuments
  /** Of the field found last: its type, 0 when it is missing, and where its value lies. */
  type = 0
  at = 0

  /** `name`: without dots. */
  constructor(name: string) {
    const test = (type: number, _bytes: Uint8Array, at: number): boolean => {
      this.type = type
      this.at = at
      return true
    }
    this.#tests = [{ part: parsePath(name).parts[0]!, test }]
    this.#pass = fieldsPredicate(this.#tests)
  }

  /** Whether the document at `start` has the field. */
  find(bytes: Uint8Array, start: number): boolean {
    if (this.#untilHot > 0 && --this.#untilHot === 0) this.#pass = fieldsPredicate(this.#tests, { bytes, start })
    this.type = 0
    this.#pass(bytes, start)
    return this.type !== 0
  }
}
