import { RegexSyntaxError } from './tree.ts'

/** A pattern's text and how far it has been read. */
export class PatternReader {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
  }

  get ended(): boolean {
    return this.at >= this.text.length
  }

  /** The next character (a whole code point), or '' at the end. */
  peek(): string {
    const codePoint = this.text.codePointAt(this.at)
    return codePoint === undefined ? '' : String.fromCodePoint(codePoint)
  }

  take(): string {
    const character = this.peek()
    if (character === '') throw this.error('\\ at end of pattern')
    this.at += character.length
    return character
  }

  /** Whether `expected` comes next; if so it is taken. */
  skip(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false
    this.at += expected.length
    return true
  }

  /** Takes what a sticky expression matches here, or ''. */
  match(sticky: RegExp): string {
    sticky.lastIndex = this.at
    const found = sticky.exec(this.text)?.[0] ?? ''
    this.at += found.length
    return found
  }

  error(message: string, at = this.at): RegexSyntaxError {
    return new RegexSyntaxError(message, at)
  }
}
