import { DatabaseError } from '../../base/errors.ts'
import { encodeKey, KeyWriter } from '../../bson/key.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { documentFields, nullValue, type Value } from '../../bson/value.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { type Evaluate, type Expression, missing } from '../../expression/expression.ts'
import { splitFieldPath } from '../../expression/field-path.ts'
import { parseExpression } from '../../expression/parse.ts'
import type { Scope } from '../../expression/scope.ts'
import { compileSort, type SortKeyOf } from '../../query/sort/key.ts'
import { parseSort, type Sort } from '../../query/sort/parse.ts'
import type { Sorter } from '../../query/sort/sorter.ts'
import { FieldSetter } from '../field-setter.ts'
import { type PipelineRun, type Stage, type StageDefinition, type Step, step } from '../stage.ts'
import { type Frame, parseFrame } from '../window/frame.ts'
import { Partition } from '../window/partition.ts'
import { windowFunctions } from '../window/table.ts'
import type { WindowColumn, WindowFunction } from '../window/window-function.ts'
import { PassingStage } from './passing.ts'

interface Windowing {
  readonly partitionBy: Expression | undefined
  readonly sort: Sort | undefined
  readonly output: readonly { readonly path: string; readonly function: WindowFunction }[]
}

/** `{$setWindowFields: {partitionBy, sortBy, output: {path: {$function: operand, window}}}}` */
export const setWindowFields: StageDefinition = {
  name: '$setWindowFields',
  parse(operand, { scope }) {
    const windowing = parseWindowing(operand, scope)
    return {
      name: '$setWindowFields',
      open: (input, run) => new SetWindowFields(input, run, windowing),
    }
  },
}

function parseWindowing(operand: Value, scope: Scope): Windowing {
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      'FailedToParse',
      `the $setWindowFields stage specification must be an object, found ${typeAlias(operand.type)}`,
    )
  }
  let partitionBy: Expression | undefined
  let sort: Sort | undefined
  let output: Value | undefined
  for (const field of documentFields(operand.bytes, operand.start)) {
    switch (field.name) {
      case 'partitionBy':
        if (field.type !== bsonType.null) partitionBy = parseExpression(field, scope)
        break
      case 'sortBy':
        if (field.type === bsonType.null) break
        if (field.type !== bsonType.document) throw wrongType('sortBy', field)
        sort = parseSort(field.bytes, field.start)
        if (sort.parts.length === 0) sort = undefined
        break
      case 'output':
        if (field.type !== bsonType.document) throw wrongType('output', field)
        output = field
        break
      default:
        throw new DatabaseError('UnknownField', `BSON field '$setWindowFields.${field.name}' is an unknown field.`)
    }
  }
  if (output === undefined) {
    throw new DatabaseError('MissingField', "BSON field '$setWindowFields.output' is missing but a required field")
  }
  const columns = [...documentFields(output.bytes, output.start)].map((field) => {
    splitFieldPath(field.name)
    return { path: field.name, function: parseOutput(field, scope, sort) }
  })
  return { partitionBy, sort, output: columns }
}

function wrongType(name: string, value: Value): DatabaseError {
  return new DatabaseError(
    'TypeMismatch',
    `BSON field '$setWindowFields.${name}' is the wrong type '${typeAlias(value.type)}', expected type 'object'`,
  )
}

/** `{$function: operand, window: frame}`. Errors: FailedToParse, and 5339901, 5339902, 8947401 for a frame without its order. */
function parseOutput(field: { readonly name: string } & Value, scope: Scope, sort: Sort | undefined): WindowFunction {
  if (field.type !== bsonType.document) {
    throw new DatabaseError('FailedToParse', `The field '${field.name}' must be an object`)
  }
  let operand: ({ readonly name: string } & Value) | undefined
  let frame: Frame | undefined
  for (const part of documentFields(field.bytes, field.start)) {
    if (part.name === 'window') frame = parseFrame(part)
    else if (!part.name.startsWith('$')) {
      throw new DatabaseError('FailedToParse', `Window function found an unknown argument: ${part.name}`)
    } else if (operand !== undefined) {
      throw new DatabaseError('FailedToParse', 'Cannot specify two functions in window function spec')
    } else operand = part
  }
  if (operand === undefined) throw new DatabaseError('FailedToParse', 'Expected a $-prefixed window function')
  const definition = windowFunctions.get(operand.name)
  if (definition === undefined) {
    throw new DatabaseError('FailedToParse', `Unrecognized window function, ${operand.name}`)
  }
  if (frame !== undefined) refuseUnordered(frame, sort)
  return definition.parse(operand, { scope, frame, sort })
}

function refuseUnordered({ kind, lower, upper }: Frame, sort: Sort | undefined): void {
  if (kind === 'documents') {
    if (sort === undefined && (lower !== -Infinity || upper !== Infinity)) {
      throw new DatabaseError(5339901, 'Document-based bounds require a sortBy')
    }
    return
  }
  if (sort?.parts.length !== 1) throw new DatabaseError(5339902, 'Range-based bounds require a sortBy a single field')
  if (sort.parts[0]!.descending) throw new DatabaseError(8947401, 'Range-based bounds require an ascending sortBy')
}

