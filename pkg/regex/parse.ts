/**
 * Patterns in PCRE2's syntax (pcre2pattern(3)) to trees, as MongoDB compiles them: UTF mode, newline is LF, `\d \w \s` and POSIX
 * classes over ASCII. Refused by name: recursion, conditions, callouts, verbs, branch reset, `\K \G \C \X`.
 */
import { anyCharacter, readClass } from './character-class.ts'
import { CharacterSet, literalSet } from './character-set.ts'
import { readEscape } from './escape.ts'
import { fixedLength } from './length.ts'
import { PatternReader } from './pattern-reader.ts'
import type { Assertion, ParsedRegex, RegexNode } from './tree.ts'

export interface RegexOptions {
  readonly caseless: boolean
  readonly multiline: boolean
  readonly dotAll: boolean
  readonly extended: boolean
}

const repeatMax = 65535
const depthMax = 250

/** Throws RegexSyntaxError. */
export function parseRegex(pattern: string, options: RegexOptions): ParsedRegex {
  return new RegexParser(pattern, options).parse()
}

const letters = { i: 'caseless', m: 'multiline', s: 'dotAll', x: 'extended' } as const

class RegexParser {
  readonly #reader: PatternReader
  #options: RegexOptions
  #groupCount = 0
  readonly #names = new Map<string, number>()
  /** References by name, or by number to groups that may come later: checked at the end. */
  readonly #references: { readonly to: string | number; readonly at: number; node: { number: number } }[] = []
  readonly #totalGroups: number
  #depth = 0
  #quoted = false

  constructor(pattern: string, options: RegexOptions) {
    this.#reader = new PatternReader(pattern)
    this.#options = options
    this.#totalGroups = countGroups(pattern)
  }

