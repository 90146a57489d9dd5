/**
 * What a collation of ICU is, found by asking Intl.Collator how strings compare: for each character and contraction its collation
 * elements, and the order of the weights they name.
 *
 * A weight is known by the strings that have it, so everything is a search among strings: a character that sorts after `p` but before
 * `p` + U+FFFF (the greatest primary weight) begins with the primary weight of `p`; what follows is found the same way. U+034F is
 * ignored at every level and cannot be part of a contraction, so it keeps apart what is put together.
 */

/** Ends what comes before it: no contraction goes past it. */
const joiner = '\u034f'
const greatest = '\uffff'

export interface Element {
  /** Position in `primaries`; -1: none. */
  primary: number
  /** 0: the common one; else a name of `secondaries` by its place there, plus 1. */
  secondary: number
  /** Of those of the same primary and secondary weight, by rank. */
  tertiary: number
  case: number
}

export interface Probed {
  /** A string for each primary weight, in order. */
  readonly primaries: readonly string[]
  /** In order; `mark`: the one at it or below, `sub`: 0 for the mark itself; `below`: less than the common weight. */
  readonly secondaries: readonly { readonly mark: string; readonly sub: number; readonly below: boolean }[]
  readonly elements: ReadonlyMap<string, readonly Element[]>
  /** Atoms whose weights could not be told for sure. */
  readonly doubtful: readonly string[]
}

type Compare = (a: string, b: string) => number

export class Collators {
  readonly base: Compare
  readonly accent: Compare
  readonly case: Compare
  readonly variant: Compare

  constructor(locale: string, usage: 'sort' | 'search' = 'sort') {
    const at = (sensitivity: 'base' | 'accent' | 'case' | 'variant'): Compare =>
      new Intl.Collator(locale, { usage, sensitivity, ignorePunctuation: false, numeric: false, caseFirst: 'false' })
        .compare
    this.base = at('base')
    this.accent = at('accent')
    this.case = at('case')
    this.variant = at('variant')
  }
}

/** For `after`: less than the common weight. */
const belowCommon = -2

/** A rank among marks (`after`: the place of the greatest not above it, -1 when there is none) and among the new weights there. */
interface NewSecondary {
  readonly after: number
  readonly sub: number
}

/** `root`: what is known of the root, whose plain letters are the best strings for their weights. */
export function probe(collators: Collators, atoms: readonly string[], root?: Probed): Probed {
  return new Probe(collators, root).run(atoms)
}

interface Draft {
  readonly atom: string
  primaries: number[]
  /** For each primary its own secondary (undefined: common) and the marks after it; for no primaries one entry with marks. */
  secondaries: { own: NewSecondary | undefined; marks: (number | NewSecondary)[] }[]
}

class Probe {
  readonly #collators: Collators
  readonly #primaries: string[] = []
  readonly #marks: string[] = []
  readonly #doubtful: string[] = []

  readonly #root: Probed | undefined

  constructor(collators: Collators, root: Probed | undefined) {
    this.#collators = collators
    this.#root = root
  }

