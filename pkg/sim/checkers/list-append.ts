/**
 * Looks for dependency cycles in a history of transactions that append to lists and read them, after the idea of Elle (Kingsbury
 * and Alvaro, VLDB 2020): every appended value is different, so that a list that was read tells all writes before it, in
 * their order. From these the edges between transactions follow:
 *
 *   ww   a's append comes right before b's in a list
 *   wr   b read a list that ends with a's append
 *   rw   a read a list to which b's append came next
 *   rt   a had ended before b began
 *
 *   anomaly            what it is
 *   internal           a transaction does not see its own appends, or two of its reads differ
 *   duplicate          a value is in a list twice
 *   incompatible order two reads of a list, neither of which is the beginning of the other
 *   G1a                a read of what an aborted transaction appended
 *   G1b                a read of what a transaction appended before its last append to the same list
 *   stale read         a read without what had been committed before the reader began
 *   G0                 a cycle of ww edges
 *   G1c                a cycle of ww and wr edges
 *   G-single           a cycle with exactly one rw edge
 *   G2-item            a cycle with more
 *
 * Snapshot isolation forbids all but G2-item, serializability all of them.
 */
export type ListOperation =
  | { readonly kind: 'append'; readonly key: number; readonly value: number }
  | { readonly kind: 'read'; readonly key: number; readonly values: readonly number[] }

export interface ListTransaction {
  readonly operations: readonly ListOperation[]
  /** `unknown`: nobody was told, so that it may have committed. */
  readonly outcome: 'committed' | 'aborted' | 'unknown'
  /** Positions in one order of events over all clients. */
  readonly beganAt: number
  readonly endedAt: number
}

export interface Anomaly {
  readonly kind: string
  readonly about: string
}

type EdgeKind = 'ww' | 'wr' | 'rw' | 'rt'

interface Edge {
  readonly to: number
  readonly kind: EdgeKind
  readonly about: string
}

export function checkListAppend(history: readonly ListTransaction[]): Anomaly[] {
  const anomalies: Anomaly[] = []
  const found = (kind: string, about: string): void => void anomalies.push({ kind, about })
  const writers = writersOf(history, found)
  const visible = visibleTransactions(history, writers)
  for (const [id, transaction] of history.entries()) {
    if (transaction.outcome === 'committed') checkReads(id, transaction, history, writers, found)
  }
  const orders = versionOrders(history, found)
  checkFreshness(history, found)
  const edges = dependencies(history, visible, writers, orders)
  findCycles(edges, found)
  return anomalies
}

type Found = (kind: string, about: string) => void

/** Which transaction appended a value; the history's values are all different. */
function writersOf(history: readonly ListTransaction[], found: Found): ReadonlyMap<number, number> {
  const writers = new Map<number, number>()
  for (const [id, { operations }] of history.entries()) {
    for (const operation of operations) {
      if (operation.kind !== 'append') continue
      if (writers.has(operation.value)) found('bad history', `${operation.value} is appended twice`)
      writers.set(operation.value, id)
    }
  }
  return writers
}

/** Committed, or nobody knows but somebody has read what it wrote. */
function visibleTransactions(
  history: readonly ListTransaction[],
  writers: ReadonlyMap<number, number>,
): ReadonlySet<number> {
  const visible = new Set<number>()
  for (const [id, transaction] of history.entries()) {
    if (transaction.outcome !== 'committed') continue
    visible.add(id)
    for (const operation of transaction.operations) {
      if (operation.kind !== 'read') continue
      for (const value of operation.values) {
        const writer = writers.get(value)
        if (writer !== undefined && history[writer]!.outcome === 'unknown') visible.add(writer)
      }
    }
  }
  return visible
}

