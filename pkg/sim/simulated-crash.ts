/** Thrown by a simulated disk at the operation at which it was told to crash, and by every later one: unwinds the code under test. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash'

  constructor(operation: string) {
    super(`simulated crash at ${operation}`)
  }
}
