/** Patterns that ask for nothing but a text in a certain place: no engine is needed, and indexes can serve them. */
import type { RegexNode } from './tree.ts'

/** What every text that matches has in it. */
export interface LiteralPart {
  readonly text: string
  /** The text is where the match begins, which is the start of the whole. */
  readonly atStart: boolean
  /** Having it there is all that is asked: there is a match exactly where it is. */
  readonly whole: boolean
}

/** The text that a match must begin with; undefined when there is none to tell. */
export function literalPart(root: RegexNode): LiteralPart | undefined {
  const items = flatten(root)
  let i = 0
  const atStart = items[0]?.kind === 'assertion' && items[0].what === 'start'
  if (atStart) i++
  else while (i < items.length && matchesNothingToo(items[i]!)) i++
  let text = ''
  for (; i < items.length; i++) {
    const item = items[i]!
    const only = item.kind === 'character' ? item.set.only : -1
    if (only < 0) break
    text += String.fromCodePoint(only)
  }
  // What may match nothing asks for nothing, as long as nothing stands behind it.
  while (i < items.length && matchesNothingToo(items[i]!)) i++
  const whole = i === items.length
  return atStart || whole ? { text, atStart, whole } : undefined
}

function flatten(node: RegexNode): RegexNode[] {
  if (node.kind === 'sequence') return node.items.flatMap(flatten)
  if (node.kind === 'group') return flatten(node.item)
  return node.kind === 'empty' ? [] : [node]
}

/** Repetitions that may be of no rounds. */
function matchesNothingToo(node: RegexNode): boolean {
  return node.kind === 'repeat' && node.min === 0
}
