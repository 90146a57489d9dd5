/**
 * Weight tables: the collation elements of characters and contractions, in the root order and in what a locale changes of it.
 *
 * A table is made by scripts/collation-tables.ts and is a part of the format of index keys: keys are made from it, never from the ICU
 * of the Node that runs. Whoever writes other tables raises `keyVersion` (sort-key.ts), and indexes with older keys are built again.
 *
 * Bytes (after inflating), all unsigned LEB128, `±` zigzag:
 *
 *   order of primary weights     count of runs, ±(start - end of the run before) of each, length of each: names of weights, in order
 *   order of secondary weights   the same; name 0 is the common weight, and weights are counted from its place
 *   characters                   count; column of differences of code points
 *   contractions                 count, lengths, code points
 *   elements of each of them     column of counts; of all of them columns of ±(primary - the one before), secondary,
 *                                case * 256 + tertiary; primary -1: none
 *   no longer contractions       count, lengths, code points
 *   landmarks                    count, names of primary weights: last space, punctuation, symbol, currency; the first digit
 *   zeros                        count, code points of the zeros of decimal digits
 *
 * A column is runs until all is there: 2 n + 1 and a value that comes n times, or 2 n and n values.
 * A weight is called by the same name in the root and in a locale; its place in the locale's order is the weight.
 */
import { inflateRawSync } from 'node:zlib'
import { assert } from '../base/assert.ts'

/** Primary weight 0 stands for none, 1 for U+FFFE; those of characters follow. */
const firstPrimary = 2

/** What may follow in a contraction; `entry` as of a character, 0 when none ends here. */
export interface ContractionNode {
  entry: number
  readonly next: Map<number, ContractionNode>
}

/** The collation elements of a table by entry, and the weights their names stand for. */
export class WeightTable {
  /** Names of primary weights, -1: none. */
  readonly primaryNames: Int32Array
  readonly secondaryNames: Uint16Array
  /** Tertiary rank; the case rank times 256. */
  readonly variants: Uint16Array
  readonly primaryOf: Int32Array
  /** Of the common weight 0. */
  readonly secondaryOf: Int32Array
  readonly contractions: Map<number, ContractionNode>
  readonly #landmarks: readonly number[]
  readonly zeros: readonly number[]
  /** Of what has no elements: this and its code point make the primary weight. */
  readonly implicitPrimary: number
  readonly #pages: (Uint32Array | undefined)[]

  /** `deflated`: the table in base64. A locale's needs the root's. */
  constructor(deflated: string, root?: WeightTable) {
    const reader = new Reader(inflateRawSync(Buffer.from(deflated, 'base64')))
    this.primaryOf = reader.places(firstPrimary, root?.primaryOf.length ?? 0)
    const secondaryOf = reader.places(0, root?.secondaryOf.length ?? 0)
    this.secondaryOf = secondaryOf.map((place) => place - secondaryOf[0]!)
    this.implicitPrimary = firstPrimary + this.primaryOf.length + 1
    const differences = reader.column(reader.unsigned())
    const contractions = reader.texts()
    const counts = reader.column(differences.length + contractions.length)
    let total = 0
    for (let i = 0; i < counts.length; i++) total += counts[i]!
    const base = root === undefined ? 1 : root.primaryNames.length
    this.primaryNames = new Int32Array(base + total)
    this.secondaryNames = new Uint16Array(base + total)
    this.variants = new Uint16Array(base + total)
    this.#pages = []
    this.contractions = new Map()
    if (root !== undefined) {
      this.primaryNames.set(root.primaryNames)
      this.secondaryNames.set(root.secondaryNames)
      this.variants.set(root.variants)
      this.#pages.push(...root.#pages)
      this.contractions = copyOf(root.contractions)
    }
    const primaries = reader.column(total)
    let name = 0
    for (let i = 0; i < total; i++) {
      const n = primaries[i]!
      name += (n & 1) === 0 ? n >>> 1 : -((n + 1) >>> 1)
      this.primaryNames[base + i] = name
    }
    this.secondaryNames.set(reader.column(total), base)
    this.variants.set(reader.column(total), base)
    let offset = base
    let code = 0
    let number = -1
    let page: Uint32Array = new Uint32Array(0)
    for (let i = 0; i < differences.length; i++) {
      code += differences[i]!
      if (code >>> 8 !== number) {
        number = code >>> 8
        page = this.#pages[number]?.slice() ?? new Uint32Array(256)
        this.#pages[number] = page
      }
      page[code & 0xff] = (offset << 5) | counts[i]!
      offset += counts[i]!
    }
    contractions.forEach((codes, i) => {
      this.#contract(codes, (offset << 5) | counts[differences.length + i]!)
      offset += counts[differences.length + i]!
    })
    for (const codes of reader.texts()) this.#contract(codes, 0)
    const landmarks = reader.numbers(reader.unsigned())
    const zeros = reader.numbers(reader.unsigned())
    this.#landmarks = root === undefined ? landmarks : root.#landmarks
    this.zeros = root === undefined ? zeros : root.zeros
    const zero = this.zeroPrimary
    for (let i = 0; i < this.primaryOf.length; i++) if (this.primaryOf[i]! >= zero) this.primaryOf[i]!++
  }

