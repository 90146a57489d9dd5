/** How much memory one value of an expression may take: far beyond a document, far below what endangers the process. */
import { DatabaseError } from '../base/errors.ts'

export const resultSizeMaxBytes = 100 * 1024 * 1024

/** Errors: ExceededMemoryLimit. */
export function refuseOversize(bytes: number): void {
  if (bytes > resultSizeMaxBytes) {
    throw new DatabaseError(
      'ExceededMemoryLimit',
      `An expression's value would take ${bytes} bytes, the limit is ${resultSizeMaxBytes}`,
    )
  }
}