/** Sorts its input by partition and order, then goes through it a partition at a time. */
class SetWindowFields extends PassingStage {
  readonly #run: PipelineRun
  readonly #partitionBy: Evaluate | undefined
  readonly #context: EvaluationContext
  readonly #sortKey: SortKeyOf | undefined
  readonly #sorter: Sorter | undefined
  readonly #key = new KeyWriter()
  readonly #partition: Partition
  readonly #columns: readonly WindowColumn[]
  readonly #setter: FieldSetter
  #filled = false
  /** The partition's key, and whether the row after it has been taken up. */
  #partitionKey: Uint8Array | undefined
  #waiting: Uint8Array | undefined
  #gathered = false
  #inputEnded = false
  #at = 0
  /** Columns whose value for the current document is there. */
  #column = 0

  constructor(input: Stage, run: PipelineRun, { partitionBy, sort, output }: Windowing) {
    super(input)
    this.#run = run
    const partitionCompiler = new ExpressionCompiler()
    this.#partitionBy = partitionBy && partitionCompiler.compile(partitionBy)
    this.#context = run.context(partitionCompiler)
    this.#sortKey = sort && compileSort(sort)
    this.#sorter = partitionBy === undefined && sort === undefined ? undefined : run.sorter()
    const compiler = new ExpressionCompiler()
    const opens = output.map((column) => column.function.compile(compiler))
    const [only, second] = sort?.parts ?? []
    const names = only?.path.parts.map(({ name }) => name) ?? []
    const sortValue =
      only === undefined || second !== undefined ? undefined : compiler.compile({ kind: 'path', variable: 0, names })
    this.#partition = new Partition(run.context(compiler), sortValue, this.#sortKey)
    this.#columns = opens.map((open) => open(this.#partition, run))
    this.#setter = new FieldSetter(
      output.map(({ path }) => path),
      run,
    )
  }

  step(): Step {
    if (this.#sorter !== undefined && !this.#filled) {
      const answer = this.#fill(this.#sorter)
      if (answer === step.pause) return answer
      this.#filled = true
    }
    for (;;) {
      if (!this.#gathered) {
        const answer = this.#gather()
        if (answer !== step.row) return answer
        this.#gathered = true
        for (const column of this.#columns) column.reset()
        this.#at = 0
        this.#column = 0
      }
      if (this.#at < this.#partition.count) return this.#emit()
      this.#partition.reset()
      this.#gathered = false
    }
  }

  #fill(sorter: Sorter): Step {
    const { input } = this
    const key = this.#key
    for (;;) {
      const answer = input.step()
      if (answer !== step.row) return answer
      key.reset()
      this.#writePartitionKey(input.bytes, input.start, input.end)
      this.#sortKey?.(input.bytes, input.start, key)
      sorter.add(key.bytes, key.length, 0, input.bytes, input.start, input.end)
    }
  }

  #writePartitionKey(bytes: Uint8Array, start: number, end: number): void {
    if (this.#partitionBy === undefined) return
    this.#context.reset(bytes, start, end)
    let value = this.#partitionBy(this.#context)
    if (value === missing) value = nullValue
    if (value.type === bsonType.array) {
      throw new DatabaseError('TypeMismatch', 'An expression used to partition cannot evaluate to value of type array')
    }
    encodeKey(this.#key, value.type, value.bytes, value.start)
  }

  /** Takes up the documents of the next partition: `row` when there is one. */
  #gather(): Step {
    if (this.#waiting !== undefined) {
      this.#partition.add(this.#waiting)
      this.#waiting = undefined
    }
    while (!this.#inputEnded) {
      const document = this.#next()
      if (document === undefined) return step.pause
      if (document === 'end') {
        this.#inputEnded = true
        break
      }
      if (this.#beginsPartition(document)) {
        if (this.#partition.count > 0) {
          this.#waiting = document
          return step.row
        }
      }
      this.#partition.add(document)
      this.#refuseTooLarge()
      if (this.#run.turnIsOver()) return step.pause
    }
    return this.#partition.count > 0 ? step.row : step.end
  }

  /** A copy of the next document in order; undefined: the turn is over. */
  #next(): Uint8Array | 'end' | undefined {
    const sorter = this.#sorter
    if (sorter !== undefined) {
      return sorter.next() ? sorter.document.slice(sorter.documentStart, sorter.documentEnd) : 'end'
    }
    const { input } = this
    const answer = input.step()
    if (answer === step.pause) return undefined
    return answer === step.end ? 'end' : input.bytes.slice(input.start, input.end)
  }

  #beginsPartition(document: Uint8Array): boolean {
    if (this.#partitionBy === undefined) return false
    const key = this.#key
    key.reset()
    this.#writePartitionKey(document, 0, document.length)
    const before = this.#partitionKey
    if (before?.length === key.length) {
      let same = 0
      while (same < key.length && before[same] === key.bytes[same]) same++
      if (same === key.length) return false
    }
    this.#partitionKey = key.bytes.slice(0, key.length)
    return true
  }

  #refuseTooLarge(): void {
    if (this.#partition.usedBytes <= this.#run.memoryLimitBytes) return
    throw new DatabaseError(
      5414201,
      `Exceeded memory limit in $setWindowFields: a partition of ${this.#partition.usedBytes} bytes`,
    )
  }

  #emit(): Step {
    const columns = this.#columns
    const { values } = this.#setter
    while (this.#column < columns.length) {
      const value = columns[this.#column]!.valueOf(this.#at)
      if (value === undefined) return step.pause
      values[this.#column++] = value
    }
    this.#column = 0
    const document = this.#partition.documents[this.#at++]!
    this.showWritten(this.#setter.set(document, 0, document.length))
    return step.row
  }

  override close(): void {
    this.#sorter?.close()
    super.close()
  }
}
