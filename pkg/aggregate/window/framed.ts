/** Accumulators over frames. */
import { DatabaseError } from '../../base/errors.ts'
import { nullValue, type Value } from '../../bson/value.ts'
import { type Evaluate, missing } from '../../expression/expression.ts'
import {
  type Accumulation,
  type Accumulator,
  copyOf,
  type ParsedAccumulator,
  type SlidingAccumulation,
} from '../accumulators/accumulator.ts'
import type { PipelineRun } from '../stage.ts'
import { type Frame, FrameEnds, wholePartition } from './frame.ts'
import type { Partition } from './partition.ts'
import type { WindowColumn, WindowFunction, WindowFunctionDefinition } from './window-function.ts'

/** An accumulator as a window function. */
export function framed(accumulator: Accumulator): WindowFunctionDefinition {
  return {
    name: accumulator.name,
    parse: (operand, { scope, frame }) => framedFunction(accumulator.parse(operand, scope), frame ?? wholePartition),
  }
}

export function framedFunction(parsed: ParsedAccumulator, frame: Frame): WindowFunction {
  return {
    reads(gathering) {
      gathering.expression(parsed.expression).expression(parsed.initial)
      for (const path of parsed.reads ?? []) gathering.path(path)
    },
    compile(compiler) {
      const evaluate = compiler.compile(parsed.expression)
      const initial = parsed.initial && compiler.compile(parsed.initial)
      return (partition, run) => new FramedColumn(parsed, frame, { evaluate, initial }, partition, run)
    },
  }
}

/**
 * A frame that only grows, or whose accumulator can take values out, costs each document one step in and one out. Others are
 * gathered anew when their lower end moves.
 */
class FramedColumn implements WindowColumn {
  readonly #accumulator: ParsedAccumulator
  readonly #slides: boolean
  readonly #evaluate: Evaluate
  readonly #initial: Evaluate | undefined
  readonly #partition: Partition
  readonly #run: PipelineRun
  readonly #ends: FrameEnds
  #state: Accumulation | undefined
  /** What the state holds. */
  #low = 0
  #high = 0
  #moved = -1
  #result: Value | undefined

  constructor(
    accumulator: ParsedAccumulator,
    frame: Frame,
    compiled: { readonly evaluate: Evaluate; readonly initial: Evaluate | undefined },
    partition: Partition,
    run: PipelineRun,
  ) {
    this.#accumulator = accumulator
    this.#slides = accumulator.openSliding !== undefined && frame.lower !== -Infinity
    this.#evaluate = compiled.evaluate
    this.#initial = compiled.initial
    this.#partition = partition
    this.#run = run
    this.#ends = new FrameEnds(frame, partition)
  }

  reset(): void {
    this.#ends.reset()
    this.#moved = -1
    this.#begin(0)
  }

  #begin(at: number): void {
    const initial =
      this.#initial === undefined || this.#partition.count === 0
        ? undefined
        : copyOf(this.#partition.evaluate(0, this.#initial))
    this.#state = this.#slides ? this.#accumulator.openSliding!(initial) : this.#accumulator.open(initial)
    this.#low = at
    this.#high = at
    this.#result = undefined
  }

  valueOf(i: number): Value | undefined {
    const ends = this.#ends
    if (this.#moved !== i) {
      ends.moveTo(i)
      this.#moved = i
    }
    const slides = this.#slides && ends.low <= this.#high
    if (this.#low !== ends.low && !slides) this.#begin(ends.low)
    // What comes in is added before what goes out is removed: rounded sums depend on the order.
    while (this.#high < ends.high) {
      const at = this.#high
      const value = this.#partition.evaluate(at, this.#evaluate)
      this.#state!.add(value, this.#partition.context)
      this.#high++
      this.#result = undefined
      if ((at & 63) === 0) this.#refuseTooLarge()
      if (this.#run.turnIsOver()) return undefined
    }
    if (this.#low !== ends.low && !this.#removeTo(ends.low)) return undefined
    this.#result ??= this.#state!.result()
    return this.#result
  }

  /** Errors: 5414201 when what the frame holds needs more memory than there is. */
  #refuseTooLarge(): void {
    const { usedBytes } = this.#state!
    if (usedBytes <= this.#run.memoryLimitBytes) return
    throw new DatabaseError(
      5414201,
      `Exceeded memory limit in $setWindowFields: a window of ${usedBytes} bytes, more than ${this.#run.memoryLimitBytes}`,
    )
  }

  #removeTo(low: number): boolean {
    const state = this.#state as SlidingAccumulation
    while (this.#low < low) {
      const value = this.#partition.evaluate(this.#low, this.#evaluate)
      state.remove(value, this.#partition.context)
      this.#low++
      this.#result = undefined
      if (this.#run.turnIsOver()) return false
    }
    return true
  }
}

/** `$first` and `$last`: nothing is gathered, the document at the end of the frame is asked. */
export function atEnd(accumulator: Accumulator, end: 'first' | 'last'): WindowFunctionDefinition {
  return {
    name: accumulator.name,
    parse(operand, { scope, frame }) {
      const { expression } = accumulator.parse(operand, scope)
      return {
        reads: (gathering) => gathering.expression(expression),
        compile(compiler) {
          const evaluate = compiler.compile(expression)
          return (partition) => {
            const ends = new FrameEnds(frame ?? wholePartition, partition)
            return {
              reset: () => ends.reset(),
              valueOf(i) {
                ends.moveTo(i)
                if (ends.low === ends.high) return nullValue
                const value = partition.evaluate(end === 'first' ? ends.low : ends.high - 1, evaluate)
                return value === missing ? nullValue : value
              },
            }
          }
        },
      }
    },
  }
}
