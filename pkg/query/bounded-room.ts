/** Room that many owners share: when it is full, what was used longest ago is forgotten, whoever it belongs to. */
export interface Lodger {
  /** How much of the room it takes. */
  readonly weight: number
  /** It is thrown out: its owner lets go of it. */
  forget(): void
}

export class BoundedRoom {
  readonly #weightMax: number
  /** Those used longest ago come first. */
  readonly #lodgers = new Set<Lodger>()
  weight = 0

  constructor(weightMax: number) {
    this.#weightMax = weightMax
  }

  /** Takes it in, or, if it is in, notes that it was used. */
  use(lodger: Lodger): void {
    if (!this.#lodgers.delete(lodger)) this.weight += lodger.weight
    this.#lodgers.add(lodger)
    for (const oldest of this.#lodgers) {
      if (this.weight <= this.#weightMax || oldest === lodger) return
      this.leave(oldest)
      oldest.forget()
    }
  }

  leave(lodger: Lodger): void {
    if (this.#lodgers.delete(lodger)) this.weight -= lodger.weight
  }
}
