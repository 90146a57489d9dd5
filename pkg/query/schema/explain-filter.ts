/**
 * Why a document does not match a filter, in the form of MongoDB's `errInfo.details`: what a validator tells those whose document
 * it refuses. Cold: the filter is walked as it was written, and each of its conditions is tried by itself.
 */
import { buildDocument } from '../../bson/build.ts'
import { bsonType, typeAlias } from '../../bson/type.ts'
import { booleanValue, documentFields, documentValue, truthy, type Value } from '../../bson/value.ts'
import { compileFilter } from '../filter/compile.ts'
import { isOperatorDocument } from '../filter/operator-document.ts'
import { type FilterOptions, parseFilter } from '../filter/parse.ts'
import { parseSchema } from './parse.ts'
import type { Explanation } from './schema.ts'
import { valuesAt } from './values-at.ts'

const sizeMax = 4 * 1024 * 1024

/** What is said of `document`, which `filter` does not match, as a document. `options`: those of `parseFilter`. */
export function explainValidation(
  filter: Uint8Array,
  document: Uint8Array,
  options: FilterOptions = { nowMs: 0 },
): Uint8Array {
  const explanation = buildDocument(new FilterExplainer(document, options).document(documentValue(filter), false))
  // A reply has no room for what repeats a large document again and again.
  return explanation.length <= sizeMax
    ? explanation
    : buildDocument({ reason: 'the explanation is too large to be shown' })
}

type Field = Value & { readonly name: string }

/** What an operator's failure is called, and, under a negation, its success. */
const reasons: Readonly<Record<string, readonly [failed: string, succeeded: string]>> = {
  $in: ['no matching value found in array', 'matching value found in array'],
  $type: ['type did not match', 'type did match'],
  $regex: ['regular expression did not match', 'regular expression did match'],
  $mod: ['$mod did not evaluate to expected remainder', '$mod did evaluate to expected remainder'],
  $size: ['array length was not equal to given size', 'array length was equal to given size'],
  $all: ['array did not contain all specified values', 'array did contain all specified values'],
  $elemMatch: ['array did not satisfy the child predicate', 'array did satisfy the child predicate'],
  $bitsAllSet: ['bitwise operator failed to match', 'bitwise operator matched successfully'],
  $bitsAnySet: ['bitwise operator failed to match', 'bitwise operator matched successfully'],
  $bitsAllClear: ['bitwise operator failed to match', 'bitwise operator matched successfully'],
  $bitsAnyClear: ['bitwise operator failed to match', 'bitwise operator matched successfully'],
  $geoWithin: [
    'none of considered geometries was contained within the expression’s geometry',
    'at least one of considered geometries was contained within the expression’s geometry',
  ],
  $geoIntersects: [
    'none of considered geometries intersected the expression’s geometry',
    'at least one of considered geometries intersected the expression’s geometry',
  ],
}
const comparisonReasons = ['comparison failed', 'comparison succeeded'] as const

/** Operators that hold where another does not. */
const negations: Readonly<Record<string, string>> = { $ne: '$eq', $nin: '$in' }

class FilterExplainer {
  readonly #document: Uint8Array
  readonly #options: FilterOptions

  constructor(document: Uint8Array, options: FilterOptions) {
    this.#document = document
    this.#options = options
  }

  /** `inverted`: that it matches is what is wrong. */
  document(filter: Value, inverted: boolean): Explanation {
    const clauses = [...documentFields(filter.bytes, filter.start)].flatMap((field) => this.#split(field))
    const told = clauses.filter(({ field }) => field.name !== '$comment')
    if (told.length === 1) return this.#clause(told[0]!, inverted)
    return this.#list(
      '$and',
      told.map((clause) => () => this.#clause(clause, inverted)),
      told.map(({ filter }) => filter),
      inverted,
    )
  }

  /** A field with several operators is as many clauses. */
  #split(field: Field): Clause[] {
    if (field.name.startsWith('$') || !isOperatorDocument(field))
      return [{ field, operator: undefined, filter: filterOf(field) }]
    const operators = [...documentFields(field.bytes, field.start)]
    const options = operators.find(({ name }) => name === '$options')
    return operators
      .filter(({ name }) => name !== '$options' && name !== '$comment')
      .map((operator) => {
        const inner =
          operator.name === '$regex' && options !== undefined
            ? { $regex: operator, $options: options }
            : { [operator.name]: operator }
        return { field, operator, filter: buildDocument({ [field.name]: inner }) }
      })
  }

