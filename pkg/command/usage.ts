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

const eventOf: ReadonlyMap<string, UsageEvent> = new Map([
  ['find', 'queries'],
  ['getMore', 'getmore'],
  ['insert', 'insert'],
  ['update', 'update'],
  ['delete', 'remove'],
])

/** Namespaces that are kept at most: those of collections long gone must not fill the memory. */
const namespacesMax = 10_000

export class UsageByNamespace {
  readonly #namespaces = new Map<string, Readonly<Record<UsageEvent, Usage>>>()

  record(namespace: string, command: string, kind: OperationKind, ms: number): void {
    let events = this.#namespaces.get(namespace)
    if (events === undefined) {
      if (this.#namespaces.size >= namespacesMax) this.#namespaces.clear()
      events = newUsages()
      this.#namespaces.set(namespace, events)
    }
    const microseconds = Math.round(ms * 1000)
    add(events.total, microseconds)
    add(kind === 'writes' ? events.writeLock : events.readLock, microseconds)
    add(events[eventOf.get(command) ?? 'commands'], microseconds)
  }

  of(namespace: string, event: UsageEvent): Usage {
    return this.#namespaces.get(namespace)?.[event] ?? none
  }
}

const none: Usage = { count: 0, microseconds: 0 }

function newUsages(): Readonly<Record<UsageEvent, Usage>> {
  const unused = (): Usage => ({ count: 0, microseconds: 0 })
  return {
    total: unused(),
    readLock: unused(),
    writeLock: unused(),
    queries: unused(),
    getmore: unused(),
    insert: unused(),
    update: unused(),
    remove: unused(),
    commands: unused(),
  }
}

function add(usage: Usage, microseconds: number): void {
  usage.count++
  usage.microseconds += microseconds
}
