/** What the house rules need to know of a source file, from a scan of its text: imports, code without comments and strings. */

export interface Import {
  /** As written. */
  readonly specifier: string
  /** Erased before the program runs. */
  readonly typeOnly: boolean
}

export interface Source {
  readonly path: string
  readonly text: string
  /** The text with every comment, string, template text and regular expression blanked; lines stay where they are. */
  readonly code: string
  readonly imports: readonly Import[]
  /** Source files of the tree that a string names by their whole path, as for a process to be started. */
  readonly mentions: readonly string[]
}

export function readSource(path: string, text: string): Source {
  const withStrings = blank(text, false)
  const code = blank(text, true)
  return { path, text, code, imports: importsOf(withStrings, code), mentions: mentionsIn(withStrings) }
}

const staticImport = /^\s*(?:import|export)\s+(type\s+)?(?:[\w$*{}\s,]+?\s+from\s+)?(['"])([^'"\n]+)\2/gm
const dynamicImport = /\bimport\(\s*(['"])([^'"\n]+)\1\s*\)/g

function mentionsIn(text: string): string[] {
  return [...text.matchAll(/['"]((?:[\w-]+\/)+[\w.-]+\.(?:ts|mjs))['"]/g)].map((match) => match[1]!)
}

/** `code`: the same text without its strings, to tell an import from a string that shows one. */
function importsOf(text: string, code: string): Import[] {
  const isCode = (match: RegExpExecArray) => code.slice(match.index, match.index + match[0].length).trim() !== ''
  const fixed = [...text.matchAll(staticImport)].filter(isCode)
  const dynamic = [...text.matchAll(dynamicImport)].filter(isCode)
  return [
    ...fixed.map((match) => ({ specifier: match[3]!, typeOnly: match[1] !== undefined })),
    ...dynamic.map((match) => ({ specifier: match[2]!, typeOnly: false })),
  ]
}

/** A `/` after one of these begins a regular expression, not a division. */
const beforeRegularExpression = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|throw|await|yield))\s*$/

const comment = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|^#![^\n]*/y
const quoted = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y
const templatePart = /(?:[^\\`$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y
const regularExpression = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y

/** Blanks comments and, when asked, what is quoted. */
function blank(text: string, quotesToo: boolean): string {
  let out = ''
  let at = 0
  /** The end of the code so far, without comments, and a quote for whatever is quoted. */
  let before = ''
  /** Braces open in the code of each template substitution we are in. */
  const substitutions: number[] = []
  const take = (end: number, kind: 'code' | 'comment' | 'quote') => {
    const piece = text.slice(at, end)
    const isBlanked = kind === 'comment' || (kind === 'quote' && quotesToo)
    out += isBlanked ? piece.replace(/[^\n]/g, ' ') : piece
    if (kind !== 'comment') before = (before + (kind === 'code' ? piece : '"')).slice(-40)
    at = end
  }
  /** Where a match of `pattern` at `from` ends, or -1. */
  const endOf = (pattern: RegExp, from: number) => {
    pattern.lastIndex = from
    return pattern.test(text) ? pattern.lastIndex : -1
  }
  const takeTemplate = (from: number) => {
    const end = endOf(templatePart, from)
    const opens = end > 0 && text.slice(end - 2, end) === '$' + '{'
    take(end < 0 ? text.length : end, 'quote')
    if (opens) substitutions.push(0)
  }
  while (at < text.length) {
    const character = text[at]!
    const commentEnd = character === '/' || character === '#' ? endOf(comment, at) : -1
    const quoteEnd = character === "'" || character === '"' ? endOf(quoted, at) : -1
    const canBeRegularExpression = character === '/' && beforeRegularExpression.test(before)
    const expressionEnd = canBeRegularExpression ? endOf(regularExpression, at) : -1
    if (commentEnd >= 0) take(commentEnd, 'comment')
    else if (quoteEnd >= 0) take(quoteEnd, 'quote')
    else if (expressionEnd >= 0) take(expressionEnd, 'quote')
    else if (character === '`') takeTemplate(at + 1)
    else if (character === '}' && substitutions.at(-1) === 0) {
      substitutions.pop()
      takeTemplate(at + 1)
    } else {
      if (substitutions.length > 0 && character === '{') substitutions[substitutions.length - 1]! += 1
      if (substitutions.length > 0 && character === '}') substitutions[substitutions.length - 1]! -= 1
      take(at + 1, 'code')
    }
  }
  return out
}
