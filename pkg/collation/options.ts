/** How a collation orders, beyond its locale: ICU's options by the names and values that MongoDB gives them. */
export interface CollationOptions {
  readonly caseLevel: boolean
  readonly caseFirst: 'upper' | 'lower' | 'off'
  /** 1 letters, 2 accents, 3 case and variants, 4 what is shifted, 5 code points. */
  readonly strength: 1 | 2 | 3 | 4 | 5
  readonly numericOrdering: boolean
  readonly alternate: 'non-ignorable' | 'shifted'
  readonly maxVariable: 'punct' | 'space'
  readonly normalization: boolean
  readonly backwards: boolean
}