  /** Of a character: offset * 32 + count of its elements; 0: it has none of its own. */
  entryOf(code: number): number {
    const page = this.#pages[code >>> 8]
    return page === undefined ? 0 : page[code & 0xff]!
  }

  /** The greatest primary weight of spaces (0), punctuation (1), symbols (2), currency signs (3). */
  lastVariable(group: 0 | 1 | 2 | 3): number {
    return this.primaryOf[this.#landmarks[group]!]!
  }

  /** The primary weight of the digit zero; nothing has the one before it. */
  get zeroPrimary(): number {
    return this.primaryOf[this.#landmarks[4]!]!
  }

  #contract(codes: readonly number[], entry: number): void {
    let nodes = this.contractions
    codes.forEach((code, i) => {
      let node = nodes.get(code)
      if (node === undefined) {
        node = { entry: 0, next: new Map() }
        nodes.set(code, node)
      }
      if (i === codes.length - 1) node.entry = entry
      nodes = node.next
    })
  }
}

function copyOf(nodes: ReadonlyMap<number, ContractionNode>): Map<number, ContractionNode> {
  return new Map([...nodes].map(([code, { entry, next }]) => [code, { entry, next: copyOf(next) }]))
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  unsigned(): number {
    let shift = 0
    let n = 0
    for (;;) {
      const byte = this.#bytes[this.#at++]
      assert(byte !== undefined, 'a weight table ends too early')
      n |= (byte & 0x7f) << shift
      if (byte < 0x80) return n
      shift += 7
    }
  }

  signed(): number {
    const n = this.unsigned()
    return (n & 1) === 0 ? n >>> 1 : -((n + 1) >>> 1)
  }

  numbers(count: number): number[] {
    return Array.from({ length: count }, () => this.unsigned())
  }

  column(count: number): Uint32Array {
    const values = new Uint32Array(count)
    for (let i = 0; i < count; ) {
      const head = this.unsigned()
      const end = i + (head >>> 1)
      if ((head & 1) === 1) {
        values.fill(this.unsigned(), i, end)
        i = end
      } else while (i < end) values[i++] = this.unsigned()
    }
    return values
  }

  texts(): number[][] {
    return this.numbers(this.unsigned()).map((length) => this.numbers(length))
  }

  /** For each name its place in the order, from `first` on; `count` names at least. */
  places(first: number, count: number): Int32Array {
    const runs = this.unsigned()
    let expected = 0
    const starts: number[] = []
    for (let i = 0; i < runs; i++) starts.push(this.signed())
    const lengths = this.numbers(runs)
    let highest = count
    starts.forEach((difference, i) => {
      starts[i] = expected + difference
      expected = starts[i]! + lengths[i]!
      highest = Math.max(highest, expected)
    })
    const placeOf = new Int32Array(highest)
    let place = first
    starts.forEach((start, i) => {
      for (let name = start; name < start + lengths[i]!; name++) placeOf[name] = place++
    })
    return placeOf
  }
}
