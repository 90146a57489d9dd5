import { DatabaseError } from '../../base/errors.ts'
import { bsonType } from '../../bson/type.ts'
import { readString, type Value } from '../../bson/value.ts'
import { BsonWriter } from '../../bson/writer.ts'
import { FieldGathering } from '../needed-fields.ts'
import { type Stage, type StageDefinition, type Step, step } from '../stage.ts'

/** `{$count: field}`: one document with the number of inputs; none when there were no inputs. */
export const count: StageDefinition = {
  name: '$count',
  parse(operand) {
    const name = fieldOf(operand)
    return {
      name: '$count',
      makesDocuments: true,
      needs: () => new FieldGathering().fields,
      open: (input) => new Count(input, name),
    }
  },
}

function fieldOf(operand: Value): string {
  if (operand.type !== bsonType.string) throw new DatabaseError(40156, 'the count field must be a non-empty string')
  const name = readString(operand.bytes, operand.start)
  if (name === '') throw new DatabaseError(40157, 'the count field must be a non-empty string')
  if (name.startsWith('$')) throw new DatabaseError(40158, 'the count field cannot be a $-prefixed path')
  if (name.includes('\0')) throw new DatabaseError(40159, 'the count field cannot contain a null byte')
  if (name.includes('.')) throw new DatabaseError(40160, "the count field cannot contain '.'")
  return name
}

class Count implements Stage {
  readonly #input: Stage
  readonly #name: string
  #count = 0
  #done = false
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage, name: string) {
    this.#input = input
    this.#name = name
    this.bytes = input.bytes
  }

  step(): Step {
    if (this.#done) return step.end
    for (;;) {
      const answer = this.#input.step()
      if (answer === step.pause) return answer
      if (answer === step.end) break
      this.#count++
    }
    this.#done = true
    if (this.#count === 0) return step.end
    this.#write()
    return step.row
  }

  #write(): void {
    const writer = new BsonWriter(64)
    writer.beginDocument()
    if (this.#count === (this.#count | 0)) writer.int32(this.#name, this.#count)
    else writer.int64(this.#name, this.#count)
    writer.end()
    this.bytes = writer.finish()
    this.end = this.bytes.length
  }

  close(): void {
    this.#input.close()
  }
}
