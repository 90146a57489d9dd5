/** Parts of a date: `{$year: date}`, or `{$year: {date, timezone}}`. */
import { DatabaseError } from '../../../base/errors.ts'
import { bsonType } from '../../../bson/type.ts'
import { documentFields, int32Value, int64Value, nullValue, type Value } from '../../../bson/value.ts'
import { type Evaluate, type Expression, isNullish } from '../../expression.ts'
import type { Scope } from '../../scope.ts'
import type { Operator, ParseOperand } from '../operator.ts'
import { calendarDayOf, dayOfYear, isoDayOfWeek, isoWeekOf, sundayWeekOf } from './calendar.ts'
import { type Moment, requireMoment } from './moment.ts'
import { zoneArgument } from './zone-argument.ts'

/** `partOf`: of the local date and time. Errors: 16006, 40517, 40485; 40535, 40536 and 40539 when parsing. */
function partOperator(name: string, partOf: (local: Moment) => Value): Operator {
  return {
    name,
    parse: (operand, scope, parse) => ({
      kind: 'operator',
      name,
      operands: parseOperands(name, operand, scope, parse),
      foldable: true,
      make: (operands) => make(operands, partOf),
    }),
  }
}

function make([date, zoneOperand]: readonly Evaluate[], partOf: (local: Moment) => Value): Evaluate {
  return (context) => {
    const value = date!(context)
    if (isNullish(value)) return nullValue
    const moment = requireMoment(value)
    const zone = zoneArgument(zoneOperand, context)
    return zone === undefined ? nullValue : partOf(zone.toLocal(moment))
  }
}

function parseOperands(name: string, operand: Value, scope: Scope, parse: ParseOperand): Expression[] {
  if (operand.type === bsonType.array) {
    const elements = [...documentFields(operand.bytes, operand.start)]
    if (elements.length !== 1) {
      throw new DatabaseError(
        40536,
        `${name} accepts exactly one argument if given an array, but was given ${elements.length}`,
      )
    }
    return [parse(elements[0]!, scope)]
  }
  // A document is either an operator or the arguments by name.
  const isNamed = operand.type === bsonType.document && operand.bytes[operand.start + 5] !== 0x24
  return isNamed ? parseNamed(name, operand, scope, parse) : [parse(operand, scope)]
}

function parseNamed(name: string, operand: Value, scope: Scope, parse: ParseOperand): Expression[] {
  let date: Expression | undefined
  let zone: Expression | undefined
  for (const field of documentFields(operand.bytes, operand.start)) {
    if (field.name === 'date') date = parse(field, scope)
    else if (field.name === 'timezone') zone = parse(field, scope)
    else throw new DatabaseError(40535, `unrecognized option to ${name}: "${field.name}"`)
  }
  if (date === undefined) throw new DatabaseError(40539, `missing 'date' argument to ${name}, provided: {}`)
  return zone === undefined ? [date] : [date, zone]
}

const minuteMs = 60_000
const hourMs = 3_600_000

export const partOperators: readonly Operator[] = [
  partOperator('$year', ({ days }) => int32Value(calendarDayOf(days).year)),
  partOperator('$month', ({ days }) => int32Value(calendarDayOf(days).month)),
  partOperator('$dayOfMonth', ({ days }) => int32Value(calendarDayOf(days).day)),
  partOperator('$dayOfYear', ({ days }) => int32Value(dayOfYear(days))),
  // 1 Sunday to 7 Saturday.
  partOperator('$dayOfWeek', ({ days }) => int32Value((isoDayOfWeek(days) % 7) + 1)),
  partOperator('$week', ({ days }) => int32Value(sundayWeekOf(days))),
  partOperator('$isoDayOfWeek', ({ days }) => int32Value(isoDayOfWeek(days))),
  partOperator('$isoWeek', ({ days }) => int32Value(isoWeekOf(days).week)),
  partOperator('$isoWeekYear', ({ days }) => int64Value(isoWeekOf(days).year)),
  partOperator('$hour', ({ ms }) => int32Value(Math.floor(ms / hourMs))),
  partOperator('$minute', ({ ms }) => int32Value(Math.floor(ms / minuteMs) % 60)),
  partOperator('$second', ({ ms }) => int32Value(Math.floor(ms / 1000) % 60)),
  partOperator('$millisecond', ({ ms }) => int32Value(ms % 1000)),
]
