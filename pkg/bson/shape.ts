/**
 * Shapes: which fields documents have, learned from those seen before.
 *
 * A tree: a node stands for a field that follows the fields on the way to it. Decoding walks it along with the
 * document; the node guesses which field comes next, so that a name is compared and not decoded. Where enough
 * documents have ended, the node gets a function that makes the whole object by one literal, which V8 does about five
 * times faster than it adds properties one by one.
 *
 *   start ── _id ── name ── age ⟨make⟩
 *                     └──── email ── age ⟨make⟩
 *
 * INVARIANTS
 *  (1) The nodes of one tree, those of nested documents included, never number more than `nodeCountMax`, nor the made
 *      functions more than `makerCountMax`. Documents beyond are decoded without; when those become many, a new
 *      tree is begun, so that the tree follows what is read now.
 *  (2) A node's function has exactly the names on the way from its start, in their order.
 */
import { compileFunction } from './compile.ts'
import { fieldNameBytes, startsWith } from './field-names.ts'
import { type DecodeValue, makeShapeDecoder, type ShapeDecoder } from './shape-decoder.ts'
import { readText } from './short-text.ts'
import { valueEnd } from './walk.ts'

/** Makes an object of the values from `base` on. */
export type ObjectMaker = (values: readonly unknown[], base: number) => Record<string, unknown>

const nodeCountMax = 8192
const makerCountMax = 512
/** Longest shape that is learned; wider documents mostly have data for names. */
const fieldCountMax = 100
/** Documents that must end at a node before a function is made: making one takes as long as 200 documents. */
const hitsToMake = 32

export class ShapeNode {
  readonly name: string
  /** With the NUL. */
  readonly nameBytes: Uint8Array
  readonly parent: ShapeNode | undefined
  readonly tree: ShapeTree
  /** How many fields lead here, this one included. */
  readonly fieldCount: number
  /** A field on the way here has a name that begins with `$`. */
  readonly hasDollarName: boolean
  /** The field that followed last time. */
  next: ShapeNode | undefined = undefined
  /** All fields that ever followed, once there are several. */
  #others: Map<string, ShapeNode> | undefined = undefined
  #inner: ShapeNode | undefined = undefined
  #hits = 0
  #maker: ObjectMaker | undefined = undefined
  #decoder: ShapeDecoder | undefined = undefined
  #decoderAsked = false

  constructor(name: string, parent: ShapeNode | undefined, tree: ShapeTree) {
    this.name = name
    this.nameBytes = parent === undefined ? noBytes : fieldNameBytes(name)
    this.parent = parent
    this.tree = tree
    this.fieldCount = parent === undefined ? 0 : parent.fieldCount + 1
    this.hasDollarName = parent?.hasDollarName === true || name.startsWith('$')
  }

  /** The start of the shapes of documents nested in this field; undefined when the tree is full. */
  inner(): ShapeNode | undefined {
    this.#inner ??= this.tree.add('', undefined)
    return this.#inner
  }

  /** The node of the field whose name lies at `at`, which is not `next`; undefined when it cannot be learned. */
  follow(bytes: Uint8Array, at: number): ShapeNode | undefined {
    let end = at
    while (bytes[end] !== 0) end++
    const name = readText(bytes, at, end)
    const previous = this.next
    let node = this.#others?.get(name)
    if (node === undefined) {
      // A name that is not well-formed UTF-8 reads as another one, whose bytes would not tell where this one ends.
      if (this.fieldCount >= fieldCountMax) return undefined
      node = this.tree.add(name, this)
      if (node === undefined || node.nameBytes.length !== end + 1 - at) return undefined
      if (previous !== undefined) {
        this.#others ??= new Map([[previous.name, previous]])
        this.#others.set(name, node)
      }
    } else if (node.nameBytes.length !== end + 1 - at) return undefined
    this.next = node
    return node
  }

  /** The function that makes objects of this shape, once it is worth its while. */
  maker(): ObjectMaker | undefined {
    if (this.#maker === undefined && ++this.#hits >= hitsToMake) {
      this.#hits = 0
      this.#maker = this.tree.make(this)
    }
    return this.#maker
  }

  /** What decodes documents that end here and are like the one at `start`, once it is worth its while. */
  decoder(bytes: Uint8Array, start: number, decodeValue: DecodeValue): ShapeDecoder | undefined {
    if (this.#maker === undefined || this.#decoderAsked) return this.#decoder
    this.#decoderAsked = true
    this.#decoder = makeShapeDecoder(bytes, start, this, decodeValue)
    return this.#decoder
  }

  /** The nodes on the way here, this one included, without the start. */
  path(): ShapeNode[] {
    const path: ShapeNode[] = []
    for (let node: ShapeNode = this; node.parent !== undefined; node = node.parent) path.push(node)
    return path.reverse()
  }

  /** The names on the way here, in their order. */
  names(): string[] {
    return this.path().map(({ name }) => name)
  }

  /** From a start: the node in which the document at `start` ends; undefined when the tree does not have it. */
  find(bytes: Uint8Array, start: number): ShapeNode | undefined {
    let node: ShapeNode | undefined = this
    let at = start + 4
    while (bytes[at] !== 0) {
      const next: ShapeNode | undefined = node.next
      node = next !== undefined && startsWith(bytes, at + 1, next.nameBytes) ? next : node.follow(bytes, at + 1)
      if (node === undefined) return undefined
      at = valueEnd(bytes, bytes[at]!, at + 1 + node.nameBytes.length)
    }
    return node
  }
}

const noBytes = new Uint8Array(0)

/** Counts what a tree of shapes takes. */
class ShapeTree {
  #nodeCount = 0
  #makerCount = 0

  add(name: string, parent: ShapeNode | undefined): ShapeNode | undefined {
    if (this.#nodeCount >= nodeCountMax) return undefined
    this.#nodeCount++
    return new ShapeNode(name, parent, this)
  }

  make(node: ShapeNode): ObjectMaker | undefined {
    if (this.#makerCount >= makerCountMax) return undefined
    this.#makerCount++
    return compileMaker(node.names())
  }
}

/** `__proto__` as a plain key of a literal would set the prototype; in brackets it is a property like any other. */
function compileMaker(names: readonly string[]): ObjectMaker | undefined {
  const fields = names.map((name, i) => {
    const key = JSON.stringify(name)
    return `${name === '__proto__' ? `[${key}]` : key}: values[base + ${i}]`
  })
  return compileFunction<ObjectMaker>(['values', 'base'], `return { ${fields.join(', ')} }`)
}

/** Documents not covered by the tree, weighed by nothing but their number, after which a new one is begun. */
const missCountMax = 20_000

/** The start of all shapes of outermost documents, and when to forget them. */
export class Shapes {
  start: ShapeNode
  #missCount = 0

  constructor() {
    this.start = newStart()
  }

  /** A document (or nested document) could not be covered by the tree. */
  missed(): void {
    if (++this.#missCount < missCountMax) return
    this.#missCount = 0
    this.start = newStart()
  }
}

function newStart(): ShapeNode {
  return new ShapeNode('', undefined, new ShapeTree())
}
