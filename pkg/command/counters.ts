/** What was done since the start, for serverStatus. */
export class Counters {
  insert = 0
  query = 0
  update = 0
  delete = 0
  getmore = 0
  /** Documents. */
  inserted = 0
  updated = 0
  deleted = 0
  returned = 0
  connectionsCreated = 0
  requests = 0
  bytesIn = 0
  bytesOut = 0
  /** Errors in replies, by kind. */
  userErrors = 0
  internalErrors = 0
  readonly commands = new Map<string, CommandCounts>()
  readonly latencies: Readonly<Record<OperationKind, { operations: number; ms: number }>> = {
    reads: { operations: 0, ms: 0 },
    writes: { operations: 0, ms: 0 },
    commands: { operations: 0, ms: 0 },
  }

  finished(command: string, kind: OperationKind, ms: number): void {
    const counts = this.#counted(command)
    counts.total++
    counts.sumMs += ms
    let bucket = 0
    while (bucket < latencyBoundsMs.length && ms > latencyBoundsMs[bucket]!) bucket++
    counts.buckets[bucket]!++
    const latency = this.latencies[kind]
    latency.operations++
    latency.ms += ms
  }

  failed(command: string): void {
    const counts = this.#counted(command)
    counts.total++
    counts.failed++
  }

  #counted(command: string): CommandCounts {
    let counts = this.commands.get(command)
    if (counts === undefined) {
      counts = { total: 0, failed: 0, sumMs: 0, buckets: new Float64Array(latencyBoundsMs.length + 1) }
      this.commands.set(command, counts)
    }
    return counts
  }
}

export interface CommandCounts {
  total: number
  failed: number
  /** How long those that did not fail took, together. */
  sumMs: number
  /** How many took at most as long as the bound of `latencyBoundsMs`; the last one: longer than all. */
  readonly buckets: Float64Array
}

export const latencyBoundsMs: readonly number[] = [
  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000,
]

/** How MongoDB sorts commands in its latency statistics. */
export type OperationKind = 'reads' | 'writes' | 'commands'
