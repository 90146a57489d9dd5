/** Projections of find as functions from document bytes to a writer. */
import type { Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import { compileShape } from './shape.ts'
import type { Projection } from './tree.ts'

/** Writes the projected document, whole, at the end of `into`. */
export type Project = (bytes: Uint8Array, start: number, end: number, into: BsonWriter) => void

/**
 * The function throws what its expressions throw, and 51246 when a positional `$` has no element. `metadata`: what `$meta` tells of the
 * document.
 */
export function compileProjection(projection: Projection, metadata?: (name: string) => Value | undefined): Project {
  if (projection.kind === 'all') {
    return (bytes, start, end, into) => into.append(bytes, start, end)
  }
  const compiler = new ExpressionCompiler()
  const shape = compileShape(projection.root, projection.kind === 'inclusion' ? 'include' : 'exclude', compiler)
  const context = compiler.context(projection.nowMs)
  context.metadata = metadata
  // Who shows documents and cannot wait refuses what takes long.
  context.allowDetours(() => undefined)
  projection.variables.forEach((value, slot) => {
    if (value !== undefined) context.variables[slot] = value
  })
  return (bytes, start, end, into) => {
    context.reset(bytes, start, end)
    into.beginDocument()
    shape(context, into)
    into.end()
  }
}
