/** Time as a parameter: the host's clock in production, a simulated one in tests. */
export interface Clock {
  /** Wall time, milliseconds since the epoch. May jump. */
  nowMs(): number
  /** Milliseconds from an arbitrary start, with a fraction. Never goes backwards. */
  monotonicMs(): number
  /** How long the thread has had nothing to do, in milliseconds since its start. */
  idleMs(): number
  /** Runs `action` once after `delayMs`. Keeps the process alive only if `isAwaited`: somebody cannot go on before. */
  setTimer(delayMs: number, action: () => void, isAwaited?: boolean): Timer
  /** Runs `action` once the I/O that is ready now has been handled: how a group of requests is gathered. */
  defer(action: () => void): void
  /** Lets other requests run; long work awaits this every few milliseconds. */
  yield(): Promise<void>
}

export interface Timer {
  cancel(): void
}
