/** What stages share that give documents of their own making. */
import type { BsonWriter } from '../../bson/writer.ts'
import type { Stage, Step } from '../stage.ts'

/** A stage over another whose documents lie wherever `show` says. */
export abstract class PassingStage implements Stage {
  protected readonly input: Stage
  bytes: Uint8Array
  start = 0
  end = 0

  constructor(input: Stage) {
    this.input = input
    this.bytes = input.bytes
  }

  abstract step(): Step

  /** The current document is the input's. */
  protected pass(): void {
    this.show(this.input.bytes, this.input.start, this.input.end)
  }

  protected show(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = end
  }

  /** The current document is what the writer holds, until it is used again. */
  protected showWritten(writer: BsonWriter): void {
    this.show(writer.bytes, 0, writer.length)
  }

  close(): void {
    this.input.close()
  }
}
