/** Finds out what a file holds: by its name, else by how it begins. */
import { basename } from 'node:path'
import { readInt32 } from '../../../pkg/bson/value.ts'
import type { Format } from './item.ts'

const extensions: ReadonlyMap<string, Format> = new Map([
  ['json', 'json'],
  ['ndjson', 'ndjson'],
  ['jsonl', 'ndjson'],
  ['csv', 'csv'],
  ['bson', 'bson'],
])

/** By the name's extension; `.gz` behind it does not count. */
export function formatOfName(path: string): Format | undefined {
  return extensions.get(/\.(\w+)$/.exec(path.replace(/\.gz$/, ''))?.[1]?.toLowerCase() ?? '')
}

/** By the first bytes of the content; enough are a few hundred. */
export function formatOfContent(head: Uint8Array): Format {
  // The fifth byte of BSON is a type: no text has such a control character there.
  if (head.length >= 5 && readInt32(head, 0) >= 5 && (head[4]! <= 0x08 || (head[4]! >= 0x0e && head[4]! <= 0x13)))
    return 'bson'
  const text = new TextDecoder().decode(head).trimStart()
  return text.startsWith('{') || text.startsWith('[') ? 'json' : 'csv'
}

/** The name of the collection that a file is named after. */
export function nameOfFile(path: string): string {
  return basename(path)
    .replace(/\.gz$/, '')
    .replace(/\.(?:json|ndjson|jsonl|csv|bson)$/, '')
}
