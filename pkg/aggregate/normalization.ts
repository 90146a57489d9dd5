/** Ways to bring scores of different origin to one scale, as `$score` and `$scoreFusion` name them. */
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { readString, type Value } from '../bson/value.ts'
import { wrongType } from './fusion-fields.ts'

export type Normalization = 'none' | 'sigmoid' | 'minMaxScaler'

const normalizations: ReadonlySet<string> = new Set<Normalization>(['none', 'sigmoid', 'minMaxScaler'])

/** Errors: TypeMismatch, BadValue. */
export function parseNormalization(path: string, value: Value): Normalization {
  if (value.type !== bsonType.string) throw wrongType(path, value, 'string')
  const name = readString(value.bytes, value.start)
  if (normalizations.has(name)) return name as Normalization
  throw new DatabaseError('BadValue', `Enumeration value '${name}' for field '${path}' is not a valid value.`)
}

/** The scores of one list of documents: all are met before the first is asked for. */
export class Scale {
  readonly #normalization: Normalization
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY

  constructor(normalization: Normalization) {
    this.#normalization = normalization
  }

  meet(score: number): void {
    if (score < this.#min) this.#min = score
    if (score > this.#max) this.#max = score
  }

  /** Of equal scores all are 0 by their least and greatest. */
  normalized(score: number): number {
    switch (this.#normalization) {
      case 'none':
        return score
      case 'sigmoid':
        return 1 / (1 + Math.exp(-score))
      case 'minMaxScaler':
        return this.#max === this.#min ? 0 : (score - this.#min) / (this.#max - this.#min)
    }
  }
}
