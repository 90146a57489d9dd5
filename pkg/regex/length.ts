import type { RegexNode } from './tree.ts'

/** How many characters a node matches, when that is always the same. */
export function fixedLength(node: RegexNode): number | undefined {
  switch (node.kind) {
    case 'empty':
    case 'look':
    case 'assertion':
      return 0
    case 'character':
      return 1
    case 'sequence': {
      let sum = 0
      for (const item of node.items) {
        const length = fixedLength(item)
        if (length === undefined) return undefined
        sum += length
      }
      return sum
    }
    case 'choice': {
      const lengths = node.options.map(fixedLength)
      return lengths.every((length) => length === lengths[0]) ? lengths[0] : undefined
    }
    case 'repeat': {
      const length = node.min === node.max ? fixedLength(node.item) : undefined
      return length === undefined ? undefined : length * node.min
    }
    case 'group':
    case 'atomic':
      return fixedLength(node.item)
    case 'backreference':
      return undefined
  }
}