/** What one transaction read: against itself, and against what the others came to. */
function checkReads(
  id: number,
  transaction: ListTransaction,
  history: readonly ListTransaction[],
  writers: ReadonlyMap<number, number>,
  found: Found,
): void {
  const expected = new Map<number, readonly number[]>()
  const appended = new Map<number, number[]>()
  for (const operation of transaction.operations) {
    const { key } = operation
    if (operation.kind === 'append') {
      const known = expected.get(key)
      if (known !== undefined) expected.set(key, [...known, operation.value])
      appended.set(key, [...(appended.get(key) ?? []), operation.value])
      continue
    }
    const { values } = operation
    const known = expected.get(key)
    const own = appended.get(key) ?? []
    const isConsistent = known === undefined ? endsWith(values, own) : isSame(values, known)
    if (!isConsistent) found('internal', `T${id} read ${shown(key, values)}, but knew ${shown(key, known ?? own)}`)
    expected.set(key, values)
    if (new Set(values).size < values.length) found('duplicate', `T${id} read ${shown(key, values)}`)
    for (const [at, value] of values.entries()) {
      const writer = writers.get(value)
      if (writer === undefined) found('phantom value', `T${id} read ${value}, which nobody appended`)
      else if (writer !== id) checkWriter(id, writer, key, values, at, history, found)
    }
  }
}

function checkWriter(
  id: number,
  writer: number,
  key: number,
  values: readonly number[],
  at: number,
  history: readonly ListTransaction[],
  found: Found,
): void {
  const { outcome, operations } = history[writer]!
  if (outcome === 'aborted') found('G1a', `T${id} read ${values[at]} of T${writer}, which was aborted`)
  if (at !== values.length - 1) return
  const last = operations.findLast((other) => other.kind === 'append' && other.key === key)
  if (last?.kind === 'append' && last.value !== values[at])
    found('G1b', `T${id} read ${values[at]} of T${writer}, which appended ${last.value} after it`)
}

/** For each key the longest list that was read, which all other reads begin like. */
function versionOrders(history: readonly ListTransaction[], found: Found): ReadonlyMap<number, readonly number[]> {
  const orders = new Map<number, readonly number[]>()
  const reads = history.flatMap(({ outcome, operations }, id) =>
    outcome === 'committed' ? operations.flatMap((each) => (each.kind === 'read' ? [{ id, ...each }] : [])) : [],
  )
  for (const { key, values } of reads) {
    if (values.length > (orders.get(key)?.length ?? -1)) orders.set(key, values)
  }
  for (const { id, key, values } of reads) {
    const order = orders.get(key)!
    if (!isSame(values, order.slice(0, values.length)))
      found('incompatible order', `T${id} read ${shown(key, values)}, another ${shown(key, order)}`)
  }
  return orders
}

/** What was committed before a reader began is in what it reads. */
function checkFreshness(history: readonly ListTransaction[], found: Found): void {
  const appends = history
    .flatMap(({ outcome, operations, endedAt }, id) =>
      outcome === 'committed'
        ? operations.flatMap((each) => (each.kind === 'append' ? [{ id, endedAt, ...each }] : []))
        : [],
    )
    .sort((a, b) => a.endedAt - b.endedAt)
  for (const [id, { outcome, operations, beganAt }] of history.entries()) {
    if (outcome !== 'committed') continue
    for (const operation of operations) {
      if (operation.kind !== 'read') continue
      const there = new Set(operation.values)
      for (const append of appends) {
        if (append.endedAt >= beganAt) break
        if (append.key === operation.key && !there.has(append.value))
          found(
            'stale read',
            `T${id} read ${shown(append.key, operation.values)} without ${append.value} of T${append.id}`,
          )
      }
    }
  }
}

function dependencies(
  history: readonly ListTransaction[],
  visible: ReadonlySet<number>,
  writers: ReadonlyMap<number, number>,
  orders: ReadonlyMap<number, readonly number[]>,
): readonly (readonly Edge[])[] {
  const edges: Edge[][] = history.map(() => [])
  const add = (from: number | undefined, to: number | undefined, kind: EdgeKind, about: string): void => {
    if (from === undefined || to === undefined || from === to || !visible.has(from) || !visible.has(to)) return
    edges[from]!.push({ to, kind, about })
  }
  for (const [key, order] of orders) {
    for (let i = 1; i < order.length; i++)
      add(writers.get(order[i - 1]!), writers.get(order[i]!), 'ww', `list ${key}: ${order[i - 1]}, ${order[i]}`)
  }
  for (const [id, { outcome, operations }] of history.entries()) {
    if (outcome !== 'committed') continue
    for (const operation of operations) {
      if (operation.kind !== 'read') continue
      const { key } = operation
      // What the transaction itself appended tells nothing about the others.
      const values = operation.values.filter((value) => writers.get(value) !== id)
      const order = orders.get(key)!
      if (values.length > 0) add(writers.get(values.at(-1)!), id, 'wr', `list ${key}: ${values.at(-1)}`)
      if (operation.values.length < order.length && values.length === operation.values.length)
        add(id, writers.get(order[values.length]!), 'rw', `list ${key}: ${order[values.length]}`)
    }
  }
  addRealTime(history, visible, add)
  return edges
}

