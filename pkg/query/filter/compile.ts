/** Filter trees to predicates over document bytes. */
import { unreachable } from '../../base/assert.ts'
import { bsonType } from '../../bson/type.ts'
import type { PathPart } from '../path.ts'
import { fieldsPredicate } from './fields.ts'
import type { Sample } from './generated.ts'
import { misplacedNear } from './near.ts'
import type { FieldTest, Predicate, ValueTest } from './operator.ts'
import { allTest } from './operators/all.ts'
import { bitsTest } from './operators/bits.ts'
import { comparisonTest } from './operators/comparison.ts'
import { elemMatchDocumentTest, elemMatchValueTest } from './operators/elem-match.ts'
import { existsTest } from './operators/exists.ts'
import { exprPredicate } from './operators/expr.ts'
import { jsonSchemaPredicate } from './operators/json-schema.ts'
import { inTest } from './operators/membership.ts'
import { modTest } from './operators/mod.ts'
import { regexTest } from './operators/regex.ts'
import { sizeTest } from './operators/size.ts'
import { typeTest } from './operators/type.ts'
import { type EndTest, pathTest } from './traverse.ts'
import {
  type AllFilter,
  conjuncts,
  type ElemMatchDocumentFilter,
  type ElemMatchValueFilter,
  type Filter,
  type PathFilter,
} from './tree.ts'

export type { Predicate } from './operator.ts'

/**
 * A predicate that stops walking as soon as it has what it needs. It may be used again and again, on any documents.
 * `sample`: makes one that is dearer to make and to warm up, and faster over ten thousands of documents like this one.
 */
export function compileFilter(filter: Filter, sample?: Sample): Predicate {
  const parts = conjuncts(filter)
  const quick: FieldTest[] = []
  const slow: FieldTest[] = []
  const predicates: Predicate[] = []
  for (const part of parts) {
    const field = fieldTest(part)
    if (field === undefined) predicates.push(compileOther(part, sample))
    else if (parts.length > 1 && isSlow(part)) slow.push(field)
    else quick.push(field)
  }
  // What passes all else is looked at once more: that costs less than a slow test of what does not.
  if (slow.length > 0) predicates.unshift(fieldsPredicate(slow, quick.length === 0 ? sample : undefined))
  if (quick.length > 0) predicates.unshift(fieldsPredicate(quick, sample))
  if (predicates.length === 1) return predicates[0]!
  return every(predicates)
}

/** Whether a test takes as long as looking at a whole document, or longer. */
function isSlow(filter: Filter): boolean {
  switch (filter.kind) {
    case 'regex':
    case 'geo':
      return true
    case 'in':
      return filter.values.some(({ type }) => type === bsonType.regex)
    case 'and':
    case 'or':
    case 'nor':
      return filter.filters.some(isSlow)
    case 'not':
    case 'elemMatchDocument':
    case 'elemMatchValue':
      return isSlow(filter.filter)
    default:
      return false
  }
}

/** What is no test of a single field. */
function compileOther(filter: Filter, sample: Sample | undefined): Predicate {
  const compile = (inner: Filter) => compileFilter(inner, sample)
  switch (filter.kind) {
    case 'and':
      return compile(filter)
    case 'or':
      return some(filter.filters.map(compile))
    case 'nor':
      return none(filter.filters.map(compile))
    case 'not': {
      const predicate = compile(filter.filter)
      return (bytes, start) => !predicate(bytes, start)
    }
    case 'constant': {
      const { value } = filter
      return () => value
    }
    case 'expr':
      return exprPredicate(filter)
    case 'jsonSchema':
      return jsonSchemaPredicate(filter)
    default:
      return fieldsPredicate([fieldTest(filter)!], sample)
  }
}

function every(predicates: readonly Predicate[]): Predicate {
  return (bytes, start) => {
    for (let i = 0; i < predicates.length; i++) if (!predicates[i]!(bytes, start)) return false
    return true
  }
}

