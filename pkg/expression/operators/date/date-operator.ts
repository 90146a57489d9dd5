/** Operators of named arguments, each of them an expression. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, nullValue } from '../../../bson/value.ts'
import type { EvaluationContext } from '../../context.ts'
import { type Evaluate, type Expression, isNullish } from '../../expression.ts'
import type { Operator } from '../operator.ts'
import { type TimeZone, timeZoneOfValue, utc } from './time-zone.ts'

export interface NamedOperator<Name extends string> {
  readonly name: string
  readonly names: readonly Name[]
  /** The required ones, each with the code of the error for its absence. */
  readonly required: Readonly<Partial<Record<Name, number>>>
  /** Codes of the errors for an operand that is no document, and for a name that is none of `names`. */
  readonly notDocument: number
  readonly unknown: number
  /** Further refusals, by which arguments are there. */
  check?(given: ReadonlySet<Name>): void
  make(operands: Readonly<Partial<Record<Name, Evaluate>>>): Evaluate
}

export function namedOperator<Name extends string>(definition: NamedOperator<Name>): Operator {
  const { name, names } = definition
  return {
    name,
    parse(operand, scope, parse) {
      if (operand.type !== bsonType.document) {
        throw new DatabaseError(definition.notDocument, `${name} only supports an object as its argument`)
      }
      const given = new Map<Name, Expression>()
      for (const field of documentFields(operand.bytes, operand.start)) {
        const known = names.find((candidate) => candidate === field.name)
        if (known === undefined)
          throw new DatabaseError(definition.unknown, `Unrecognized argument to ${name}: ${field.name}`)
        given.set(known, parse(field, scope))
      }
      definition.check?.(new Set(given.keys()))
      for (const [required, code] of Object.entries(definition.required)) {
        if (!given.has(required as Name)) {
          throw new DatabaseError(code as number, `Missing '${required}' parameter to ${name}`)
        }
      }
      const keys = [...given.keys()]
      return {
        kind: 'operator',
        name,
        operands: [...given.values()],
        foldable: true,
        make: (operands) => {
          const byName: Partial<Record<Name, Evaluate>> = {}
          keys.forEach((key, i) => {
            byName[key] = operands[i]!
          })
          return definition.make(byName)
        },
      }
    },
  }
}

/** The zone that an optional argument names: UTC without one, undefined for null. */
export function zoneArgument(zone: Evaluate | undefined, context: EvaluationContext): TimeZone | undefined {
  if (zone === undefined) return utc
  const value = zone(context)
  return isNullish(value) ? undefined : timeZoneOfValue(value)
}

/** For optional arguments whose absence means null. */
export const absent: Evaluate = () => nullValue
