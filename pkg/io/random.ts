/** Randomness as a parameter: the host's generator in production, a seeded one in tests. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Fills and returns `length` bytes. */
  bytes(length: number): Uint8Array
}