function addRealTime(
  history: readonly ListTransaction[],
  visible: ReadonlySet<number>,
  add: (from: number, to: number, kind: EdgeKind, about: string) => void,
): void {
  const ids = [...visible].filter((id) => history[id]!.outcome === 'committed')
  for (const from of ids) {
    const after = ids.filter((to) => history[to]!.beganAt > history[from]!.endedAt)
    // Those that begin before the first of these has ended stand for all that come later.
    const firstEnd = Math.min(...after.map((to) => history[to]!.endedAt))
    for (const to of after) if (history[to]!.beganAt <= firstEnd) add(from, to, 'rt', 'in time')
  }
}

const byKind: readonly (readonly [string, readonly EdgeKind[]])[] = [
  ['G0', ['ww']],
  ['G1c', ['ww', 'wr']],
  ['G1c', ['ww', 'wr', 'rt']],
]

function findCycles(edges: readonly (readonly Edge[])[], found: Found): void {
  for (const [kind, kinds] of byKind) {
    const cycle = cycleOf(edges, kinds)
    if (cycle !== undefined) {
      found(kind, cycle)
      break
    }
  }
  const single = rwCycle(edges, ['ww', 'wr', 'rt'])
  if (single !== undefined) found('G-single', single)
  const several = rwCycle(edges, ['ww', 'wr', 'rt', 'rw'])
  if (several !== undefined && single === undefined) found('G2-item', several)
}

/** A cycle of edges of these kinds. */
function cycleOf(edges: readonly (readonly Edge[])[], kinds: readonly EdgeKind[]): string | undefined {
  for (const start of edges.keys()) {
    for (const edge of edges[start]!) {
      if (!kinds.includes(edge.kind)) continue
      const back = pathBetween(edges, edge.to, start, kinds)
      if (back !== undefined) return `T${start} ${arrow(edge)} ${back}`
    }
  }
  return undefined
}

/** A cycle that begins with an rw edge and comes back by edges of `kinds`. */
function rwCycle(edges: readonly (readonly Edge[])[], kinds: readonly EdgeKind[]): string | undefined {
  for (const start of edges.keys()) {
    for (const edge of edges[start]!) {
      if (edge.kind !== 'rw') continue
      const back = pathBetween(edges, edge.to, start, kinds)
      if (back !== undefined) return `T${start} ${arrow(edge)} ${back}`
    }
  }
  return undefined
}

/** The shortest path, breadth first. */
function pathBetween(
  edges: readonly (readonly Edge[])[],
  from: number,
  to: number,
  kinds: readonly EdgeKind[],
): string | undefined {
  const via = new Map<number, { readonly node: number; readonly edge: Edge } | undefined>([[from, undefined]])
  const queue = [from]
  for (let head = 0; head < queue.length; head++) {
    const node = queue[head]!
    if (node === to) {
      let text = `T${to}`
      for (let step = via.get(to); step !== undefined; step = via.get(step.node))
        text = `T${step.node} ${arrow(step.edge)} ${text}`
      return text
    }
    for (const edge of edges[node]!) {
      if (via.has(edge.to) || !kinds.includes(edge.kind)) continue
      via.set(edge.to, { node, edge })
      queue.push(edge.to)
    }
  }
  return undefined
}

function arrow({ kind, about }: Edge): string {
  return `-${kind} (${about})->`
}

function shown(key: number, values: readonly number[]): string {
  return `list ${key} as [${values.join(' ')}]`
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function endsWith(values: readonly number[], end: readonly number[]): boolean {
  return isSame(values.slice(values.length - end.length), end)
}
