import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { documentFields, isNumber, type Value } from '../../bson/value.ts'
import { wholeNumberAt } from '../../bson/whole-number.ts'
import type { GivenMetadata } from '../../expression/available-metadata.ts'
import type { Sorter } from '../../query/sort/sorter.ts'
import { CarriedMetadata } from '../carried-metadata.ts'
import { type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { PassingStage } from './passing.ts'

/** `{$sample: {size}}`: so many of the documents at random, or all when there are fewer. */
export const sample: StageDefinition = {
  name: '$sample',
  parse(operand, { scope }) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(28745, 'the $sample stage specification must be an object')
    }
    let size: Value | undefined
    for (const field of documentFields(operand.bytes, operand.start)) {
      if (field.name !== 'size') throw new DatabaseError(28748, `unrecognized option to $sample: ${field.name}`)
      if (!isNumber(field.type)) throw new DatabaseError(28746, 'size argument to $sample must be a number')
      size = field
    }
    if (size === undefined) throw new DatabaseError(28749, '$sample stage must specify a size')
    const count = Math.min(wholeNumberAt(size.type, size.bytes, size.start), Number.MAX_SAFE_INTEGER)
    if (!(count > 0)) throw new DatabaseError(28747, 'size argument to $sample must be a positive integer')
    const carried = scope.metadata?.names ?? []
    return { name: '$sample', open: (input, run) => new Sample(input, run, count, carried) }
  },
}

/** Sorts by random keys and gives the first. */
class Sample extends PassingStage {
  readonly #run: PipelineRun
  readonly #sorter: Sorter
  readonly #key = new Uint8Array(6)
  #left: number
  #filled = false
  /** What is known of the documents besides their fields; undefined: nothing. */
  readonly #carried: CarriedMetadata | undefined

  constructor(input: Stage, run: PipelineRun, size: number, carried: readonly GivenMetadata[]) {
    super(input)
    this.#carried = carried.length === 0 || input.metadata === undefined ? undefined : new CarriedMetadata(carried)
    this.#run = run
    this.#left = size
    this.#sorter = run.sorter(size)
  }

  step(): Step {
    if (!this.#filled) {
      const answer = this.#fill()
      if (answer === step.pause) return answer
      this.#filled = true
    }
    const sorter = this.#sorter
    if (this.#left === 0 || !sorter.next()) return step.end
    this.#left--
    const { document, documentStart, documentEnd } = sorter
    if (this.#carried === undefined) this.show(document, documentStart, documentEnd)
    else this.showWritten(this.#carried.unpack(document, documentStart, documentEnd))
    return step.row
  }

  metadata(name: string): Value | undefined {
    return this.#carried?.get(name)
  }

  #fill(): Step {
    const { input } = this
    const key = this.#key
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      let random = Math.floor(this.#run.host.random() * 2 ** 48)
      for (let i = 0; i < 6; i++) {
        key[i] = random & 0xff
        random = Math.floor(random / 256)
      }
      const { bytes, start, end } = input
      const packed = this.#carried?.pack(bytes, start, end, (name) => input.metadata!(name))
      if (packed === undefined) this.#sorter.add(key, key.length, 0, bytes, start, end)
      else this.#sorter.add(key, key.length, 0, packed.bytes, 0, packed.length)
    }
  }

  override close(): void {
    this.#sorter.close()
    super.close()
  }
}
