import { DatabaseError } from '../../base/errors.ts'
import { writeField } from '../../bson/build.ts'
import { documentFields, type Value } from '../../bson/value.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand } from '../definition.ts'
import { anyType, commandFields, genericFields } from '../fields.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('setParameter', { setParameter: { type: anyType } }, { strict: false })

interface Setting {
  readonly name: string
  readonly value: Value
}

/** Changes a server parameter. */
export const setParameter = defineCommand({
  name: 'setParameter',
  help: 'changes a parameter of the running server',
  kind: 'commands',
  adminOnly: true,
  fields,
  parse: (): readonly Setting[] => {
    const settings: Setting[] = []
    for (const { name, type, bytes, start, end } of documentFields(fields.bytes)) {
      if (name === 'setParameter' || Object.hasOwn(genericFields, name)) continue
      settings.push({ name, value: { type, bytes, start, end } })
    }
    return settings
  },
  run: (operation: Operation, settings: readonly Setting[]) => {
    if (settings.length === 0)
      throw new DatabaseError('InvalidOptions', 'no option found to set, use help:true to see options ')
    let was: unknown
    for (const [index, { name, value }] of settings.entries()) {
      const before = operation.instance.parameters.set(name, value)
      if (index === 0) was = before
    }
    return was
  },
  reply: (was: unknown, writer: BsonWriter) => {
    if (was !== undefined) writeField(writer, 'was', was)
  },
})