  /** Has the common weights in the root. */
  #isPlain(atom: string): boolean {
    const list = this.#root?.elements.get(atom)
    return list?.length === 1 && list[0]!.secondary === 0 && list[0]!.tertiary === 0
  }

  run(atoms: readonly string[]): Probed {
    const { base, accent, variant } = this.#collators
    const drafts = new Map<string, Draft>()
    const bearing: string[] = []
    const marks: string[] = []
    const tertiaryOnly: string[] = []
    for (const atom of atoms) {
      if (base(atom, '') !== 0) bearing.push(atom)
      else if (accent(atom, '') !== 0) marks.push(atom)
      else if (variant(atom, '') !== 0) tertiaryOnly.push(atom)
      else drafts.set(atom, { atom, primaries: [], secondaries: [{ own: undefined, marks: [] }] })
    }
    this.#doubtful.push(...tertiaryOnly)
    this.#findMarks(marks, drafts)
    this.#findPrimaries(bearing, drafts)
    this.#findSecondaries(bearing, drafts)
    return this.#finish(drafts)
  }

  #findMarks(marks: string[], drafts: Map<string, Draft>): void {
    const { accent, variant } = this.#collators
    marks.sort((a, b) => accent(a, b) || variant(a, b) || (a < b ? -1 : 1))
    const top = marks.at(-1)!.repeat(3)
    let last: string | undefined
    const known = new Map<number, string>()
    for (const mark of marks) {
      const draft: Draft = { atom: mark, primaries: [], secondaries: [{ own: undefined, marks: [] }] }
      drafts.set(mark, draft)
      const list = draft.secondaries[0]!.marks
      if (last !== undefined && accent(mark, last) === 0) list.push(this.#marks.length - 1)
      else if (last === undefined || accent(mark, last + joiner + top) > 0) {
        last = mark
        known.set(this.#marks.length, mark)
        this.#marks.push(mark)
        list.push(this.#marks.length - 1)
      } else {
        list.push(this.#marks.length - 1)
        let text = last
        for (let length = 1; length < 8; length++) {
          const next = greatestNotAbove(this.#marks, (other) => accent(text + joiner + other, mark))
          if (next < 0) break
          list.push(next)
          text += joiner + this.#marks[next]!
          if (accent(text, mark) === 0) break
        }
        if (accent(text, mark) !== 0) this.#doubtful.push(mark)
      }
    }
  }

  #findPrimaries(bearing: string[], drafts: Map<string, Draft>): void {
    const { base, variant } = this.#collators
    bearing.sort((a, b) => base(a, b) || variant(a, b) || (a < b ? -1 : 1))
    const groups: string[][] = []
    for (const atom of bearing) {
      const group = groups.at(-1)
      if (group !== undefined && base(group[0]!, atom) === 0) group.push(atom)
      else groups.push([atom])
    }
    const expansions: { group: string[]; first: number }[] = []
    for (const group of groups) {
      const last = this.#primaries.at(-1)
      if (last !== undefined && base(group[0]!, last + joiner + greatest) < 0) {
        expansions.push({ group, first: this.#primaries.length - 1 })
        continue
      }
      for (const atom of group) {
        drafts.set(atom, { atom, primaries: [this.#primaries.length], secondaries: [] })
      }
      this.#primaries.push(group.find((atom) => this.#isPlain(atom)) ?? group[0]!)
    }
    for (const { group, first } of expansions) {
      const target = group[0]!
      const primaries = [first]
      let text = this.#primaries[first]!
      while (base(text, target) !== 0 && primaries.length < 24) {
        const next = greatestNotAbove(this.#primaries, (other) => base(text + joiner + other, target))
        if (next < 0) break
        primaries.push(next)
        text += joiner + this.#primaries[next]!
      }
      if (base(text, target) !== 0) this.#doubtful.push(target)
      for (const atom of group) drafts.set(atom, { atom, primaries, secondaries: [] })
    }
  }

  #findSecondaries(bearing: readonly string[], drafts: Map<string, Draft>): void {
    const { accent } = this.#collators
    const byPrimaries = Map.groupBy(bearing, (atom) => drafts.get(atom)!.primaries.join())
    for (const atoms of byPrimaries.values()) {
      atoms.sort(accent)
      let previous: Draft | undefined
      for (const atom of atoms) {
        const draft = drafts.get(atom)!
        if (previous !== undefined && accent(previous.atom, atom) === 0) draft.secondaries = previous.secondaries
        else this.#findSecondary(draft, previous)
        previous = draft
      }
    }
  }

  #findSecondary(draft: Draft, previous: Draft | undefined): void {
    const { accent } = this.#collators
    const { atom, primaries } = draft
    const texts = primaries.map((primary) => this.#primaries[primary]!)
    draft.secondaries = primaries.map(() => ({ own: undefined, marks: [] }))
    if (accent(atom, texts.join(joiner)) === 0) return
    const top = joiner + this.#marks.at(-1)!.repeat(3)
    let text = ''
    for (let i = 0; i < texts.length; i++) {
      text += (i === 0 ? '' : joiner) + texts[i]!
      const rest = i + 1 < texts.length ? joiner + texts.slice(i + 1).join(joiner) : ''
      for (let count = 0; count < 6; count++) {
        const order = accent(text + rest, atom)
        if (order === 0) return
        if (order > 0) {
          const own = previous?.secondaries[i]?.own
          draft.secondaries[i]!.own = { after: belowCommon, sub: own?.after === belowCommon ? own.sub + 1 : 1 }
          return
        }
        const mark = greatestNotAbove(this.#marks, (other) => accent(text + joiner + other + rest, atom))
        if (mark < 0) break
        const marked = text + joiner + this.#marks[mark]!
        const byMarked = accent(marked + rest, atom)
        if (byMarked === 0 || accent(marked + top + rest, atom) > 0) {
          draft.secondaries[i]!.marks.push(mark)
          if (byMarked === 0) return
          text = marked
          continue
        }
        // A weight that no mark has: the primary's own when it is above all marks, else one of its own among them.
        const before = previous?.secondaries[i]
        if (mark === this.#marks.length - 1 && draft.secondaries[i]!.marks.length === 0) {
          const x = texts[0]! + joiner
          const after = greatestNotAbove(this.#marks, (other) =>
            accent(x + other + joiner + texts.join(joiner), x + atom),
          )
          const sub = before?.own !== undefined && before.own.after === after ? before.own.sub + 1 : 1
          draft.secondaries[i]!.own = { after, sub }
        } else {
          const last = before?.marks.at(-1)
          const sub = typeof last === 'object' && last.after === mark ? last.sub + 1 : 1
          draft.secondaries[i]!.marks.push({ after: mark, sub })
        }
        return
      }
    }
    this.#doubtful.push(atom)
  }

  #finish(drafts: Map<string, Draft>): Probed {
    const named = new Map<string, NewSecondary>()
    for (let i = 0; i < this.#marks.length; i++) named.set(`${i}.0`, { after: i, sub: 0 })
    for (const { secondaries } of drafts.values()) {
      for (const { own, marks } of secondaries) {
        if (own !== undefined) named.set(`${own.after}.${own.sub}`, own)
        for (const mark of marks) if (typeof mark === 'object') named.set(`${mark.after}.${mark.sub}`, mark)
      }
    }
    const sorted = [...named.values()].sort((a, b) => a.after - b.after || a.sub - b.sub)
    const place = new Map(sorted.map(({ after, sub }, i) => [`${after}.${sub}`, i + 1]))
    const placeOf = (mark: number | NewSecondary): number =>
      place.get(typeof mark === 'number' ? `${mark}.0` : `${mark.after}.${mark.sub}`)!
    const elements = new Map<string, Element[]>()
    for (const { atom, primaries, secondaries } of drafts.values()) {
      const list: Element[] = []
      secondaries.forEach(({ own, marks }, i) => {
        const primary = primaries[i]
        if (primary !== undefined) {
          list.push({ primary, secondary: own === undefined ? 0 : placeOf(own), tertiary: 0, case: 0 })
        }
        for (const mark of marks) list.push({ primary: -1, secondary: placeOf(mark), tertiary: 0, case: 0 })
      })
      elements.set(atom, list)
    }
    this.#findCases(elements)
    this.#findTertiaries(elements)
    return {
      primaries: this.#primaries,
      secondaries: sorted.map(({ after, sub }) => ({
        mark: this.#marks[after] ?? '',
        sub,
        below: after === belowCommon,
      })),
      elements,
      doubtful: this.#doubtful,
    }
  }

  /** Cases by rank among those of the same primary weight; only what bears one has any. */
  #findCases(elements: Map<string, Element[]>): void {
    const compare = this.#collators.case
    const variants = new Map<number, string[]>()
    const several: [string, Element[]][] = []
    for (const [atom, list] of elements) {
      const bearing = list.filter(({ primary }) => primary >= 0)
      if (bearing.length === 1) pushTo(variants, bearing[0]!.primary, atom)
      else if (bearing.length > 1) several.push([atom, bearing])
    }
    const ranks = new Map<number, string[]>()
    for (const [primary, atoms] of variants) {
      atoms.sort(compare)
      const classes: string[] = []
      for (const atom of atoms) {
        if (classes.length === 0 || compare(classes.at(-1)!, atom) !== 0) classes.push(atom)
        elements.get(atom)!.find((element) => element.primary >= 0)!.case = classes.length - 1
      }
      ranks.set(primary, classes)
    }
    for (const [atom, bearing] of several) {
      let text = ''
      bearing.forEach((element, i) => {
        const rest = bearing.slice(i + 1).map(({ primary }) => joiner + ranks.get(primary)![0]!)
        const found = greatestNotAbove(ranks.get(element.primary)!, (other) =>
          compare(text + other + rest.join(''), atom),
        )
        element.case = Math.max(found, 0)
        text += ranks.get(element.primary)![element.case]! + joiner
      })
      if (compare(text, atom) !== 0) this.#doubtful.push(atom)
    }
  }

  /** Tertiary weights by rank among those of the same primary and secondary weight; new ones get a place between them. */
  #findTertiaries(elements: Map<string, Element[]>): void {
    const compare = this.#collators.variant
    const key = (element: Element): string => `${element.primary}.${element.secondary}`
    const singles = new Map<string, string[]>()
    const several = new Map<string, string[]>()
    for (const [atom, list] of elements) {
      if (list.length === 1) pushTo(singles, key(list[0]!), atom)
      else if (list.length > 1) pushTo(several, list.map(key).join(), atom)
    }
    /** For each kind of element the strings of its variants, in order; a new one has none. */
    const variants = new Map<string, string[]>()
    const assigned = new Map<string, number[][]>()
    for (const [kind, atoms] of singles) {
      atoms.sort(compare)
      const classes: string[] = []
      for (const atom of atoms) {
        if (classes.length === 0 || compare(classes.at(-1)!, atom) !== 0) classes.push(atom)
        assigned.set(atom, [[classes.length - 1, 0]])
      }
      variants.set(kind, classes)
    }
    for (const atoms of several.values()) {
      atoms.sort(compare)
      let previous: string | undefined
      for (const atom of atoms) {
        if (previous !== undefined && compare(previous, atom) === 0) assigned.set(atom, assigned.get(previous)!)
        else
          assigned.set(
            atom,
            this.#tertiariesOf(
              atom,
              elements.get(atom)!.map((e) => variants.get(key(e)) ?? []),
              previous === undefined ? [] : assigned.get(previous)!,
            ),
          )
        previous = atom
      }
    }
    // Ranks in full: the variants and the new ones between them.
    const seen = new Map<string, Map<string, number[]>>()
    for (const [atom, weights] of assigned) {
      elements.get(atom)!.forEach((element, i) => {
        const kind = key(element)
        if (!seen.has(kind)) seen.set(kind, new Map([['0.0', [0, 0]]]))
        seen.get(kind)!.set(weights[i]!.join('.'), weights[i]!)
      })
    }
    const ranks = new Map<string, Map<string, number>>()
    for (const [kind, weights] of seen) {
      const sorted = [...weights.entries()].sort(([, a], [, b]) => a[0]! - b[0]! || a[1]! - b[1]!)
      ranks.set(kind, new Map(sorted.map(([name], rank) => [name, rank])))
    }
    for (const [atom, weights] of assigned) {
      elements.get(atom)!.forEach((element, i) => {
        element.tertiary = ranks.get(key(element))!.get(weights[i]!.join('.'))!
      })
    }
  }

  #tertiariesOf(atom: string, variants: readonly string[][], previous: readonly number[][]): number[][] {
    const compare = this.#collators.variant
    const weights = variants.map(() => [0, 0])
    if (variants.some((list) => list.length === 0)) {
      // An element that nothing has alone: the atom is told apart from the one before it, no more.
      weights[0] = [0, (previous[0]?.[1] ?? 0) + 1]
      return weights
    }
    let text = ''
    let taken = 0
    for (let i = 0; i < variants.length; i++) {
      const least = variants
        .slice(i + 1)
        .map((list) => joiner + list[0]!)
        .join('')
      const most = variants
        .slice(i + 1)
        .map((list) => joiner + list.at(-1)!)
        .join('')
      const found = greatestNotAbove(variants[i]!, (other) => compare(text + other + least, atom))
      if (found < 0) break
      weights[i] = [found, 0]
      if (compare(text + variants[i]![found]! + most, atom) < 0) {
        const before = previous[i]
        weights[i] = [found, before !== undefined && before[0] === found ? before[1]! + 1 : 1]
        return weights
      }
      text += variants[i]![found]! + joiner
      taken = i + 1
    }
    if (taken < variants.length) text = ''
    // Between two that differ later on, in a weight that nothing has alone.
    if (compare(text, atom) !== 0) weights[weights.length - 1]![1] = (previous.at(-1)?.[1] ?? 0) + 1
    return weights
  }
}

function pushTo<K>(map: Map<K, string[]>, key: K, value: string): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

/** The last of `sorted` for which `compare` says 0 or less; -1: none. */
function greatestNotAbove(sorted: readonly string[], compare: (text: string) => number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(sorted[middle]!) <= 0) low = middle + 1
    else high = middle
  }
  return low - 1
}
