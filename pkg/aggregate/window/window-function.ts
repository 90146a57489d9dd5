/** What a window function is: a value for each document of a partition, in order. */
import type { Value } from '../../bson/value.ts'
import type { ExpressionCompiler } from '../../expression/compile.ts'
import type { Scope } from '../../expression/scope.ts'
import type { Sort } from '../../query/sort/parse.ts'
import type { FieldGathering } from '../needed-fields.ts'
import type { PipelineRun } from '../stage.ts'
import type { Frame } from './frame.ts'
import type { Partition } from './partition.ts'

export interface WindowFunctionDefinition {
  /** With the `$`. */
  readonly name: string
  /** `frame`: undefined when no window was given. */
  parse(operand: Value, details: WindowDetails): WindowFunction
}

export interface WindowDetails {
  readonly scope: Scope
  readonly frame: Frame | undefined
  readonly sort: Sort | undefined
}

export interface WindowFunction {
  /** Which fields of documents it reads, besides those that the partition is sorted by; not there: it may read any. */
  readonly reads?: (gathering: FieldGathering) => void
  /** Compiled together with all others of the stage. */
  compile(compiler: ExpressionCompiler): (partition: Partition, run: PipelineRun) => WindowColumn
}

export interface WindowColumn {
  /** Before the first document of a partition. */
  reset(): void
  /** The value for document `i`, asked for each in turn; undefined, or a `Detour` thrown: ask again. What it takes in, it evaluates first. */
  valueOf(i: number): Value | undefined
}
