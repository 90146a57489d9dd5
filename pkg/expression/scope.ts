/** Which variables an expression may name, and the slots of `EvaluationContext.variables` where their values are. */
import { DatabaseError } from '../base/errors.ts'
import { rootVariable } from './expression.ts'

export class Scope {
  readonly #slots: ReadonlyMap<string, number>
  readonly #allocation: { next: number }

  private constructor(slots: ReadonlyMap<string, number>, allocation: { next: number }) {
    this.#slots = slots
    this.#allocation = allocation
  }

  /** ROOT, CURRENT and nothing else of the user's. */
  static outermost(): Scope {
    return new Scope(
      new Map([
        ['ROOT', rootVariable],
        ['CURRENT', rootVariable],
      ]),
      { next: rootVariable + 1 },
    )
  }

  /** This scope with further variables, and their slots in the order of the names. */
  with(names: readonly string[]): { scope: Scope; slots: number[] } {
    const slots = names.map(() => this.#allocation.next++)
    const inner = new Map(this.#slots)
    names.forEach((name, i) => {
      inner.set(name, slots[i]!)
    })
    return { scope: new Scope(inner, this.#allocation), slots }
  }

  /** Errors: 17276 for a variable that is not there. */
  slotOf(name: string): number {
    const slot = this.#slots.get(name)
    if (slot === undefined) throw new DatabaseError(17276, `Use of undefined variable: ${name}`)
    return slot
  }
}

/** Errors: FailedToParse for a name that `$let` and kin may not define. */
export function refuseUnfitVariableName(name: string): void {
  if (name === '') throw new DatabaseError('FailedToParse', 'empty variable names are not allowed')
  if (name === 'CURRENT') return
  if (!/^[a-z\u0080-\u{10ffff}]/u.test(name)) {
    throw new DatabaseError('FailedToParse', `'${name}' starts with an invalid character for a user variable name`)
  }
  refuseUnfitCharacters(name)
}

/** Errors: FailedToParse for a name with a character that no variable's name has. */
export function refuseUnfitCharacters(name: string): void {
  const unfit = /[^a-zA-Z0-9_\u0080-\u{10ffff}]/u.exec(name)
  if (unfit !== null) {
    throw new DatabaseError(
      'FailedToParse',
      `'${name}' contains an invalid character for a variable name: '${unfit[0]}'`,
    )
  }
}
