/** What was found about a locale, as the bytes that pkg/collation/weight-table.ts reads: the root in full, others by what differs. */
import type { Element, Probed } from './probe.ts'

export interface Named {
  /** Names of the primary weights in order; names below the root's count are the root's. */
  readonly primaryOrder: readonly number[]
  readonly secondaryOrder: readonly number[]
  readonly elements: ReadonlyMap<string, readonly Element[]>
}

/** The root's own names are the places in its order. */
export function rootNames(probed: Probed): Named {
  return {
    primaryOrder: probed.primaries.map((_, i) => i),
    secondaryOrder: withCommon(
      probed,
      probed.secondaries.map((_, i) => i + 1),
    ),
    elements: probed.elements,
  }
}

/** Gives a locale's weights the names that the root has for them, by the characters that have them alone, and new ones to the rest. */
export function localeNames(probed: Probed, root: Probed): Named {
  const primaryOrder = namesOf(
    probed.primaries.length,
    root.primaries.length,
    singles(probed, (list) => (list[0]!.primary >= 0 ? list[0]!.primary : undefined)),
    singles(root, (list) => (list[0]!.primary >= 0 ? list[0]!.primary : undefined)),
  )
  const mark = (list: readonly Element[]): number | undefined =>
    list[0]!.primary < 0 ? list[0]!.secondary - 1 : undefined
  const secondaryOrder = namesOf(
    probed.secondaries.length,
    root.secondaries.length,
    singles(probed, mark),
    singles(root, mark),
    probed.secondaries
      .map(({ sub }, i) => ({ i, sub }))
      .filter(({ sub }) => sub > 0)
      .map(({ i }) => i),
    root,
    probed,
  )
  const elements = new Map<string, Element[]>()
  for (const [atom, list] of probed.elements) {
    elements.set(
      atom,
      list.map((element) => ({
        ...element,
        primary: element.primary < 0 ? -1 : primaryOrder[element.primary]!,
        secondary: element.secondary === 0 ? 0 : secondaryOrder[element.secondary - 1]! + 1,
      })),
    )
  }
  return {
    primaryOrder,
    secondaryOrder: withCommon(
      probed,
      secondaryOrder.map((name) => name + 1),
    ),
    elements,
  }
}

/** The common weight, 0, has its place after those below it. */
function withCommon(probed: Probed, names: readonly number[]): number[] {
  const below = probed.secondaries.filter(({ below }) => below).length
  return [...names.slice(0, below), 0, ...names.slice(below)]
}

function singles(probed: Probed, weight: (list: readonly Element[]) => number | undefined): Map<string, number> {
  const found = new Map<string, number>()
  for (const [atom, list] of probed.elements) {
    if (list.length !== 1) continue
    const name = weight(list)
    if (name !== undefined) found.set(atom, name)
  }
  return found
}

function namesOf(
  count: number,
  rootCount: number,
  own: ReadonlyMap<string, number>,
  roots: ReadonlyMap<string, number>,
  unnamed: readonly number[] = [],
  root?: Probed,
  probed?: Probed,
): number[] {
  const names = new Array<number>(count).fill(-1)
  const taken = new Set<number>()
  for (const [atom, weight] of own) {
    const name = roots.get(atom)
    if (name === undefined || names[weight] !== -1 || taken.has(name)) continue
    names[weight] = name
    taken.add(name)
  }
  // Weights that no mark has alone: the root's, when they stand at the same mark.
  if (root !== undefined && probed !== undefined) {
    for (const i of unnamed) {
      const { mark, sub, below } = probed.secondaries[i]!
      const same = root.secondaries.findIndex(
        (other) => other.mark === mark && other.sub === sub && !below && !other.below,
      )
      if (same >= 0 && !taken.has(same) && names[i] === -1) {
        names[i] = same
        taken.add(same)
      }
    }
  }
  let fresh = rootCount
  return names.map((name) => (name === -1 ? fresh++ : name))
}

export function sameElements(a: readonly Element[] | undefined, b: readonly Element[] | undefined): boolean {
  if (a === undefined || b === undefined || a.length !== b.length) return false
  return a.every((x, i) => {
    const y = b[i]!
    return x.primary === y.primary && x.secondary === y.secondary && x.tertiary === y.tertiary && x.case === y.case
  })
}

export interface Landmarks {
  /** Names of primary weights: the last of the spaces, punctuation, symbols and currencies, and the first digit. */
  readonly primaries: readonly number[]
  /** The zeros of the decimal digits. */
  readonly zeros: readonly number[]
}

function zigzag(n: number): number {
  return n < 0 ? -2 * n - 1 : 2 * n
}

export function encodeTable(named: Named, base: Named | undefined, landmarks: Landmarks): Uint8Array {
  const out: number[] = []
  const unsigned = (n: number): void => {
    while (n >= 0x80) {
      out.push((n & 0x7f) | 0x80)
      n >>>= 7
    }
    out.push(n)
  }
  const signed = (n: number): void => unsigned(zigzag(n))
  /** Runs of one value, and stretches of different ones. */
  const column = (values: readonly number[]): void => {
    for (let i = 0; i < values.length; ) {
      let run = 1
      while (values[i + run] === values[i]) run++
      if (run > 2) {
        unsigned(run * 2 + 1)
        unsigned(values[i]!)
        i += run
        continue
      }
      let end = i + run
      while (end < values.length && !(values[end] === values[end + 1] && values[end] === values[end + 2])) end++
      unsigned((end - i) * 2)
      for (; i < end; i++) unsigned(values[i]!)
    }
  }
  const order = (names: readonly number[]): void => {
    const runs: [number, number][] = []
    for (const name of names) {
      const last = runs.at(-1)
      if (last !== undefined && last[0] + last[1] === name) last[1]++
      else runs.push([name, 1])
    }
    unsigned(runs.length)
    let expected = 0
    for (const [start, length] of runs) {
      signed(start - expected)
      expected = start + length
    }
    for (const [, length] of runs) unsigned(length)
  }
  order(named.primaryOrder)
  order(named.secondaryOrder)
  const changed = [...named.elements].filter(([atom, list]) => !sameElements(list, base?.elements.get(atom)))
  const characters = changed.filter(([atom]) => [...atom].length === 1)
  characters.sort(([a], [b]) => a.codePointAt(0)! - b.codePointAt(0)!)
  const contractions = changed.filter(([atom]) => [...atom].length > 1)
  contractions.sort(([a], [b]) => (a < b ? -1 : 1))
  unsigned(characters.length)
  const codes = characters.map(([atom]) => atom.codePointAt(0)!)
  column(codes.map((code, i) => code - (codes[i - 1] ?? 0)))
  const texts = (list: readonly string[]): void => {
    unsigned(list.length)
    for (const text of list) unsigned([...text].length)
    for (const text of list) for (const character of text) unsigned(character.codePointAt(0)!)
  }
  texts(contractions.map(([atom]) => atom))
  const lists = [...characters, ...contractions].map(([, list]) => list)
  column(lists.map((list) => list.length))
  const all = lists.flat()
  column(all.map(({ primary }, i) => zigzag(primary - (all[i - 1]?.primary ?? 0))))
  column(all.map(({ secondary }) => secondary))
  column(all.map((element) => element.case * 256 + element.tertiary))
  texts(base === undefined ? [] : [...base.elements.keys()].filter((atom) => !named.elements.has(atom)).sort())
  unsigned(landmarks.primaries.length)
  for (const name of landmarks.primaries) unsigned(name)
  unsigned(landmarks.zeros.length)
  for (const zero of landmarks.zeros) unsigned(zero)
  return Uint8Array.from(out)
}