  parse(): ParsedRegex {
    const reader = this.#reader
    if (reader.text.startsWith('(*')) throw reader.error('(*VERB) is not supported')
    const root = this.#choice()
    if (!reader.ended) throw reader.error('unmatched closing parenthesis')
    for (const { to, at, node } of this.#references) {
      const number = typeof to === 'number' ? to : this.#names.get(to)
      if (number === undefined || number > this.#groupCount)
        throw reader.error('reference to non-existent subpattern', at)
      node.number = number
    }
    return { root, groupCount: this.#groupCount, hasBackreference: this.#references.length > 0 }
  }

  #choice(): RegexNode {
    const options = [this.#sequence()]
    while (this.#reader.skip('|')) options.push(this.#sequence())
    return options.length === 1 ? options[0]! : { kind: 'choice', options }
  }

  #sequence(): RegexNode {
    const items: RegexNode[] = []
    const reader = this.#reader
    for (;;) {
      this.#skipIgnored()
      if (reader.ended) break
      if (!this.#quoted && (reader.peek() === '|' || reader.peek() === ')')) break
      const item = this.#item()
      if (item !== undefined) items.push(this.#repeated(item))
    }
    if (items.length === 1) return items[0]!
    return items.length === 0 ? { kind: 'empty' } : { kind: 'sequence', items }
  }

  /** Comments, `\Q` and `\E`, and with the x option white space. */
  #skipIgnored(): void {
    const reader = this.#reader
    for (;;) {
      const before = reader.at
      if (this.#quoted) {
        if (!reader.skip('\\E')) return
        this.#quoted = false
      } else {
        if (reader.skip('\\Q')) this.#quoted = true
        else reader.skip('\\E')
        if (reader.skip('(?#')) {
          reader.match(/[^)]*/y)
          if (!reader.skip(')')) throw reader.error('missing ) after (?# comment')
        }
        if (this.#options.extended && !this.#quoted) {
          reader.match(/[\t\n\v\f\r \u0085\u200e\u200f\u2028\u2029]*/y)
          reader.match(/#[^\n]*\n?/y)
        }
      }
      if (reader.at === before) return
    }
  }

  /** undefined: an option setting, which matches nothing and cannot be repeated. */
  #item(): RegexNode | undefined {
    const reader = this.#reader
    const at = reader.at
    const character = reader.take()
    if (this.#quoted) return this.#literal(character)
    switch (character) {
      case '^':
        return assertion(this.#options.multiline ? 'lineStart' : 'start')
      case '$':
        return assertion(this.#options.multiline ? 'lineEnd' : 'endOrNewline')
      case '.':
        return anyCharacter(this.#options.dotAll)
      case '[':
        return readClass(reader, at, this.#options.caseless)
      case '(':
        return this.#parenthesis(at)
      case '\\':
        return this.#escape(at)
      case '*':
      case '+':
      case '?':
        throw reader.error('quantifier does not follow a repeatable item', at)
      case '{':
        if (/\{\d+(,\d*)?\}/y.test(reader.text.slice(at)))
          throw reader.error('quantifier does not follow a repeatable item', at)
        return this.#literal(character)
      default:
        return this.#literal(character)
    }
  }

  #literal(character: string): RegexNode {
    return { kind: 'character', set: literalSet(character.codePointAt(0)!, this.#options.caseless) }
  }

  #repeated(item: RegexNode): RegexNode {
    const reader = this.#reader
    let node = item
    for (let first = true; ; first = false) {
      this.#skipIgnored()
      if (this.#quoted) return node
      const bounds = this.#bounds()
      if (bounds === undefined) return node
      if (!first) throw reader.error('quantifier does not follow a repeatable item')
      const { min, max } = bounds
      const possessive = reader.skip('+')
      const lazy = !possessive && reader.skip('?')
      if (item.kind === 'assertion') node = min === 0 ? { kind: 'empty' } : item
      else node = { kind: 'repeat', item, min, max, lazy }
      if (possessive) node = { kind: 'atomic', item: node }
    }
  }

  #bounds(): { min: number; max: number } | undefined {
    const reader = this.#reader
    if (reader.skip('*')) return { min: 0, max: Infinity }
    if (reader.skip('+')) return { min: 1, max: Infinity }
    if (reader.skip('?')) return { min: 0, max: 1 }
    const at = reader.at
    const text = reader.match(/\{\d+(?:,\d*)?\}/y)
    if (text === '') return undefined
    const [low, high] = text.slice(1, -1).split(',')
    const min = Number(low)
    const max = high === undefined ? min : high === '' ? Infinity : Number(high)
    if (min > repeatMax || (max > repeatMax && max !== Infinity)) {
      throw reader.error('number too big in {} quantifier', at)
    }
    if (max < min) throw reader.error('numbers out of order in {} quantifier', at)
    return { min, max }
  }

  #escape(at: number): RegexNode {
    const reader = this.#reader
    const letter = reader.peek()
    switch (letter) {
      case 'A':
        return this.#assertionEscape('start')
      case 'z':
        return this.#assertionEscape('end')
      case 'Z':
        return this.#assertionEscape('endOrNewline')
      case 'b':
        return this.#assertionEscape('word')
      case 'B':
        return this.#assertionEscape('notWord')
      case 'R':
        reader.take()
        return newline
      case 'G':
      case 'K':
      case 'C':
      case 'X':
        throw reader.error(`\\${letter} is not supported`, at)
      case 'k':
      case 'g':
        return this.#namedReference(at)
    }
    const number = /^[1-9]\d*/.exec(reader.text.slice(reader.at, reader.at + 6))?.[0]
    // Up to 9, or as many groups as there are: a reference; otherwise octal.
    if (number !== undefined && (Number(number) < 10 || Number(number) <= this.#totalGroups)) {
      reader.at += number.length
      return this.#reference(Number(number), at)
    }
    if (number?.startsWith('8')) throw reader.error('reference to non-existent subpattern', at)
    const escaped = readEscape(reader)
    if (escaped.kind === 'character') return this.#literal(String.fromCodePoint(escaped.codePoint))
    return { kind: 'character', set: new CharacterSet(escaped.ranges, escaped.properties, false, false) }
  }

  #assertionEscape(what: Assertion): RegexNode {
    this.#reader.take()
    return assertion(what)
  }

  #namedReference(at: number): RegexNode {
    const reader = this.#reader
    const letter = reader.take()
    const text = reader.match(/\{[^}]*\}|<[^>]*>|'[^']*'/y)
    const inner = text === '' && letter === 'g' ? reader.match(/[+-]?\d+/y) : text.slice(1, -1)
    if (inner === '' || (letter === 'g' && /^[<']/.test(text))) {
      throw reader.error(
        letter === 'g' ? 'a subroutine call by \\g is not supported' : '\\k is not followed by a name',
        at,
      )
    }
    if (!/^[+-]?\d+$/.test(inner)) return this.#reference(inner, at)
    const number = Number(inner)
    const absolute = inner.startsWith('-')
      ? this.#groupCount + 1 + number
      : inner.startsWith('+')
        ? this.#groupCount + number
        : number
    if (absolute < 1) throw reader.error('reference to non-existent subpattern', at)
    return this.#reference(absolute, at)
  }

  #reference(to: string | number, at: number): RegexNode {
    const node = { kind: 'backreference' as const, number: 0, caseless: this.#options.caseless }
    this.#references.push({ to, at, node })
    return node
  }

  #parenthesis(at: number): RegexNode | undefined {
    const reader = this.#reader
    if (++this.#depth > depthMax) throw reader.error('parentheses are too deeply nested', at)
    const options = this.#options
    const node = this.#insideParenthesis(at)
    this.#depth--
    if (node === undefined) return undefined
    if (!reader.skip(')')) throw reader.error('missing closing parenthesis')
    this.#options = options
    return node
  }

  #insideParenthesis(at: number): RegexNode | undefined {
    const reader = this.#reader
    if (reader.peek() === '*') throw reader.error('(*VERB) is not supported', at)
    if (!reader.skip('?')) return this.#group(undefined)
    if (reader.skip(':')) return this.#choice()
    if (reader.skip('>')) return { kind: 'atomic', item: this.#choice() }
    if (reader.skip('=')) return { kind: 'look', item: this.#choice(), negative: false, behind: undefined }
    if (reader.skip('!')) return { kind: 'look', item: this.#choice(), negative: true, behind: undefined }
    if (reader.skip('<=')) return this.#lookBehind(false, at)
    if (reader.skip('<!')) return this.#lookBehind(true, at)
    if (reader.skip('P=')) {
      const name = reader.match(/\w+/y)
      return this.#reference(name, at)
    }
    const named = reader.match(/P?<[^>]*>|'[^']*'/y)
    if (named !== '') return this.#group(named.replace(/^P?[<']/, '').slice(0, -1), at)
    if (reader.skip('|')) throw reader.error('branch reset (?| is not supported', at)
    if (reader.skip('(')) throw reader.error('a conditional subpattern is not supported', at)
    if (/[R&0-9+]|P[>&]|-\d/y.test(reader.text.slice(reader.at, reader.at + 2)))
      throw reader.error('recursion is not supported', at)
    if (reader.skip('C')) throw reader.error('callouts are not supported', at)
    return this.#setting(at)
  }

  #group(name: string | undefined, at = 0): RegexNode {
    const reader = this.#reader
    const number = ++this.#groupCount
    if (name !== undefined) {
      if (!/^[A-Za-z_]\w{0,31}$/.test(name)) throw reader.error('subpattern name is not valid', at)
      if (this.#names.has(name)) throw reader.error('two named subpatterns have the same name', at)
      this.#names.set(name, number)
    }
    return { kind: 'group', number, item: this.#choice() }
  }

  /** Each branch must be of one length; branches may differ. */
  #lookBehind(negative: boolean, at: number): RegexNode {
    const item = this.#choice()
    const branches = item.kind === 'choice' ? item.options : [item]
    const looks = branches.map((branch): RegexNode => {
      const behind = fixedLength(branch)
      if (behind === undefined) throw this.#reader.error('lookbehind assertion is not fixed length', at)
      return { kind: 'look', item: branch, negative, behind }
    })
    if (looks.length === 1) return looks[0]!
    return negative ? { kind: 'sequence', items: looks } : { kind: 'atomic', item: { kind: 'choice', options: looks } }
  }

  /** `(?i)`, `(?i-s)`, `(?i:...)`, `(?^)` */
  #setting(at: number): RegexNode | undefined {
    const reader = this.#reader
    const changed: Record<string, boolean> = { ...this.#options }
    if (reader.skip('^')) for (const key of Object.values(letters)) changed[key] = false
    let value = true
    for (;;) {
      if (reader.skip('-')) value = false
      else if (reader.skip(':')) {
        this.#options = changed as unknown as RegexOptions
        return this.#choice()
      } else if (reader.skip(')')) {
        this.#options = changed as unknown as RegexOptions
        return undefined
      } else {
        const letter = reader.peek()
        if (letter !== 'i' && letter !== 'm' && letter !== 's' && letter !== 'x') {
          throw reader.error('unrecognized character after (? or (?-', at)
        }
        reader.take()
        changed[letters[letter]] = value
      }
    }
  }
}

function assertion(what: Assertion): RegexNode {
  return { kind: 'assertion', what }
}

const newline: RegexNode = {
  kind: 'atomic',
  item: {
    kind: 'choice',
    options: [
      {
        kind: 'sequence',
        items: [
          { kind: 'character', set: literalSet(0x0d, false) },
          { kind: 'character', set: literalSet(0x0a, false) },
        ],
      },
      { kind: 'character', set: new CharacterSet([0x0a, 0x0d, 0x85, 0x85, 0x2028, 0x2029], [], false, false) },
    ],
  },
}

/** About how many capturing groups there are: decides between a reference and an octal number only. */
function countGroups(pattern: string): number {
  return pattern.match(/(?<!\\)\((?!\?(?!P?<[^=!]|'))/g)?.length ?? 0
}
