/**
 * Trees that were dropped and whose pages are not all free yet. A drop itself takes no longer for a large collection than for a
 * small one: it puts the trees here, and their pages are freed in slices. The catalog tree names what is left at each
 * checkpoint, so that the next process goes on where this one ended.
 */
import { DatabaseError } from '../base/errors.ts'
import type { PageId } from '../base/ids.ts'
import { buildDocument } from '../bson/build.ts'
import { documentFields, documentOf, numberOf } from '../bson/value.ts'
import { FieldReader } from '../catalog/collection-record.ts'
import type { VersionedMap } from '../mvcc/versioned-map.ts'
import type { Store } from '../storage/store.ts'
import type { Tree } from '../storage/tree.ts'

/** Where the catalog tree has them: no collection has the id 0. */
const catalogKey = new Uint8Array(4)

export class DroppedTrees {
  readonly #store: Store
  readonly #catalogTree: Tree
  readonly #trees: Tree[] = []
  /** Roots of damaged ones, of which no more can be freed: they stay where they are. */
  readonly #damaged: PageId[] = []
  #stored = false

  constructor(store: Store, catalogTree: Tree) {
    this.#store = store
    this.#catalogTree = catalogTree
  }

  /** Whether there is something to free. */
  get waiting(): boolean {
    return this.#trees.length > 0
  }

  /** The map's tree is gone from now on. */
  add(map: VersionedMap): void {
    map.leave()
    this.#drop(map.tree)
  }

  /** As `add`, of a tree that nobody has opened. */
  addRoot(root: PageId): void {
    try {
      this.#drop(this.#store.openTree(root))
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#damaged.push(root)
    }
  }

  /** Frees about `pageCountMax` pages; true when nothing waits any more. */
  freeSlice(pageCountMax: number): boolean {
    const tree = this.#trees.at(-1)
    if (tree === undefined) return true
    try {
      if (this.#store.freeTree(tree, pageCountMax)) this.#trees.pop()
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#trees.pop()
      this.#damaged.push(tree.root)
    }
    return this.#trees.length === 0
  }

  roots(): PageId[] {
    return [...this.#trees.map((tree) => tree.root), ...this.#damaged]
  }

  /** Whether a catalog entry under this key is the one written here. */
  isOwnKey(key: Uint8Array): boolean {
    return catalogKey.every((byte, i) => byte === key[i])
  }

  load(entry: Uint8Array): void {
    this.#stored = true
    for (const root of documentFields(documentOf(new FieldReader(entry).get('dropped')))) {
      this.addRoot(numberOf(root) as PageId)
    }
  }

  /** Brings the catalog tree up to date. */
  store(): void {
    const roots = this.roots()
    if (roots.length === 0) {
      if (this.#stored) this.#catalogTree.delete(catalogKey, catalogKey.length)
      this.#stored = false
      return
    }
    const bytes = buildDocument({ dropped: roots.map((root) => BigInt(root)) })
    this.#catalogTree.put(catalogKey, catalogKey.length, bytes, 0, bytes.length)
    this.#stored = true
  }

  #drop(tree: Tree): void {
    tree.drop()
    this.#trees.push(tree)
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof DatabaseError && error.codeName === 'DataCorruptionDetected'
}
