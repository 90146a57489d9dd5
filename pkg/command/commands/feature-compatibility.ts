import { DatabaseError } from '../../base/errors.ts'
import { defineCommand, emptyReply } from '../definition.ts'
import { booleanType, commandFields, stringType } from '../fields.ts'
import type { Operation } from '../operation.ts'

const fields = commandFields('setFeatureCompatibilityVersion', {
  setFeatureCompatibilityVersion: { type: stringType, required: true },
  confirm: { type: booleanType },
  fromConfigServer: { type: booleanType },
})

const versions: ReadonlySet<string> = new Set(['8.0', '8.2'])

/** Which MongoDB's features may be used: kept and shown, for the tools that ask; nothing depends on it here. */
export const setFeatureCompatibilityVersion = defineCommand({
  name: 'setFeatureCompatibilityVersion',
  help: 'the version whose features may be used',
  kind: 'commands',
  adminOnly: true,
  writeConcern: true,
  fields,
  parse: (): string => {
    const at = fields.at
    const version = fields.string(at.setFeatureCompatibilityVersion)!
    if (!versions.has(version))
      throw new DatabaseError(
        4926900,
        `Invalid feature compatibility version value '${version}'; expected '8.0' or '8.2'`,
      )
    if (!fields.boolean(at.confirm))
      throw new DatabaseError(
        7369100,
        `Once you have changed the featureCompatibilityVersion, going back may need support: send the command again with 'confirm: true'`,
      )
    return version
  },
  run: (operation: Operation, version: string): void =>
    operation.instance.parameters.force('featureCompatibilityVersion', { version }),
  reply: emptyReply,
})
