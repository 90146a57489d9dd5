/** The collation elements of a text: characters decomposed, the longest contraction found at each place, numbers gathered. */
import type { ContractionNode, WeightTable } from './weight-table.ts'

/** As many digits as one number has; what is longer is several, as in ICU. */
const digitsMax = 254

/** What takes the elements; primary weights are 0 for none, secondary ones 0 for the common one. */
export interface ElementSink {
  element(primary: number, secondary: number, variant: number): void
  /** A number: `digits` from `from` to `to` (exclusive) have no zero before them. */
  number(digits: readonly number[], from: number, to: number): void
}

export class ElementReader {
  readonly #table: WeightTable
  readonly #numeric: boolean
  #codes: number[] = []
  readonly #digits: number[] = []

  constructor(table: WeightTable, numeric: boolean) {
    this.#table = table
    this.#numeric = numeric
  }

  /** `text`: in normalization form D, or each character of it decomposed. */
  read(text: string, sink: ElementSink): void {
    const codes = this.#codes
    codes.length = 0
    for (let i = 0; i < text.length; i++) {
      const code = text.codePointAt(i)!
      if (code > 0xffff) i++
      codes.push(code)
    }
    for (let at = 0; at < codes.length; ) {
      const code = codes[at]!
      if (this.#numeric && this.#digitOf(code) >= 0) {
        at = this.#number(at, sink)
        continue
      }
      const node = this.#table.contractions.get(code)
      if (node !== undefined) {
        const end = this.#contraction(at, node, sink)
        if (end > 0) {
          at = end
          continue
        }
      }
      this.#character(code, sink)
      at++
    }
  }

  #character(code: number, sink: ElementSink): void {
    const entry = this.#table.entryOf(code)
    if (entry !== 0) this.#elements(entry, sink)
    else if (code === 0xfffe) sink.element(1, 0, 0)
    else if (code !== 0x034f) sink.element(this.#table.implicitPrimary + code, 0, 0)
  }

  #elements(entry: number, sink: ElementSink): void {
    const { primaryNames, primaryOf, secondaryNames, secondaryOf, variants } = this.#table
    const start = entry >>> 5
    const end = start + (entry & 31)
    for (let i = start; i < end; i++) {
      const name = primaryNames[i]!
      sink.element(name < 0 ? 0 : primaryOf[name]!, secondaryOf[secondaryNames[i]!]!, variants[i]!)
    }
  }

  /** Where the contraction that begins at `at` ends; 0: none does. Marks that nothing blocks are drawn to it (S2.1 of the algorithm). */
  #contraction(at: number, first: ContractionNode, sink: ElementSink): number {
    const codes = this.#codes
    let node = first
    let entry = 0
    let end = 0
    for (let i = at + 1; i < codes.length; i++) {
      const next = node.next.get(codes[i]!)
      if (next === undefined) break
      node = next
      if (node.entry !== 0) {
        entry = node.entry
        end = i + 1
      }
    }
    if (entry === 0 && !(at + 1 < codes.length && isMark(codes[at + 1]!))) return 0
    let last = first
    let from = entry === 0 ? at + 1 : end
    if (entry === 0 || end === from) {
      // The marks left over: one that goes on with the contraction is taken out, unless one before it has its class.
      last = entry === 0 ? first : this.#nodeAt(at, end, first)
      const skipped: number[] = []
      for (let i = from; i < codes.length && isMark(codes[i]!); ) {
        const next = last.next.get(codes[i]!)
        const blocked = skipped.length > 0 && haveOneClass(skipped.at(-1)!, codes[i]!)
        if (next !== undefined && next.entry !== 0 && !blocked) {
          codes.splice(i, 1)
          last = next
          entry = next.entry
        } else skipped.push(codes[i++]!)
      }
      from = entry === 0 ? 0 : end === 0 ? at + 1 : end
    }
    if (entry === 0) return 0
    this.#elements(entry, sink)
    return from
  }

  #nodeAt(at: number, end: number, first: ContractionNode): ContractionNode {
    let node = first
    for (let i = at + 1; i < end; i++) node = node.next.get(this.#codes[i]!)!
    return node
  }

  /** The value of a decimal digit of any script; -1: it is none. */
  #digitOf(code: number): number {
    if (code < 0x660) return code >= 0x30 && code <= 0x39 ? code - 0x30 : -1
    const { zeros } = this.#table
    let low = 0
    let high = zeros.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (zeros[middle]! <= code) low = middle + 1
      else high = middle
    }
    const value = low === 0 ? -1 : code - zeros[low - 1]!
    return value <= 9 ? value : -1
  }

  #number(at: number, sink: ElementSink): number {
    const digits = this.#digits
    digits.length = 0
    for (; at < this.#codes.length; at++) {
      const digit = this.#digitOf(this.#codes[at]!)
      if (digit < 0) break
      digits.push(digit)
    }
    for (let from = 0; from < digits.length; ) {
      while (from < digits.length - 1 && digits[from] === 0) from++
      const to = Math.min(from + digitsMax, digits.length)
      sink.number(digits, from, to)
      from = to
    }
    return at
  }
}

/** A character that is reordered among those after a letter: its combining class is not 0. */
function isMark(code: number): boolean {
  if (code < 0x300) return false
  if (code === 0x345) return true
  const text = String.fromCodePoint(code)
  return ('\u0345' + text).normalize('NFD') !== '\u0345' + text
}

function haveOneClass(a: number, b: number): boolean {
  const forward = String.fromCodePoint(a, b)
  const backward = String.fromCodePoint(b, a)
  return forward.normalize('NFD') === forward && backward.normalize('NFD') === backward
}
