/** Groups of a collection's documents by any fields, with their count, and sum, avg, min and max of the fields that have them. */
import {
  GraphQLFloat,
  type GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLString,
} from 'graphql'
import { badInput } from './errors.ts'
import { type Arguments, type Field, type Fields, nonNullList } from './field.ts'
import { type NamedField, queryOf, scalars } from './filter.ts'
import type { CollectionModel } from './model.ts'
import { ejsonScalar } from './scalars.ts'
import { selectedPaths } from './selection.ts'
import type { ScalarName } from './shape.ts'
import type { Document } from './store.ts'

/** A field that holds one value of one type. */
interface PlainField {
  readonly name: string
  readonly path: string
  readonly scalar: ScalarName
}

type Accumulator = 'sum' | 'avg' | 'min' | 'max'

const numeric: ReadonlySet<ScalarName> = new Set(['Int', 'Float', 'Long', 'Decimal'])

export function groupsField(model: CollectionModel, filter: GraphQLInputObjectType): Field {
  const plain = plainFields(model.fields)
  return {
    type: nonNullList(groupType(model, plain)),
    args: {
      filter: { type: filter },
      groupBy: {
        type: new GraphQLList(new GraphQLNonNull(GraphQLString)),
        description: 'dotted paths; none: one group of all',
      },
      limit: { type: new GraphQLNonNull(GraphQLInt), defaultValue: 100 },
    },
    resolve: (_root, args, { store }, info) => {
      const paths = (args['groupBy'] as string[] | undefined) ?? []
      const accumulators: Document = { count: { $sum: 1 } }
      for (const selected of selectedPaths(info, 2)) {
        const [what, name] = selected.split('.')
        const field = plain.find((each) => each.name === name)
        if (field !== undefined) accumulators[`${what}_${name}`] = { [`$${what}`]: `$${field.path}` }
      }
      return store.all({
        aggregate: model.name,
        pipeline: [
          { $match: queryOf(args['filter'] as Arguments | undefined, model.fields) },
          { $group: { _id: keyOf(paths), ...accumulators } },
          { $sort: { count: -1, _id: 1 } },
          { $limit: args['limit'] },
        ],
        cursor: {},
      })
    },
  }
}

/** The key of groups by these paths: their values, with underscores for the dots. */
function keyOf(paths: readonly string[]): Document | null {
  if (paths.length === 0) return null
  const key = Object.fromEntries(paths.map((path) => [path.replaceAll('.', '_'), `$${path}`]))
  if (Object.keys(key).length < paths.length) throw badInput(`two paths of 'groupBy' have the same name in the key`)
  return key
}

function plainFields(fields: readonly NamedField[]): PlainField[] {
  return fields.flatMap(({ name, path, shape }) =>
    shape.kind === 'scalar' ? [{ name, path, scalar: shape.scalar }] : [],
  )
}

function groupType(model: CollectionModel, plain: readonly PlainField[]): GraphQLObjectType {
  const numbers = plain.filter(({ scalar }) => numeric.has(scalar))
  return new GraphQLObjectType({
    name: `${model.type}Group`,
    fields: {
      key: {
        type: ejsonScalar,
        description: 'the values of the fields grouped by',
        resolve: (each) => (each as Document)['_id'],
      },
      count: { type: new GraphQLNonNull(GraphQLInt) },
      ...part(model, 'sum', numbers),
      ...part(model, 'avg', numbers),
      ...part(model, 'min', plain),
      ...part(model, 'max', plain),
    },
  })
}

/** The field of a group that holds one accumulator's results; none when no field has them. */
function part(model: CollectionModel, what: Accumulator, fields: readonly PlainField[]): Fields {
  if (fields.length === 0) return {}
  const type = new GraphQLObjectType({
    name: `${model.type}${what[0]!.toUpperCase()}${what.slice(1)}`,
    fields: Object.fromEntries(
      fields.map(({ name, scalar }) => [
        name,
        { type: resultType(what, scalar), resolve: (group: unknown) => (group as Document)[`${what}_${name}`] },
      ]),
    ),
  })
  return { [what]: { type: new GraphQLNonNull(type), resolve: (group) => group } }
}

function resultType(what: Accumulator, scalar: ScalarName): GraphQLOutputType {
  const isExact = what === 'min' || what === 'max' || scalar === 'Decimal' || (what === 'sum' && scalar === 'Long')
  return isExact ? scalars[scalar] : GraphQLFloat
}
