/** Names of collections and fields as GraphQL allows them: letters, digits and underscores, not beginning with a digit or two underscores. */

/** `order-items` is `order_items`; a name that is taken gets a number behind it. */
export function fieldName(name: string, isFree: (name: string) => boolean): string {
  let plain = name.replaceAll(/[^A-Za-z0-9_]/g, '_')
  if (!/^[A-Za-z_]/.test(plain)) plain = `_${plain}`
  if (plain.startsWith('__')) plain = `x${plain}`
  let unique = plain
  for (let n = 2; !isFree(unique); n++) unique = `${plain}_${n}`
  return unique
}

/** `order_items` is `OrderItems`. */
function typeName(name: string): string {
  const words = name.split('_').filter((word) => word !== '')
  const joined = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
  return /^[A-Za-z]/.test(joined) ? joined : `T${joined}`
}

/**
 * The names of one schema: a collection takes several, all made from one, and no other collection's may be among them, nor a type that every
 * schema has.
 */
export class SchemaNames {
  readonly #types = new Set([
    ...['Query', 'Mutation', 'Subscription', 'String', 'Int', 'Float', 'Boolean', 'ID', 'SortDirection', 'PageInfo'],
    ...['WriteResult', 'BulkWriteResult', 'ObjectId', 'Date', 'Long', 'Decimal', 'EJSON'],
    ...['String', 'Int', 'Float', 'Boolean', 'ObjectId', 'Date', 'Long', 'Decimal', 'EJSON'].map(
      (name) => `${name}Filter`,
    ),
  ])
  readonly #fields = new Set(['documents', 'aggregateDocuments', 'collections'])
  readonly #mutations = new Set(['insertDocuments', 'updateDocuments', 'deleteDocuments', 'bulkWriteDocuments'])

  /** What a collection's root fields are called. */
  field(collection: string): string {
    const all = (name: string) => ['', 'ById', 'Aggregate', 'Changed'].map((suffix) => name + suffix)
    const name = fieldName(collection, (each) => all(each).every((one) => !this.#fields.has(one)))
    for (const one of all(name)) this.#fields.add(one)
    return name
  }

  /** What the type of its documents is called, from which its mutations and its other types have their names. */
  type(field: string): string {
    const types = (name: string) => typeSuffixes.map((suffix) => name + suffix)
    const plain = typeName(field)
    let name = plain
    const isFree = () =>
      types(name).every((each) => !this.#types.has(each)) &&
      mutationsOf(name).every((each) => !this.#mutations.has(each))
    for (let n = 2; !isFree(); n++) name = `${plain}${n}`
    for (const each of types(name)) this.#types.add(each)
    for (const each of mutationsOf(name)) this.#mutations.add(each)
    return name
  }

  /** What the type of a field's documents is called: `Books_size`. */
  nested(owner: string, field: string): string {
    const types = (name: string) => ['', 'Filter', 'Input'].map((suffix) => name + suffix)
    const name = fieldName(`${owner}_${field}`, (each) => types(each).every((one) => !this.#types.has(one)))
    for (const one of types(name)) this.#types.add(one)
    return name
  }
}

const typeSuffixes = [
  ...['', 'Edge', 'Connection', 'Sort', 'Filter', 'Group', 'Sum', 'Avg', 'Min', 'Max', 'Input', 'Change'],
]

function mutationsOf(type: string): string[] {
  return [
    ...['insert', 'insertMany', 'update', 'delete'].map((verb) => `${verb}${type}`),
    ...['update', 'replace', 'delete'].map((verb) => `${verb}${type}ById`),
  ]
}