  #clause({ field, operator, filter }: Clause, inverted: boolean): Explanation {
    switch (field.name) {
      case '$and':
      case '$or':
      case '$nor':
        return this.#logical(field, inverted)
      case '$expr':
        return {
          operatorName: '$expr',
          specifiedAs: { $expr: field },
          reason: inverted ? 'expression did match' : 'expression did not match',
          expressionResult: inverted,
        }
      case '$jsonSchema': {
        if (inverted)
          return { operatorName: '$jsonSchema', specifiedAs: { $jsonSchema: field }, reason: 'schema matched' }
        const schema = parseSchema(field)
        return {
          operatorName: '$jsonSchema',
          ...schema.annotations,
          schemaRulesNotSatisfied: schema.violations(documentValue(this.#document)),
        }
      }
    }
    if (field.name.startsWith('$')) {
      return {
        operatorName: field.name,
        specifiedAs: { [field.name]: field },
        reason: 'expression always evaluates to false',
      }
    }
    return operator?.name === '$not'
      ? this.#not(field, operator, inverted)
      : this.#path(field, operator, filter, inverted)
  }

  #logical(field: Field, inverted: boolean): Explanation {
    const clauses = [...documentFields(field.bytes, field.start)]
    const invertedInside = field.name === '$nor' ? !inverted : inverted
    const explanation = this.#list(
      field.name,
      clauses.map((clause) => () => this.document(clause, invertedInside)),
      clauses.map((clause) => clause.bytes.subarray(clause.start, clause.end)),
      invertedInside,
    )
    return explanation
  }

  /** Those of the clauses that fail, or when `inverted` those that hold. */
  #list(
    name: string,
    explain: readonly (() => Explanation)[],
    filters: readonly Uint8Array[],
    inverted: boolean,
  ): Explanation {
    const told = filters.flatMap((filter, index) =>
      this.#matches(filter) === inverted ? [{ index, details: explain[index]!() }] : [],
    )
    return { operatorName: name, [inverted ? 'clausesSatisfied' : 'clausesNotSatisfied']: told }
  }

  #not(field: Field, operator: Field, inverted: boolean): Explanation {
    const inner = buildDocument({ [field.name]: operator })
    return { operatorName: '$not', details: this.document(documentValue(inner), !inverted) }
  }

  #path(field: Field, operator: Field | undefined, filter: Uint8Array, inverted: boolean): Explanation {
    const name = operator?.name ?? (field.type === bsonType.regex ? '$regex' : '$eq')
    const negated = negations[name]
    const holds = inverted !== (negated !== undefined)
    const specifiedAs = documentValue(filter)
    const values = valuesAt(documentValue(this.#document), field.name.split('.'))
    if (name === '$exists') {
      const exists = truthy(operator ?? booleanValue(true)) === inverted
      return { operatorName: name, specifiedAs, reason: exists ? 'path does exist' : 'path does not exist' }
    }
    if (values.length === 0 && !holds) return { operatorName: name, specifiedAs, reason: 'field was missing' }
    const reason = (reasons[negated ?? name] ?? comparisonReasons)[holds ? 1 : 0]
    const considered =
      values.length === 1 ? { consideredValue: values[0] } : values.length > 1 ? { consideredValues: values } : {}
    return {
      operatorName: name,
      specifiedAs,
      reason,
      ...considered,
      ...(name === '$type' ? consideredTypes(values) : {}),
    }
  }

  #matches(filter: Uint8Array): boolean {
    return compileFilter(parseFilter(filter, 0, this.#options))(this.#document, 0)
  }
}

interface Clause {
  readonly field: Field
  /** Of several operators on the field, the one that is the clause. */
  readonly operator: Field | undefined
  /** The clause as a filter of its own. */
  readonly filter: Uint8Array
}

function filterOf(field: Field): Uint8Array {
  return buildDocument({ [field.name]: field })
}

function consideredTypes(values: readonly Value[]): Explanation {
  const types = [...new Set(values.map(({ type }) => typeAlias(type)))]
  if (types.length === 0) return {}
  return types.length === 1 ? { consideredType: types[0] } : { consideredTypes: types }
}
