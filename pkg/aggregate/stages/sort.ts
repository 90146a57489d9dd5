import { DatabaseError } from '../../base/errors.ts'
import { KeyWriter } from '../../bson/key.ts'
import { bsonType } from '../../bson/type.ts'
import { documentOf, type Value } from '../../bson/value.ts'
import type { GivenMetadata } from '../../expression/available-metadata.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import type { SortKeyOf } from '../../query/sort/key.ts'
import { Outsiders } from '../../query/sort/outsiders.ts'
import { type Sort as ParsedSort, parseSort } from '../../query/sort/parse.ts'
import type { Sorter } from '../../query/sort/sorter.ts'
import { CarriedMetadata, givenMetadata, isCarried, metadataPath } from '../carried-metadata.ts'
import { FieldGathering } from '../needed-fields.ts'
import { keepsAll } from '../path-effects.ts'
import { repeatable, repeatingSortKey } from '../repeatable.ts'
import { type PipelineRun, type Stage, type StageDefinition, type StagePlan, type Step, step } from '../stage.ts'

/** `{$sort: {path: 1 | -1, ...}}` */
export const sort: StageDefinition = {
  name: '$sort',
  parse(operand, { scope }) {
    if (operand.type !== bsonType.document) {
      throw new DatabaseError(15973, 'the $sort key specification must be an object')
    }
    const { collation, metadata } = scope
    const carried = givenMetadata(scope)
    const parsed = parseSort(operand.bytes, operand.start, collation, metadataPath(metadata))
    if (parsed.natural !== undefined) {
      throw new DatabaseError(16410, "FieldPath field names may not start with '$'. Found: $natural")
    }
    for (const { path } of parsed.parts) if (!isCarried(path)) splitFieldPath(path.text)
    if (operand.bytes[operand.start + 4] === 0)
      throw new DatabaseError(15976, '$sort stage must have at least one sort key')
    return planOf({ parsed, document: documentOf(operand), carried }, undefined)
  },
}

interface Sorting {
  readonly parsed: ParsedSort
  /** As it was written. */
  readonly document: Uint8Array
  /** Metadata of its documents, which they keep. */
  readonly carried: readonly GivenMetadata[]
}

function planOf(sorting: Sorting, limit: number | undefined): StagePlan {
  const { parsed, document, carried } = sorting
  return {
    name: '$sort',
    pushdown: { kind: 'sort', document },
    effects: keepsAll,
    needs(after) {
      const gathering = new FieldGathering().others(after)
      for (const { path } of parsed.parts) if (!isCarried(path)) gathering.path(path.text)
      return gathering.fields
    },
    open: (input, run) =>
      carried.length === 0 || input.metadata === undefined
        ? new Sort(input, run, parsed, limit)
        : new SortWithMetadata(input, run, parsed, limit, carried),
    limited: (count) => planOf(sorting, count),
  }
}

class Sort implements Stage {
  protected readonly input: Stage
  readonly #keyOf: SortKeyOf
  readonly #sorter: Sorter
  readonly #outsiders: Outsiders | undefined
  readonly #key = new KeyWriter()
  #filled = false
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, run: PipelineRun, parsed: ParsedSort, limit: number | undefined) {
    this.input = repeatable(input, run)
    this.#keyOf = repeatingSortKey(parsed, this.input, run)
    this.#sorter = run.sorter(limit)
    this.#outsiders = this.#sorter.keepsFirst ? Outsiders.of(parsed) : undefined
    this.bytes = input.bytes
  }

  get spilledBytes(): number {
    return this.#sorter.spilledBytes
  }

  step(): Step {
    if (!this.#filled) {
      const answer = this.#fill()
      if (answer === step.pause) return answer
      this.#filled = true
    }
    const sorter = this.#sorter
    if (!sorter.next()) return step.end
    this.bytes = sorter.document
    this.start = sorter.documentStart
    this.end = sorter.documentEnd
    return step.row
  }

  /** Takes all of the input. */
  #fill(): Step {
    const { input } = this
    const key = this.#key
    const outsiders = this.#outsiders
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      const { bytes, start, end } = this.taken()
      if (outsiders?.includes(bytes, start) === true) continue
      key.reset()
      this.#keyOf(bytes, start, key)
      if (outsiders === undefined) this.#sorter.add(key.bytes, key.length, 0, bytes, start, end)
      else this.#sorter.addInsider(outsiders, key.bytes, key.length, 0, bytes, start, end)
    }
  }

  close(): void {
    this.#sorter.close()
    this.input.close()
  }

  /** What is sorted of the input's document. */
  protected taken(): { readonly bytes: Uint8Array; readonly start: number; readonly end: number } {
    return this.input
  }
}

/** Documents keep what is known of them besides their fields, and may be sorted by that. */
class SortWithMetadata extends Sort {
  readonly #carried: CarriedMetadata

  constructor(
    input: Stage,
    run: PipelineRun,
    parsed: ParsedSort,
    limit: number | undefined,
    names: readonly GivenMetadata[],
  ) {
    super(input, run, parsed, limit)
    this.#carried = new CarriedMetadata(names)
  }

  protected override taken(): { readonly bytes: Uint8Array; readonly start: number; readonly end: number } {
    const { bytes, start, end } = this.input
    const packed = this.#carried.pack(bytes, start, end, (name) => this.input.metadata!(name))
    return { bytes: packed.bytes, start: 0, end: packed.length }
  }

  override step(): Step {
    const answer = super.step()
    if (answer !== step.row) return answer
    const document = this.#carried.unpack(this.bytes, this.start, this.end)
    this.bytes = document.bytes
    this.start = 0
    this.end = document.length
    return step.row
  }

  metadata(name: string): Value | undefined {
    return this.#carried.get(name)
  }
}
