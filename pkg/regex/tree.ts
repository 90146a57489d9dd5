/** A parsed regular expression. Options (`i m s x`) have been worked into its nodes. */
import type { CharacterSet } from './character-set.ts'

export type RegexNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'character'; readonly set: CharacterSet }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | RepeatNode
  | { readonly kind: 'group'; readonly number: number; readonly item: RegexNode }
  | { readonly kind: 'atomic'; readonly item: RegexNode }
  | LookNode
  | { readonly kind: 'assertion'; readonly what: Assertion }
  | { readonly kind: 'backreference'; readonly number: number; readonly caseless: boolean }

export interface RepeatNode {
  readonly kind: 'repeat'
  readonly item: RegexNode
  readonly min: number
  /** `Infinity` for none. */
  readonly max: number
  readonly lazy: boolean
}

export interface LookNode {
  readonly kind: 'look'
  readonly item: RegexNode
  readonly negative: boolean
  /** How many characters back the item begins; undefined: it looks ahead. */
  readonly behind: number | undefined
}

/**
 * `start`, `end`: of the text. `endOrNewline`: also before a newline that ends the text. `lineStart`: after a newline too,
 * but not one that ends the text. `lineEnd`: before a newline too. `word`: between a word character and another.
 */
export type Assertion = 'start' | 'end' | 'endOrNewline' | 'lineStart' | 'lineEnd' | 'word' | 'notWord'

export interface ParsedRegex {
  readonly root: RegexNode
  /** Capturing groups, without the whole match. */
  readonly groupCount: number
  readonly hasBackreference: boolean
}

/** The pattern is not well formed, or uses what is not supported; `offset` in UTF-16 units. */
export class RegexSyntaxError extends Error {
  override readonly name = 'RegexSyntaxError'
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}
