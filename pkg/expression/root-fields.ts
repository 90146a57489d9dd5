/**
 * Finds the top-level fields that a set of expressions reads, in one walk over each document.
 *
 * Documents of a collection mostly have the same names in the same order. So the names met are remembered with what they
 * are, and a name is first compared with the one that stood in its place before: a match costs no more than finding the
 * name's end, and says at once whether anybody wants the field. At the first difference the memory is learnt anew from there.
 */
import { utf8Bytes } from '../bson/utf8.ts'
import { valueEnd } from '../bson/walk.ts'

/** How many names are remembered; fields beyond are looked up by comparing. */
const rememberedMax = 64
const rememberedBytesMax = 2048

const noBytes = new Uint8Array(0)
const noNumbers = new Int32Array(0)

export class RootFields {
  readonly #slots = new Map<string, number>()
  readonly #names: Uint8Array[] = []
  /** By slot, of the loaded document: the value's type (0: the field is missing) and where it lies. */
  readonly types: number[] = []
  readonly starts: number[] = []
  readonly ends: number[] = []
  /** Names with their NULs, one after the other, and by position in the document where each ends and its slot, or -1. */
  #remembered: Uint8Array | undefined
  #rememberedEnds = noNumbers
  #rememberedSlots = noNumbers
  #rememberedCount = 0
  /** Of one document alone names are not remembered: the memory for that would cost more than the document. */
  #isFirst = true
  #findBy: ((bytes: Uint8Array, start: number) => void) | undefined

  /** The slot of a field that is wanted; to be asked before the first `load`. */
  slotOf(name: string): number {
    let slot = this.#slots.get(name)
    if (slot === undefined) {
      slot = this.#names.length
      this.#slots.set(name, slot)
      this.#names.push(utf8Bytes(name))
      this.types.push(0)
      this.starts.push(0)
      this.ends.push(0)
      this.#rememberedCount = 0
    }
    return slot
  }

  /** The fields, by slot. */
  get names(): readonly string[] {
    return [...this.#slots.keys()]
  }

  /** From now on `find` finds the fields: it fills `types`, `starts` and `ends` of those that a document has. */
  findBy(find: (bytes: Uint8Array, start: number) => void): void {
    this.#findBy = find
  }

  /** The slot of a field; -1: it is not wanted. */
  knownSlot(name: string): number {
    return this.#slots.get(name) ?? -1
  }

  /** Finds all wanted fields of the document at `start`; of a name that comes twice the first. */
  load(bytes: Uint8Array, start: number): void {
    const { types } = this
    let left = types.length
    for (let slot = 0; slot < left; slot++) types[slot] = 0
    if (this.#findBy !== undefined) {
      this.#findBy(bytes, start)
      return
    }
    const remembered = this.#isFirst ? noBytes : (this.#remembered ?? this.#makeRoom())
    this.#isFirst = false
    const ends = this.#rememberedEnds
    let at = start + 4
    let from = 0
    for (let position = 0; left > 0; position++) {
      const type = bytes[at]!
      if (type === 0) return
      at++
      let slot: number
      if (position < this.#rememberedCount) {
        const until = ends[position]!
        let same = from
        let nameAt = at
        while (same < until && bytes[nameAt] === remembered[same]) {
          same++
          nameAt++
        }
        if (same === until) {
          slot = this.#rememberedSlots[position]!
          at = nameAt
        } else {
          this.#rememberedCount = position
          slot = this.#learn(bytes, at, from, position)
          at = afterNul(bytes, at)
        }
        if (position < this.#rememberedCount) from = ends[position]!
      } else {
        slot = this.#learn(bytes, at, from, position)
        at = afterNul(bytes, at)
        if (position < this.#rememberedCount) from = ends[position]!
      }
      const end = valueEnd(bytes, type, at)
      if (slot >= 0 && types[slot] === 0) {
        types[slot] = type
        this.starts[slot] = at
        this.ends[slot] = end
        left--
      }
      at = end
    }
  }

  #makeRoom(): Uint8Array {
    this.#rememberedEnds = new Int32Array(rememberedMax)
    this.#rememberedSlots = new Int32Array(rememberedMax)
    this.#remembered = new Uint8Array(rememberedBytesMax)
    return this.#remembered
  }

  /** Which slot the name at `at` has, or -1; remembers it when it is the next to be remembered and there is room. */
  #learn(bytes: Uint8Array, at: number, from: number, position: number): number {
    const end = afterNul(bytes, at)
    const slot = this.#find(bytes, at, end - 1)
    const remembered = this.#remembered
    if (remembered === undefined || position !== this.#rememberedCount) return slot
    if (position < rememberedMax && from + end - at <= rememberedBytesMax) {
      for (let i = at; i < end; i++) remembered[from + i - at] = bytes[i]!
      this.#rememberedEnds[position] = from + end - at
      this.#rememberedSlots[position] = slot
      this.#rememberedCount++
    }
    return slot
  }

  #find(bytes: Uint8Array, start: number, end: number): number {
    const names = this.#names
    next: for (let slot = 0; slot < names.length; slot++) {
      const name = names[slot]!
      if (name.length !== end - start) continue
      for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) continue next
      return slot
    }
    return -1
  }
}

function afterNul(bytes: Uint8Array, at: number): number {
  while (bytes[at] !== 0) at++
  return at + 1
}
