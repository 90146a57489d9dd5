import { DatabaseError } from '../../base/errors.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { utf8Bytes } from '../../bson/utf8.ts'
import { documentFields, int64Value, nullValue, readString, type Value } from '../../bson/value.ts'
import { ElementWalker } from '../../bson/walk.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { ExpressionCompiler } from '../../expression/compile.ts'
import type { EvaluationContext } from '../../expression/context.ts'
import { isNullish, missing } from '../../expression/expression.ts'
import { fieldValue, splitFieldPath } from '../../expression/field-path.ts'
import { NarrowUnwind } from '../narrow-unwind.ts'
import { FieldGathering, type NeededFields } from '../needed-fields.ts'
import { NestedSetter } from '../nested-setter.ts'
import { changes } from '../path-effects.ts'
import { type PipelineRun, type Stage, type StageDefinition, type StagePlan, type Step, step } from '../stage.ts'
import type { Unwinding } from '../unwinding.ts'

/** `{$unwind: path}` or `{$unwind: {path, includeArrayIndex, preserveNullAndEmptyArrays}}`: one document an element. */
export const unwind: StageDefinition = {
  name: '$unwind',
  parse(operand) {
    const unwinding = parseUnwinding(operand)
    return planOf(unwinding, undefined)
  },
}

function planOf(unwinding: Unwinding, needed: NeededFields | undefined): StagePlan {
  const { path, indexPath } = unwinding
  return {
    name: '$unwind',
    unwinding,
    effects: changes(indexPath === undefined ? [path] : [path, indexPath]),
    needs: (after) => new FieldGathering().others(after).path(path).fields,
    narrowed: (fields) => planOf(unwinding, fields),
    open: (input, run) =>
      needed !== undefined && indexPath === undefined && !path.includes('.')
        ? new NarrowUnwind(input, run, unwinding, needed)
        : new Unwind(input, run, unwinding),
  }
}

function parseUnwinding(operand: Value): Unwinding {
  if (operand.type === bsonType.string) return { path: pathOf(operand), indexPath: undefined, keepEmpty: false }
  if (operand.type !== bsonType.document) {
    throw new DatabaseError(
      15981,
      `expected either a string or an object as specification for $unwind stage, got ${typeAlias(operand.type)}`,
    )
  }
  let path: string | undefined
  let indexPath: string | undefined
  let keepEmpty = false
  for (const option of documentFields(operand.bytes, operand.start)) {
    switch (option.name) {
      case 'path':
        path = pathOf(option)
        break
      case 'includeArrayIndex':
        indexPath = indexPathOf(option)
        break
      case 'preserveNullAndEmptyArrays':
        if (option.type !== bsonType.boolean) {
          throw new DatabaseError(
            28809,
            `expected a boolean for the preserveNullAndEmptyArrays option to $unwind stage, got ${typeAlias(option.type)}`,
          )
        }
        keepEmpty = option.bytes[option.start] === 1
        break
      default:
        throw new DatabaseError(28811, `unrecognized option to $unwind stage: ${option.name}`)
    }
  }
  if (path === undefined) throw new DatabaseError(28812, 'no path specified to $unwind stage')
  return { path, indexPath, keepEmpty }
}

function pathOf(value: Value): string {
  if (value.type !== bsonType.string) {
    throw new DatabaseError(28808, `expected a string as the path for $unwind stage, got ${typeAlias(value.type)}`)
  }
  const text = readString(value.bytes, value.start)
  if (text === '') throw new DatabaseError(28812, 'no path specified to $unwind stage')
  if (!text.startsWith('$')) {
    throw new DatabaseError(28818, `path option to $unwind stage should be prefixed with a '$': ${text}`)
  }
  if (text.includes('\0')) throw new DatabaseError(16419, 'field path must not contain embedded null characters')
  splitFieldPath(text.slice(1))
  return text.slice(1)
}

function indexPathOf(value: Value): string {
  const text = value.type === bsonType.string ? readString(value.bytes, value.start) : ''
  if (text === '') {
    throw new DatabaseError(
      28810,
      `expected a non-empty string for the includeArrayIndex option to $unwind stage, got ${typeAlias(value.type)}`,
    )
  }
  if (text.startsWith('$')) {
    throw new DatabaseError(
      28822,
      `includeArrayIndex option to $unwind stage should not be prefixed with a '$': ${text}`,
    )
  }
  splitFieldPath(text)
  return text
}

/** An element is a small unit of work. */
const elementsPerLook = 4

