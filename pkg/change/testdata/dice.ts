import { SeededRandom } from '../../sim/random.ts'

/** Choices of a random workload. */
export class Dice {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  below(limit: number): number {
    return this.#random.integer(limit)
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  value(): unknown {
    return this.pick<unknown>([this.below(100), 'text', { k: this.below(5), '0': [1] }, [this.below(4), 'z'], null, 1.5])
  }
}
