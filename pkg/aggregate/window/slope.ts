/** `$derivative` and `$integral`: the change of a value along the axis that documents are sorted by, and its area. */
import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, doubleValue, isNumber, nullValue, numberOf, type Value } from '../../bson/value.ts'
import type { Evaluate, Expression } from '../../expression/expression.ts'
import { parseExpression } from '../../expression/parse.ts'
import { SlidingSum } from '../accumulators/sliding-sum.ts'
import type { PipelineRun } from '../stage.ts'
import { type Frame, FrameEnds, unitOf, wholePartition } from './frame.ts'
import type { Partition } from './partition.ts'
import { fixedUnitMs } from './time-unit.ts'
import type { WindowColumn, WindowDetails, WindowFunction, WindowFunctionDefinition } from './window-function.ts'

/** `{$derivative: {input, unit}}`: between the first and the last document of the frame; null when they are one. */
export const derivative: WindowFunctionDefinition = {
  name: '$derivative',
  parse: (operand, details) => slopeFunction('$derivative', operand, details, (...given) => new Derivative(...given)),
}
/** `{$integral: {input, unit}}`: by trapezoids. */
export const integral: WindowFunctionDefinition = {
  name: '$integral',
  parse: (operand, details) => slopeFunction('$integral', operand, details, (...given) => new Integral(...given)),
}

interface Slope {
  readonly frame: Frame
  readonly evaluate: Evaluate
  /** Milliseconds that count as one along the axis; undefined: the axis is of numbers. */
  readonly unitMs: number | undefined
}

type Open = (slope: Slope, partition: Partition, run: PipelineRun) => WindowColumn

function slopeFunction(
  name: string,
  operand: Value,
  { scope, frame, sort }: WindowDetails,
  open: Open,
): WindowFunction {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError('FailedToParse', `${name} expects an object`)
  }
  let input: Expression | undefined
  let unitMs: number | undefined
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (field.name === 'input') input = parseExpression(field, scope)
    else if (field.name === 'unit') {
      unitMs = fixedUnitMs(unitOf(field))
      if (unitMs === undefined) {
        throw new DatabaseError(5490704, "unit must be 'week' or smaller")
      }
    } else throw new DatabaseError('FailedToParse', `${name} got unexpected argument: ${field.name}`)
  }
  if (input === undefined) throw new DatabaseError('FailedToParse', `${name} requires an 'input' expression`)
  if (sort === undefined || sort.parts.length !== 1) {
    throw new DatabaseError('FailedToParse', `${name} requires a sortBy with exactly one element`)
  }
  if (frame === undefined && name === '$derivative') {
    throw new DatabaseError('FailedToParse', '$derivative requires explicit window bounds')
  }
  return {
    compile(compiler) {
      const evaluate = compiler.compile(input)
      return (partition, run) => open({ frame: frame ?? wholePartition, evaluate, unitMs }, partition, run)
    },
  }
}

/** Where document `i` lies, in units. Errors: 5429513 and 5624900 for an axis of another kind than the unit says. */
function axis(partition: Partition, i: number, unitMs: number | undefined): number {
  return unitMs === undefined
    ? partition.position(i, 'number', 5624902)
    : partition.position(i, 'date', 5624900) / unitMs
}

class Derivative implements WindowColumn {
  readonly #slope: Slope
  readonly #partition: Partition
  readonly #ends: FrameEnds

  constructor(slope: Slope, partition: Partition, _run: PipelineRun) {
    this.#slope = slope
    this.#partition = partition
    this.#ends = new FrameEnds(slope.frame, partition)
  }

  reset(): void {
    this.#ends.reset()
  }

  valueOf(i: number): Value {
    const ends = this.#ends
    const { unitMs } = this.#slope
    ends.moveTo(i)
    const [first, last] = [ends.low, ends.high - 1]
    if (last <= first) return nullValue
    const run = axis(this.#partition, last, unitMs) - axis(this.#partition, first, unitMs)
    const rise = inputAt(this.#partition, last, this.#slope) - inputAt(this.#partition, first, this.#slope)
    return run === 0 ? nullValue : doubleValue(rise / run)
  }
}

/** Errors: 5624901 for what is no number. */
function inputAt(partition: Partition, i: number, { evaluate }: Slope): number {
  const value = partition.evaluate(i, evaluate)
  if (!isNumber(value.type)) throw new DatabaseError(5624901, '$derivative and $integral need numeric input')
  return numberOf(value)
}

class Integral implements WindowColumn {
  readonly #slope: Slope
  readonly #partition: Partition
  readonly #run: PipelineRun
  readonly #ends: FrameEnds
  #sum = new SlidingSum('sum')
  #low = 0
  #high = 0
  #moved = -1

  constructor(slope: Slope, partition: Partition, run: PipelineRun) {
    this.#slope = slope
    this.#partition = partition
    this.#run = run
    this.#ends = new FrameEnds(slope.frame, partition)
  }

  reset(): void {
    this.#ends.reset()
    this.#begin(0)
    this.#moved = -1
  }

  #begin(at: number): void {
    this.#sum = new SlidingSum('sum')
    this.#low = at
    this.#high = at
  }

  valueOf(i: number): Value | undefined {
    const ends = this.#ends
    if (this.#moved !== i) {
      ends.moveTo(i)
      this.#moved = i
    }
    if (ends.low > this.#high) this.#begin(ends.low)
    while (this.#low < ends.low) {
      if (this.#low + 1 < this.#high) this.#sum.remove(this.#area(this.#low))
      this.#low++
      if (this.#run.turnIsOver()) return undefined
    }
    while (this.#high < ends.high) {
      const at = this.#high
      inputAt(this.#partition, at, this.#slope)
      if (at > this.#low) this.#sum.add(this.#area(at - 1))
      this.#high++
      if (this.#run.turnIsOver()) return undefined
    }
    if (this.#low === this.#high) return nullValue
    return this.#high - this.#low === 1 ? doubleValue(0) : this.#sum.result()
  }

  /** Between documents `i` and `i + 1`. */
  #area(i: number): Value {
    const { unitMs } = this.#slope
    const width = axis(this.#partition, i + 1, unitMs) - axis(this.#partition, i, unitMs)
    const height = (inputAt(this.#partition, i, this.#slope) + inputAt(this.#partition, i + 1, this.#slope)) / 2
    return doubleValue(width * height)
  }
}
