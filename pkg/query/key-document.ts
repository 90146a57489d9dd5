/**
 * Documents made of an index entry's key: the fields that the index is about, and no others. Filters and projections read them
 * like documents, so that what an index holds is not read twice.
 *
 * A part of the key gives its value back when its code says so (pkg/index/type-code.ts). That a field is missing below another
 * says nothing of that other one: a filter does not care, but who gives the document out must read the real one.
 */
import { keyEnd } from '../bson/key.ts'
import { type NumberForm, writeKeyValue } from '../bson/key-value.ts'
import { utf8Bytes } from '../bson/utf8.ts'
import { BsonWriter } from '../bson/writer.ts'
import { typeCode } from '../index/type-code.ts'
import type { KeyScan, QueryIndex } from './plan-source.ts'

const forms: readonly NumberForm[] = ['asKeySays', 'double', 'int64', 'negativeZero']

/** What is written, in its order: an element with the value of a part of the key, the head of a nested document, or its end. */
type Step =
  | { readonly kind: 'value'; readonly part: number; readonly name: Uint8Array; readonly isNested: boolean }
  | { readonly kind: 'begin'; readonly name: string }
  | { readonly kind: 'end' }

type Tree = Map<string, Tree | number>

/** The part of the key that gives the values of `path` back as they are in every document; -1: none does. */
export function partThatHolds(index: QueryIndex, path: string): number {
  // Sort keys do not give strings back.
  if (index.definition.wildcardAt >= 0 || index.collation !== undefined) return -1
  const part = index.keyPaths.findIndex((key) => key.path === path)
  if (part < 0 || index.keyPaths[part]!.kind !== 'ordered' || index.multikeyPaths[part] !== 0) return -1
  return part
}

export class KeyDocument {
  readonly #steps: readonly Step[]
  readonly #isExact: boolean
  readonly #writer = new BsonWriter(256)

  /** Of the paths; the index must hold each (`partThatHolds`). `isExact`: the document is given out. */
  static of(index: QueryIndex, paths: Iterable<string>, isExact: boolean): KeyDocument {
    return new KeyDocument(
      index,
      [...paths].map((path) => partThatHolds(index, path)),
      isExact,
    )
  }

  /** Of these parts of the key, in the order of the key. */
  constructor(index: QueryIndex, parts: Iterable<number>, isExact: boolean) {
    const tree: Tree = new Map()
    for (const part of [...parts].sort((a, b) => a - b)) grow(tree, index.keyPaths[part]!.path.split('.'), part)
    const steps: Step[] = []
    addSteps(tree, false, steps)
    this.#steps = steps
    this.#isExact = isExact
  }

  get bytes(): Uint8Array {
    return this.#writer.bytes
  }

  get end(): number {
    return this.#writer.length
  }

  /** Makes the document of the entry that the scan rests on; false when its key does not give all values back. */
  load(scan: KeyScan): boolean {
    const writer = this.#writer.reset()
    const steps = this.#steps
    const { key } = scan
    let at = 0
    let part = 0
    writer.beginDocument()
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!
      if (step.kind === 'begin') writer.beginDocument(step.name)
      else if (step.kind === 'end') writer.end()
      else {
        const code = scan.codeOf(step.part)
        if (code === typeCode.lost) return false
        if (code === typeCode.missing) {
          if (step.isNested && this.#isExact) return false
          continue
        }
        if (step.part < part) {
          at = 0
          part = 0
        }
        for (; part < step.part; part++) at = keyEnd(key, at)
        at = writeKeyValue(writer, step.name, key, at, forms[code]!)
        part++
      }
    }
    writer.end()
    return true
  }
}

/** Where one path goes on from another, as in an index on both `a` and `a.b`, the longer one cannot have a value beside the shorter. */
function grow(tree: Tree, names: readonly string[], part: number): void {
  let node = tree
  for (const name of names.slice(0, -1)) {
    const next = node.get(name)
    if (typeof next === 'number') return
    const branch: Tree = next ?? new Map()
    node.set(name, branch)
    node = branch
  }
  node.set(names.at(-1)!, part)
}

function addSteps(tree: Tree, isNested: boolean, into: Step[]): void {
  for (const [name, node] of tree) {
    if (typeof node === 'number') into.push({ kind: 'value', part: node, name: utf8Bytes(`${name}\0`), isNested })
    else {
      into.push({ kind: 'begin', name })
      addSteps(node, true, into)
      into.push({ kind: 'end' })
    }
  }
}
