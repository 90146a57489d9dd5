/** What was done to each collection and how long it took, for `top`. */
import type { OperationKind } from './counters.ts'

export const usageEvents = [
  'total',
  'readLock',
  'writeLock',
  'queries',
  'getmore',
  'insert',
  'update',
  'remove',
  'commands',
] as const
export type UsageEvent = (typeof usageEvents)[number]

export interface Usage {
  count: number
  microseconds: number
}

const eventOf: Readonly<Record<string, UsageEvent>> = {
  find: 'queries',
  getMore: 'getmore',
  insert: 'insert',
  update: 'update',
  delete: 'remove',
}

/** Namespaces that are kept at most: those of collections long gone must not fill the memory. */
const namespacesMax = 10_000

export class UsageByNamespace {
  readonly #namespaces = new Map<string, Map<UsageEvent, Usage>>()

  record(namespace: string, command: string, kind: OperationKind, ms: number): void {
    let events = this.#namespaces.get(namespace)
    if (events === undefined) {
      if (this.#namespaces.size >= namespacesMax) this.#namespaces.clear()
      events = new Map()
      this.#namespaces.set(namespace, events)
    }
    const microseconds = Math.round(ms * 1000)
    add(events, 'total', microseconds)
    add(events, kind === 'writes' ? 'writeLock' : 'readLock', microseconds)
    add(events, Object.hasOwn(eventOf, command) ? eventOf[command]! : 'commands', microseconds)
  }

  of(namespace: string, event: UsageEvent): Usage {
    return this.#namespaces.get(namespace)?.get(event) ?? none
  }
}

const none: Usage = { count: 0, microseconds: 0 }

function add(events: Map<UsageEvent, Usage>, event: UsageEvent, microseconds: number): void {
  const usage = events.get(event)
  if (usage === undefined) events.set(event, { count: 1, microseconds })
  else {
    usage.count++
    usage.microseconds += microseconds
  }
}
