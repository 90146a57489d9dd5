import { nullValue, type Value } from '../../bson/value.ts'
import { missing } from '../../expression/expression.ts'

/** Room for one value at a time, which is copied in; grows as needed. */
export class HeldValue {
  type: number = missing.type
  bytes = new Uint8Array(16)
  readonly start = 0
  end = 0

  get usedBytes(): number {
    return 64 + this.bytes.length
  }

  set({ type, bytes, start, end }: Value): void {
    const length = end - start
    if (length > this.bytes.length) this.bytes = new Uint8Array(length * 2)
    if (length > 64) this.bytes.set(bytes.subarray(start, end))
    else for (let i = 0; i < length; i++) this.bytes[i] = bytes[start + i]!
    this.type = type
    this.end = length
  }

  /** Null when what is held is missing, or nothing was. */
  orNull(): Value {
    return this.type === missing.type ? nullValue : this
  }
}
