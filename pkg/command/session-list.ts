/** The commands that take a list of sessions. */
import { arrayType, commandFields, type Fields, type GenericName } from './fields.ts'
import { sessionIdStart, sessionKey } from './session.ts'

export function sessionListFields<Name extends string>(command: Name): Fields<Name | GenericName> {
  return commandFields<Name>(command, { [command]: { type: arrayType, required: true } } as Record<
    Name,
    { type: typeof arrayType; required: true }
  >)
}

/** The keys of the sessions listed in the command's own field. */
export function sessionKeys<Name extends string>(fields: Fields<Name | GenericName>, command: Name): string[] {
  const path = `${command}.${command}Cmd`
  return fields.documents(fields.at[command])!.map((document) => {
    return sessionKey(document, sessionIdStart(document, 0, path))
  })
}
