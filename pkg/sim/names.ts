/**
 * The names of a simulated disk: which exist now, and which of the changes to them a crash may still undo.
 *
 * A change (create, remove, rename, make a folder) touches one or two names and happens wholly or not at all. It is
 * durable after `sync` of a folder that holds one of its names. A change that builds on an earlier one of the same name
 * survives only if that one does; and what is in a folder survives only if the folder does.
 */
import { DiskError } from '../io/disk.ts'
import type { Inode } from './inode.ts'
import type { SeededRandom } from './random.ts'

type Entry = Inode | 'folder'

interface Change {
  readonly puts: ReadonlyMap<string, Entry | undefined>
}

export class Names {
  readonly #live: Map<string, Entry>
  readonly #durable: Map<string, Entry>
  #pending: Change[] = []

  constructor(durable: ReadonlyMap<string, Entry> = new Map()) {
    this.#live = new Map(durable)
    this.#durable = new Map(durable)
  }

  file(path: string): Inode | undefined {
    const entry = this.#live.get(path)
    if (entry === 'folder' || path === '') throw new DiskError('EIO', path, 'is a folder')
    return entry
  }

  exists(path: string): boolean {
    return path === '' || this.#live.has(path)
  }

  files(): Inode[] {
    return [...this.#live.values()].filter((entry) => entry !== 'folder')
  }

  list(folder: string): string[] {
    const names: string[] = []
    for (const path of this.#live.keys()) if (folderOf(path) === folder) names.push(nameOf(path))
    return names.sort()
  }

  create(path: string, inode: Inode): void {
    this.#requireFolder(path)
    this.#change(new Map([[path, inode]]))
  }

  makeFolder(path: string): void {
    if (this.exists(path)) {
      if (path !== '' && this.#live.get(path) !== 'folder') throw new DiskError('EEXIST', path, 'a file has this name')
      return
    }
    this.makeFolder(folderOf(path))
    this.#change(new Map([[path, 'folder']]))
  }

  remove(path: string): Inode | undefined {
    const inode = this.file(path)
    if (inode !== undefined) this.#change(new Map([[path, undefined]]))
    return inode
  }

  /** Returns the file that had the name `to`. */
  rename(from: string, to: string): Inode | undefined {
    const inode = this.file(from)
    if (inode === undefined) throw new DiskError('ENOENT', from, 'no such file')
    this.#requireFolder(to)
    const replaced = this.file(to)
    if (from === to) return undefined
    this.#change(
      new Map([
        [from, undefined],
        [to, inode],
      ]),
    )
    return replaced
  }

  sync(folder: string): void {
    if (folder !== '' && this.#live.get(folder) !== 'folder') throw new DiskError('ENOENT', folder, 'no such folder')
    const wanted = new Set<Change>()
    for (const change of this.#pending) {
      if ([...change.puts.keys()].some((path) => folderOf(path) === folder)) {
        wanted.add(change)
        for (const earlier of this.#basis(change)) wanted.add(earlier)
      }
    }
    for (const change of this.#pending) if (wanted.has(change)) apply(change, this.#durable)
    this.#pending = this.#pending.filter((change) => !wanted.has(change))
  }

  /** The names after a crash that keeps each unsynced change with the given probability; each inode is passed through `image`. */
  survivor(probability: number, random: SeededRandom, image: (inode: Inode) => Inode): Names {
    const names = new Map(this.#durable)
    const dropped = new Set<Change>()
    for (const change of this.#pending) {
      const survives = random.next() < probability && !this.#basis(change).some((earlier) => dropped.has(earlier))
      if (survives) apply(change, names)
      else dropped.add(change)
    }
    for (const path of names.keys()) if (!isReachable(path, names)) names.delete(path)
    for (const [path, entry] of names) if (entry !== 'folder') names.set(path, image(entry))
    return new Names(names)
  }

  /** The pending changes that `change` builds on, however far back: those of the same names. */
  #basis(change: Change): Change[] {
    const needed = new Set(change.puts.keys())
    const basis: Change[] = []
    for (let at = this.#pending.indexOf(change) - 1; at >= 0; at--) {
      const earlier = this.#pending[at]!
      if (![...earlier.puts.keys()].some((path) => needed.has(path))) continue
      basis.push(earlier)
      for (const path of earlier.puts.keys()) needed.add(path)
    }
    return basis
  }

  #change(puts: ReadonlyMap<string, Entry | undefined>): void {
    const change = { puts }
    apply(change, this.#live)
    this.#pending.push(change)
  }

  #requireFolder(path: string): void {
    const folder = folderOf(path)
    if (folder !== '' && this.#live.get(folder) !== 'folder') throw new DiskError('ENOENT', path, 'no such folder')
  }
}

function apply(change: Change, names: Map<string, Entry>): void {
  for (const [path, entry] of change.puts) {
    if (entry === undefined) names.delete(path)
    else names.set(path, entry)
  }
}

/** A name in a folder that did not survive is gone, synced or not. */
function isReachable(path: string, names: ReadonlyMap<string, Entry>): boolean {
  for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) {
    if (names.get(folder) !== 'folder') return false
  }
  return true
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
