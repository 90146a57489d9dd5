import fs from 'node:fs'
import { assert } from '../../base/assert.ts'
import { DiskError, type File } from '../disk.ts'
import { DirectWriter } from './direct-writer.ts'
import { diskErrorOf } from './disk-error.ts'

/** An open file of the host. Closing waits for what `writeAsync` and `syncAsync` have under way, then gives the descriptor back. */
export class HostFile implements File {
  readonly path: string
  readonly #absolute: string
  readonly #descriptor: number
  /** Opened by the first durable write; false: the file is not to be written so. */
  #direct: DirectWriter | false | undefined
  #pending = 0
  #open = true

  /** `path`: as errors name it; `absolute`: as the system does. */
  constructor(path: string, absolute: string, descriptor: number) {
    this.path = path
    this.#absolute = absolute
    this.#descriptor = descriptor
  }

  size(): number {
    assert(this.#open, 'the file is open')
    try {
      return fs.fstatSync(this.#descriptor).size
    } catch (error) {
      throw diskErrorOf(error, this.path)
    }
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    assert(this.#open, 'the file is open')
    let done = 0
    try {
      while (done < length) {
        const count = fs.readSync(this.#descriptor, target, offset + done, length - done, position + done)
        if (count === 0) break
        done += count
      }
    } catch (error) {
      throw diskErrorOf(error, this.path)
    }
    return done
  }

  write(source: Uint8Array, offset: number, length: number, position: number): void {
    assert(this.#open, 'the file is open')
    this.#forgetBlock()
    try {
      let done = 0
      while (done < length) {
        const count = fs.writeSync(this.#descriptor, source, offset + done, length - done, position + done)
        if (count === 0) throw new DiskError('EIO', this.path, 'a write made no progress')
        done += count
      }
    } catch (error) {
      throw diskErrorOf(error, this.path)
    }
  }

  appendDurably(source: Uint8Array, offset: number, length: number, position: number): void {
    assert(this.#open, 'the file is open')
    // What another thread writes meanwhile may lie in the same block.
    if (this.#pending === 0 && this.#writeDirectly(source, offset, length, position)) return
    this.write(source, offset, length, position)
    this.sync()
  }

  /** False: it has to be written another way. */
  #writeDirectly(source: Uint8Array, offset: number, length: number, position: number): boolean {
    try {
      this.#direct ??= DirectWriter.open(this.#absolute, this.#descriptor) ?? false
      return this.#direct !== false && this.#direct.write(this.#descriptor, source, offset, length, position)
    } catch (error) {
      throw diskErrorOf(error, this.path)
    }
  }

  #forgetBlock(): void {
    if (this.#direct) this.#direct.forget()
  }

  async writeAsync(source: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    assert(this.#open, 'the file is open')
    this.#forgetBlock()
    this.#pending++
    try {
      let done = 0
      while (done < length) {
        const count = await this.#writeOnce(source, offset + done, length - done, position + done)
        if (count === 0) throw new DiskError('EIO', this.path, 'a write made no progress')
        done += count
      }
    } catch (error) {
      throw diskErrorOf(error, this.path)
    } finally {
      this.#settle()
    }
  }

  sync(): void {
    assert(this.#open, 'the file is open')
    try {
      fs.fdatasyncSync(this.#descriptor)
    } catch (error) {
      throw diskErrorOf(error, this.path)
    }
  }

  syncAsync(): Promise<void> {
    assert(this.#open, 'the file is open')
    this.#pending++
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#descriptor, (error) => {
        this.#settle()
        if (error === null) resolve()
        else reject(diskErrorOf(error, this.path))
      })
    })
  }

  truncate(size: number): void {
    assert(this.#open, 'the file is open')
    this.#forgetBlock()
    try {
      fs.ftruncateSync(this.#descriptor, size)
    } catch (error) {
      throw diskErrorOf(error, this.path)
    }
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    if (this.#pending === 0) this.#release()
  }

  #writeOnce(source: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.#descriptor, source, offset, length, position, (error, count) => {
        if (error === null) resolve(count)
        else reject(error)
      })
    })
  }

  #settle(): void {
    this.#pending--
    if (!this.#open && this.#pending === 0) this.#release()
  }

  #release(): void {
    try {
      if (this.#direct) this.#direct.close()
      fs.closeSync(this.#descriptor)
    } catch (error) {
      throw diskErrorOf(error, this.path)
    }
  }
}
