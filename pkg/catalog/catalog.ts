/** Which collections there are, by id and by name. A database is there while it has a collection. */
import { assert } from '../base/assert.ts'
import type { CollectionId } from '../base/ids.ts'

export interface CatalogEntry {
  readonly id: CollectionId
  readonly database: string
  readonly name: string
}

export class Catalog<Entry extends CatalogEntry> {
  readonly #byId = new Map<CollectionId, Entry>()
  readonly #byName = new Map<string, Map<string, Entry>>()

  get(database: string, name: string): Entry | undefined {
    return this.#byName.get(database)?.get(name)
  }

  byId(id: CollectionId): Entry | undefined {
    return this.#byId.get(id)
  }

  /** Database names, sorted. */
  databases(): string[] {
    return [...this.#byName.keys()].sort()
  }

  /** The collections of a database, sorted by name. */
  collections(database: string): Entry[] {
    const entries = [...(this.#byName.get(database)?.values() ?? [])]
    return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  }

  all(): IterableIterator<Entry> {
    return this.#byId.values()
  }

  /** The name as it is spelled by a database that differs from `database` only in case, if there is one. */
  databaseDifferingInCase(database: string): string | undefined {
    const lower = database.toLowerCase()
    for (const name of this.#byName.keys()) if (name !== database && name.toLowerCase() === lower) return name
    return undefined
  }

  add(entry: Entry): void {
    assert(!this.#byId.has(entry.id), 'a collection id is used once')
    assert(this.get(entry.database, entry.name) === undefined, 'a collection name is used once')
    this.#byId.set(entry.id, entry)
    this.#addName(entry)
  }

  #addName(entry: Entry): void {
    let names = this.#byName.get(entry.database)
    if (names === undefined) {
      names = new Map()
      this.#byName.set(entry.database, names)
    }
    names.set(entry.name, entry)
  }

  remove(entry: Entry): void {
    assert(this.#byId.delete(entry.id), 'a removed collection is in the catalog')
    this.#removeName(entry)
  }

  /** It is found by its id only, until `show`. Its name stays free for nobody else: that is the caller's to see to. */
  hide(entry: Entry): void {
    this.#removeName(entry)
  }

  show(entry: Entry): void {
    this.#addName(entry)
  }

  #removeName(entry: Entry): void {
    const names = this.#byName.get(entry.database)!
    names.delete(entry.name)
    if (names.size === 0) this.#byName.delete(entry.database)
  }
}