class Unwind implements Stage {
  readonly #input: Stage
  readonly #run: PipelineRun
  readonly #keepEmpty: boolean
  readonly #path: readonly Uint8Array[]
  readonly #context: EvaluationContext
  readonly #writer = new BsonWriter()
  readonly #elements = new ElementWalker()
  /** The values that `#shape` puts into a document. */
  #element: Value = missing
  #index: Value = nullValue
  readonly #withElement: NestedSetter
  readonly #withIndexOnly: NestedSetter | undefined
  readonly #spliced: boolean
  #array: Value = missing
  #position = 0
  #unwinding = false
  #given = 0
  /** What is at work lies in memory of its own. */
  #isKept = false
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, run: PipelineRun, { path, indexPath, keepEmpty }: Unwinding) {
    this.#input = input
    this.#run = run
    this.#keepEmpty = keepEmpty
    this.#path = splitFieldPath(path).map(utf8Bytes)
    const compiler = new ExpressionCompiler()
    this.bytes = input.bytes
    this.#spliced = this.#path.length === 1 && indexPath === undefined
    this.#withElement = new NestedSetter(indexPath === undefined ? [path] : [path, indexPath])
    this.#withIndexOnly = indexPath === undefined ? undefined : new NestedSetter([indexPath])
    this.#context = run.context(compiler)
    run.track(this)
  }

  step(): Step {
    for (;;) {
      if (this.#unwinding) {
        if (++this.#given % elementsPerLook === 0 && this.#run.turnIsOver()) return step.pause
        if (this.#nextElement()) return step.row
      }
      const input = this.#input
      const answer = input.step()
      if (answer !== step.row) return answer
      if (this.#begin(input)) return step.row
      if (this.#run.turnIsOver()) return step.pause
    }
  }

  /** Takes up an input; true when it gives a document of its own right away. */
  #begin(input: Stage): boolean {
    const { bytes, start, end } = input
    this.#context.reset(bytes, start, end)
    const value = valueAt(bytes, start, this.#path)
    if (value.type === bsonType.array) {
      this.#array = value
      this.#isKept = false
      this.#elements.reset(bytes, value.start)
      this.#position = 0
      if (this.#nextElement()) {
        this.#unwinding = true
        return true
      }
      if (!this.#keepEmpty) return false
      this.#element = missing
      this.#index = nullValue
      this.#emit(this.#withElement)
      return true
    }
    if (isNullish(value) && !this.#keepEmpty) return false
    // What is no array counts as an array of itself, without an index.
    this.#index = nullValue
    if (this.#withIndexOnly !== undefined) this.#emit(this.#withIndexOnly)
    else {
      this.bytes = bytes
      this.start = start
      this.end = end
    }
    return true
  }

  #nextElement(): boolean {
    if (!this.#elements.next()) {
      this.#unwinding = false
      return false
    }
    if (this.#spliced) {
      this.#emitSpliced()
      return true
    }
    this.#element = this.#elements.value()
    if (this.#withIndexOnly !== undefined) this.#index = int64Value(this.#position)
    this.#position++
    this.#emit(this.#withElement)
    return true
  }

  #emit(setter: NestedSetter): void {
    const { bytes, start } = this.#context
    const { values } = setter
    if (setter === this.#withElement) values[0] = this.#element
    if (setter === this.#withIndexOnly || values.length > 1) values[values.length - 1] = this.#index
    this.#take(setter.set(bytes, start))
  }

  /** The input with the element in the array's place, when the array is a top-level field and no index is asked for. */
  #emitSpliced(): void {
    const { bytes, start, end } = this.#context
    const { type, valueStart, valueEnd } = this.#elements
    const name = this.#path[0]!
    const writer = this.#writer
    writer.reset()
    writer.beginDocument()
    writer.raw(bytes, start + 4, this.#array.start - name.length - 2)
    writer.element(type, name, 0, name.length, bytes, valueStart, valueEnd)
    writer.raw(bytes, this.#array.end, end - 1)
    writer.end()
    this.#take(writer)
  }

  #take(writer: BsonWriter): void {
    this.bytes = writer.bytes
    this.start = 0
    this.end = writer.length
  }

  /** The input's bytes may go while others run: the document whose array is at work is kept. */
  save(): void {
    if (!this.#unwinding || this.#isKept) return
    this.#isKept = true
    const { bytes, start, end } = this.#context
    const own = bytes.slice(start, end)
    this.#context.reset(own, 0, own.length)
    this.#elements.move(own, -start)
    const { type, start: arrayStart, end: arrayEnd } = this.#array
    this.#array = { type, bytes: own, start: arrayStart - start, end: arrayEnd - start }
  }

  metadata(name: string): Value | undefined {
    return this.#input.metadata?.(name)
  }

  close(): void {
    this.#run.untrack(this)
    this.#input.close()
  }
}

/** The value at the path, through documents only. */
function valueAt(bytes: Uint8Array, start: number, path: readonly Uint8Array[]): Value {
  let value = fieldValue(bytes, start, path[0]!)
  for (let i = 1; i < path.length; i++) {
    if (value.type !== bsonType.document) return missing
    value = fieldValue(bytes, value.start, path[i]!)
  }
  return value
}
