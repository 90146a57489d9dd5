/**
 * Patterns that JavaScript's own engine may run, because how long that can take is known beforehand.
 *
 * Its work from one start is at most `factor * n^degree` for a text of n characters: alternatives add up, what follows one
 * another multiplies, an unbounded repetition of one character has n ways. A repetition of anything else is not run there,
 * nor is what means something different in JavaScript.
 */
import type { CharacterSet } from './character-set.ts'
import type { Assertion, ParsedRegex, RegexNode } from './tree.ts'

/** Steps that may be spent on one text: some milliseconds. Where nothing is tried twice a step is far less than elsewhere. */
const stepsMax = 2_000_000
const plainStepsMax = 8_000_000
const sourceLengthMax = 20_000

export interface NativeRegex {
  readonly expression: RegExp
  /** Texts longer than this are for the other engine. */
  readonly lengthMax: number
}

/** undefined: not for JavaScript's engine. */
export function nativeRegex(parsed: ParsedRegex): NativeRegex | undefined {
  if (parsed.hasBackreference) return undefined
  const work = workOf(parsed.root)
  if (work === undefined) return undefined
  const source = sourceOf(parsed.root)
  if (source === undefined || source.length > sourceLengthMax) return undefined
  const degree = work.degree + (isAnchored(parsed.root) ? 0 : 1)
  // A plain text is searched for, not tried at every place.
  const lengthMax =
    degree === 0 || isPlain(parsed.root)
      ? 2 ** 24
      : Math.floor(((degree === 1 ? plainStepsMax : stepsMax) / work.factor) ** (1 / degree))
  return lengthMax < 16 ? undefined : { expression: new RegExp(source, 'gu'), lengthMax }
}

/** One character after another, each one certain character. */
function isPlain(node: RegexNode): boolean {
  if (node.kind === 'sequence') return node.items.every(isPlain)
  return node.kind === 'character' && node.set.only >= 0
}

interface Work {
  readonly factor: number
  readonly degree: number
}

const once: Work = { factor: 1, degree: 0 }

function workOf(node: RegexNode): Work | undefined {
  switch (node.kind) {
    case 'empty':
    case 'character':
    case 'assertion':
      return once
    case 'group':
      return workOf(node.item)
    case 'sequence': {
      let factor = 1
      let degree = 0
      for (const item of node.items) {
        const work = workOf(item)
        if (work === undefined) return undefined
        factor = item.kind === 'character' ? factor + 1 : (factor + 1) * work.factor
        degree += work.degree
      }
      return { factor, degree }
    }
    case 'choice': {
      let factor = 0
      let degree = 0
      for (const option of node.options) {
        const work = workOf(option)
        if (work === undefined) return undefined
        factor += work.factor
        degree = Math.max(degree, work.degree)
      }
      return { factor, degree }
    }
    case 'repeat':
      if (node.item.kind !== 'character') return node.max <= 1 ? addOne(workOf(node.item)) : undefined
      return node.max === Infinity ? { factor: node.min + 1, degree: 1 } : { factor: node.max + 1, degree: 0 }
    case 'atomic':
    case 'look':
    case 'backreference':
      return undefined
  }
}

function addOne(work: Work | undefined): Work | undefined {
  return work && { factor: work.factor + 1, degree: work.degree }
}

/** Whether a match can only begin at the start of the text. */
export function isAnchored(node: RegexNode): boolean {
  switch (node.kind) {
    case 'assertion':
      return node.what === 'start'
    case 'sequence':
      return node.items[0] !== undefined && isAnchored(node.items[0])
    case 'choice':
      return node.options.every(isAnchored)
    case 'group':
    case 'atomic':
      return isAnchored(node.item)
    default:
      return false
  }
}

function sourceOf(node: RegexNode): string | undefined {
  switch (node.kind) {
    case 'empty':
      return '(?:)'
    case 'character':
      return setSource(node.set)
    case 'assertion':
      return assertionSource(node.what)
    case 'sequence':
      return joined(node.items, '')
    case 'choice': {
      const inner = joined(node.options, '|')
      return inner === undefined ? undefined : `(?:${inner})`
    }
    case 'group': {
      const inner = sourceOf(node.item)
      return inner === undefined ? undefined : `(${inner})`
    }
    case 'repeat': {
      const inner = sourceOf(node.item)
      if (inner === undefined) return undefined
      const max = node.max === Infinity ? '' : node.max
      return `(?:${inner}){${node.min},${max}}${node.lazy ? '?' : ''}`
    }
    default:
      return undefined
  }
}

function joined(nodes: readonly RegexNode[], separator: string): string | undefined {
  const sources: string[] = []
  for (const node of nodes) {
    const source = sourceOf(node)
    if (source === undefined) return undefined
    sources.push(source)
  }
  return sources.join(separator)
}

function assertionSource(what: Assertion): string {
  switch (what) {
    case 'start':
      return '^'
    case 'end':
      return '$'
    case 'endOrNewline':
      return '(?=\\n?$)'
    case 'lineStart':
      return '(?:^|(?<=\\n)(?!$))'
    case 'lineEnd':
      return '(?=\\n|$)'
    case 'word':
      return '\\b'
    case 'notWord':
      return '\\B'
  }
}

/** undefined for a set that JavaScript would widen differently when case does not count. */
function setSource(set: CharacterSet): string | undefined {
  if (set.caseless) return undefined
  const only = set.only
  if (only >= 0) return codeSource(only)
  let inner = set.properties.join('')
  for (let i = 0; i < set.ranges.length; i += 2) {
    const from = set.ranges[i]!
    const to = set.ranges[i + 1]!
    inner += from === to ? codeSource(from) : `${codeSource(from)}-${codeSource(to)}`
  }
  return `[${set.negated ? '^' : ''}${inner}]`
}

function codeSource(codePoint: number): string {
  const isPlain =
    (codePoint >= 0x30 && codePoint <= 0x39) ||
    (codePoint >= 0x41 && codePoint <= 0x5a) ||
    (codePoint >= 0x61 && codePoint <= 0x7a)
  return isPlain ? String.fromCharCode(codePoint) : `\\u{${codePoint.toString(16)}}`
}