function some(predicates: readonly Predicate[]): Predicate {
  return (bytes, start) => {
    for (let i = 0; i < predicates.length; i++) if (predicates[i]!(bytes, start)) return true
    return false
  }
}

function none(predicates: readonly Predicate[]): Predicate {
  const any = some(predicates)
  return (bytes, start) => !any(bytes, start)
}

/** The filter as a test of one field's value, when it looks at no other field. */
function fieldTest(filter: Filter): FieldTest | undefined {
  const part = onlyPart(filter)
  return part && { part, test: valueTest(filter) }
}

function onlyPart(filter: Filter): PathPart | undefined {
  switch (filter.kind) {
    case 'and':
    case 'or':
    case 'nor': {
      const part = filter.filters[0] && onlyPart(filter.filters[0])
      if (part === undefined) return undefined
      return filter.filters.every((inner) => onlyPart(inner)?.name === part.name) ? part : undefined
    }
    case 'not':
      return onlyPart(filter.filter)
    case 'constant':
    case 'expr':
    case 'jsonSchema':
      return undefined
    default:
      return filter.path.parts[0]
  }
}

/** A test of the value of the first part of the filter's paths, or of the value itself where the paths are empty. */
function valueTest(filter: Filter): ValueTest {
  switch (filter.kind) {
    case 'and': {
      const tests = filter.filters.map(valueTest)
      return (type, bytes, start) => tests.every((test) => test(type, bytes, start))
    }
    case 'or': {
      const tests = filter.filters.map(valueTest)
      return (type, bytes, start) => tests.some((test) => test(type, bytes, start))
    }
    case 'nor': {
      const tests = filter.filters.map(valueTest)
      return (type, bytes, start) => !tests.some((test) => test(type, bytes, start))
    }
    case 'not': {
      const test = valueTest(filter.filter)
      return (type, bytes, start) => !test(type, bytes, start)
    }
    case 'constant': {
      const { value } = filter
      return () => value
    }
    case 'expr':
    case 'jsonSchema':
      return unreachable(filter as never)
    case 'all': {
      const { test, reset } = allTest(filter)
      const all = atPath(filter, { test, wholeArrays: false })
      return (type, bytes, start) => {
        reset()
        return all(type, bytes, start)
      }
    }
    default:
      return atPath(filter, endTest(filter))
  }
}

function atPath({ path }: PathFilter, end: EndTest): ValueTest {
  return path.parts.length === 0 ? end.test : pathTest(path, end)
}

/** Tests one element of an array as `$elemMatch` does. */
export function compileElementTest(filter: ElemMatchDocumentFilter | ElemMatchValueFilter): ValueTest {
  if (filter.kind === 'elemMatchValue') return valueTest(filter.filter)
  const predicate = compileFilter(filter.filter)
  return (type, bytes, start) => (type === bsonType.document || type === bsonType.array) && predicate(bytes, start)
}

function endTest(filter: Exclude<PathFilter, AllFilter>): EndTest {
  switch (filter.kind) {
    case 'comparison':
      return { test: comparisonTest(filter), wholeArrays: false }
    case 'in':
      return { test: inTest(filter), wholeArrays: false }
    case 'exists':
      return { test: existsTest, wholeArrays: false }
    case 'type':
      return { test: typeTest(filter), wholeArrays: false }
    case 'mod':
      return { test: modTest(filter), wholeArrays: false }
    case 'bits':
      return { test: bitsTest(filter), wholeArrays: false }
    case 'regex':
      return { test: regexTest(filter), wholeArrays: false }
    case 'geo':
      return { test: filter.sought.test, wholeArrays: false }
    case 'near':
      throw misplacedNear()
    case 'size':
      return { test: sizeTest(filter), wholeArrays: true }
    case 'elemMatchDocument':
      return { test: elemMatchDocumentTest(compileFilter(filter.filter)), wholeArrays: true }
    case 'elemMatchValue':
      return { test: elemMatchValueTest(valueTest(filter.filter)), wholeArrays: true }
    default:
      return unreachable(filter)
  }
}
