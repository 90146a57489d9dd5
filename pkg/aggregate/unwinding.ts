/** What an `$unwind` does, for stages that do it at once. */
export interface Unwinding {
  readonly path: string
  readonly indexPath: string | undefined
  /** Documents without elements are kept, too. */
  readonly keepEmpty: boolean
}
