/**
 * Assertions: what must not happen. They stay on in production; a failed one stops the node rather than
 * letting it go on with a state nobody has thought about. What *can* happen is a `DatabaseError`.
 */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws an `AssertionError` with a literal message when `condition` does not hold. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** Marks a place that an exhaustive `switch` cannot reach. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`)
}
