/**
 * Whether a history of operations on a register is linearizable (Wing and Gong, 1993): whether each of them can have
 * happened at one moment between its beginning and its end, so that every answer is right.
 *
 * A search over what can have happened next: an operation that had begun before any of the others ended. States that were
 * reached before (which operations have happened, what the register holds) are not searched again (Lowe, 2017).
 */
export type RegisterOperation = {
  readonly beganAt: number
  /** Infinity: nobody was told the outcome; it may have happened at any time since, or not at all. */
  readonly endedAt: number
} & (
  | { readonly kind: 'write'; readonly value: number }
  | { readonly kind: 'read'; readonly value: number }
  /** Sets `to` if the register holds `from`; `done`: whether it did. */
  | { readonly kind: 'compareAndSet'; readonly from: number; readonly to: number; readonly done: boolean }
)

/** undefined: it is; otherwise what cannot have happened. `initial`: what the register holds before all. */
export function checkRegister(history: readonly RegisterOperation[], initial: number): string | undefined {
  const operations = history
    // A read of which nobody was told says nothing.
    .filter((operation) => operation.endedAt !== Number.POSITIVE_INFINITY || operation.kind !== 'read')
    .sort((a, b) => a.beganAt - b.beganAt)
  const happened = new Uint8Array(operations.length)
  const seen = new Set<string>()
  let furthest = 0
  /** The operations before `first` have all happened. */
  const search = (first: number, state: number, left: number): boolean => {
    if (left === 0) return true
    const key = keyOf(operations, happened, first, state)
    if (seen.has(key)) return false
    seen.add(key)
    furthest = Math.max(furthest, first)
    let earliestEnd = Number.POSITIVE_INFINITY
    for (let i = first; i < operations.length && operations[i]!.beganAt < earliestEnd; i++) {
      if (happened[i] === 0) earliestEnd = Math.min(earliestEnd, operations[i]!.endedAt)
    }
    for (let i = first; i < operations.length && operations[i]!.beganAt < earliestEnd; i++) {
      if (happened[i] === 1) continue
      const operation = operations[i]!
      const next = after(operation, state)
      if (next === undefined) continue
      happened[i] = 1
      let from = first
      while (from < operations.length && happened[from] === 1) from++
      if (search(from, next, left - (operation.endedAt === Number.POSITIVE_INFINITY ? 0 : 1))) return true
      happened[i] = 0
    }
    return false
  }
  const certain = operations.filter((operation) => operation.endedAt !== Number.POSITIVE_INFINITY).length
  if (search(0, initial, certain)) return undefined
  return `no order explains what happened around ${JSON.stringify(operations.slice(Math.max(0, furthest - 3), furthest + 4))}`
}

/** The register afterwards; undefined: its answer is wrong in this state. */
function after(operation: RegisterOperation, state: number): number | undefined {
  switch (operation.kind) {
    case 'write':
      return operation.value
    case 'read':
      return operation.value === state ? state : undefined
    case 'compareAndSet':
      if (operation.endedAt === Number.POSITIVE_INFINITY) return state === operation.from ? operation.to : state
      if (operation.done !== (state === operation.from)) return undefined
      return operation.done ? operation.to : state
  }
}

function keyOf(operations: readonly RegisterOperation[], happened: Uint8Array, first: number, state: number): string {
  let last = operations.length
  while (last > first && happened[last - 1] === 0) last--
  return `${first}/${state}/${happened.subarray(first, last).join('')}`
}
