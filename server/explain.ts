/** Turns what went wrong into what is shown: one line for what can happen, a stack only for what is a bug. */
import { DatabaseError } from '../pkg/base/errors.ts'
import { DiskError } from '../pkg/io/disk.ts'
import { Refusal } from './refusal.ts'

export function explain(error: unknown): string {
  if (error instanceof Refusal || error instanceof DatabaseError || error instanceof DiskError)
    return `laura: ${error.message}`
  if (error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string')
    return `laura: ${error.message}`
  return `laura: this is a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
}
