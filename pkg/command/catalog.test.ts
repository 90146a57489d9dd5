import { DBRef, Decimal128, ObjectId, UUID } from 'bson'
import { expect, test } from 'vitest'
import { openServer } from './testdata/server.ts'

test('collections are made, listed, renamed and dropped', async () => {
  const server = await openServer()
  expect(await server.run({ create: 'a' })).toEqual({ ok: 1 })
  expect(await server.run({ create: 'a' })).toEqual({ ok: 1 })
  await server.run({ insert: 'b', documents: [{ _id: 1 }] })
  const listed = await server.all({ listCollections: 1 })
  expect(listed).toMatchObject([
    {
      name: 'a',
      type: 'collection',
      options: {},
      info: { readOnly: false },
      idIndex: { v: 2, key: { _id: 1 }, name: '_id_' },
    },
    { name: 'b' },
  ])
  expect((listed[0]!['info'] as { uuid: unknown }).uuid).toBeInstanceOf(UUID)
  expect(await server.all({ listCollections: 1, nameOnly: true, filter: { name: 'b' } })).toEqual([
    { name: 'b', type: 'collection' },
  ])
  const rename = { renameCollection: 'test.b', to: 'other.c', $db: 'admin' }
  await server.run(rename)
  expect(await server.reply(rename)).toMatchObject({ code: 26 })
  expect(await server.run({ count: 'c', $db: 'other' })).toMatchObject({ n: 1 })
  expect(await server.reply({ renameCollection: 'test.a', to: 'other.c', $db: 'admin' })).toMatchObject({ code: 48 })
  await server.run({ renameCollection: 'test.a', to: 'other.c', dropTarget: true, $db: 'admin' })
  expect(await server.run({ drop: 'c', $db: 'other' })).toEqual({ nIndexesWas: 1, ns: 'other.c', ok: 1 })
  expect(await server.run({ drop: 'c', $db: 'other' })).toEqual({ ok: 1 })
})

test('listDatabases shows the system databases and those with collections', async () => {
  const server = await openServer()
  await server.run({ insert: 'b', documents: [{ _id: 1 }] })
  const { databases } = (await server.run({ listDatabases: 1, nameOnly: true, $db: 'admin' })) as {
    databases?: unknown
  }
  expect(databases).toEqual([{ name: 'admin' }, { name: 'config' }, { name: 'local' }, { name: 'test' }])
  const filter = { name: 'test' }
  const sized = (pages: number) => ({
    databases: [{ name: 'test', sizeOnDisk: pages * 16_384 }],
    totalSize: pages * 16_384,
  })
  expect(await server.run({ listDatabases: 1, filter, $db: 'admin' })).toMatchObject(sized(1))
  await server.run({ create: 'empty' })
  await server.run({ create: 'view', viewOn: 'b', pipeline: [] })
  await server.run({ insert: 'b', documents: [{ text: 'x'.repeat(20_000) }] })
  expect(await server.run({ listDatabases: 1, filter, $db: 'admin' })).toMatchObject(sized(3))
  await server.run({ dropDatabase: 1 })
  expect(await server.run({ listDatabases: 1, filter, $db: 'admin' })).toMatchObject({ databases: [] })
})

test.each([
  [{ $where: 'true' }, 2],
  [{ $or: [{ name: 'a' }, { $text: { $search: 'a' } }] }, 2],
  [{ name: { $nearSphere: [1, 1] } }, 5626500],
])('listDatabases refuses the filter %j with %d', async (filter, code) => {
  const server = await openServer()
  expect(await server.reply({ listDatabases: 1, filter, $db: 'admin' })).toMatchObject({ ok: 0, code })
})

test.each([
  [{ insert: '', documents: [{}] }, 73],
  [{ insert: '.a', documents: [{}] }, 73],
  [{ insert: 'a\0b', documents: [{}] }, 73],
  [{ insert: 1, documents: [{}] }, 73],
  [{ create: 'a$b' }, 73],
  [{ create: 'x'.repeat(300) }, 73],
  [{ create: 'system.foo' }, 73],
  [{ find: 'a', $db: 'a.b' }, 73],
  [{ find: 'a', $db: '' }, 73],
  [{ find: 'a', $db: 'x'.repeat(64) }, 73],
  [{ create: 'a', $db: 'TEST' }, 13297],
  [{ create: 'a', size: 4096 }, 72],
  [{ create: 'a', capped: true }, 72],
  [{ create: 'a', timeseries: { timeField: 'a.b' } }, 72],
  [{ create: 'a', validator: { $nope: 1 } }, 2],
  [{ create: 'a', viewOn: 'a' }, 5],
  [{ create: 'a', pipeline: [] }, 72],
  [{ create: 'a', validationLevel: 'x' }, 2],
  [{ collMod: 'nothere' }, 26],
  [{ dropDatabase: 2 }, 5255100],
  [{ dropDatabase: 1, $db: 'admin' }, 20],
  [{ drop: 'there', collectionUUID: new UUID() }, 361],
  [{ renameCollection: 'test.there', to: 'test.there', $db: 'admin' }, 20],
  [{ renameCollection: 'test.there', to: 'test.b' }, 13],
])('%j is refused with %d', async (command, code) => {
  const server = await openServer()
  await server.run({ create: 'there' })
  expect(await server.reply(command as Record<string, unknown>)).toMatchObject({ ok: 0, code })
})

test('indexes are built, listed and dropped; the same again is no change', async () => {
  const server = await openServer()
  await server.run({
    insert: 'c',
    documents: [
      { _id: 1, a: 1 },
      { _id: 2, a: 2 },
    ],
  })
  const indexes = [
    { key: { a: 1 }, name: 'a_1', unique: true },
    { key: { b: -1 }, name: 'b' },
  ]
  expect(await server.run({ createIndexes: 'c', indexes })).toEqual({
    numIndexesBefore: 1,
    numIndexesAfter: 3,
    createdCollectionAutomatically: false,
    ok: 1,
  })
  expect(await server.run({ createIndexes: 'c', indexes })).toEqual({
    numIndexesBefore: 3,
    numIndexesAfter: 3,
    note: 'all indexes already exist',
    ok: 1,
  })
  expect(await server.all({ listIndexes: 'c', cursor: { batchSize: 1 } })).toEqual([
    { v: 2, key: { _id: 1 }, name: '_id_' },
    { v: 2, key: { a: 1 }, name: 'a_1', unique: true },
    { v: 2, key: { b: -1 }, name: 'b' },
  ])
  expect(await server.run({ insert: 'c', documents: [{ _id: 3, a: 1 }] })).toMatchObject({
    n: 0,
    writeErrors: [{ code: 11000, keyPattern: { a: 1 }, keyValue: { a: 1 } }],
  })
  expect(await server.run({ dropIndexes: 'c', index: 'b' })).toEqual({ nIndexesWas: 3, ok: 1 })
  expect(await server.run({ dropIndexes: 'c', index: { a: 1 } })).toEqual({ nIndexesWas: 2, ok: 1 })
  await server.run({ createIndexes: 'c', indexes })
  expect(await server.run({ dropIndexes: 'c', index: '*' })).toMatchObject({ nIndexesWas: 3 })
  expect(await server.reply({ listIndexes: 'nothere' })).toMatchObject({ code: 26 })
})

test('createIndexes makes the collection, and all its indexes or none', async () => {
  const server = await openServer()
  expect(await server.run({ createIndexes: 'new', indexes: [{ key: { a: 1 }, name: 'a' }] })).toEqual({
    numIndexesBefore: 1,
    numIndexesAfter: 2,
    createdCollectionAutomatically: true,
    ok: 1,
  })
  await server.run({
    insert: 'c',
    documents: [
      { u: 1, a: 1 },
      { u: 1, a: 2 },
    ],
  })
  const indexes = [
    { key: { a: 1 }, name: 'a' },
    { key: { u: 1 }, name: 'u', unique: true },
  ]
  expect(await server.reply({ createIndexes: 'c', indexes })).toMatchObject({ code: 11000, keyValue: { u: 1 } })
  expect(await server.all({ listIndexes: 'c' })).toHaveLength(1)
})

test.each([
  [{ key: {}, name: 'x' }, 67],
  [{ key: { a: 0 }, name: 'x' }, 67],
  [{ key: { a: 1 }, name: '' }, 67],
  [{ key: { a: 1 } }, 9],
  [{ name: 'x' }, 9],
  [{ key: { a: 1 }, name: 'x', what: 1 }, 197],
  [{ key: { a: 'hashed', b: 'hashed' }, name: 'x' }, 31303],
  [{ key: { a: 'hashed' }, name: 'x', unique: true }, 16764],
  [{ key: { a: 'text' }, name: 'x' }, 67],
  [{ key: { a: 'nonsense' }, name: 'x' }, 67],
  [{ key: { '$**': 1 }, name: 'x', unique: true }, 67],
  [{ key: { '$**': 1, 'a.$**': 1 }, name: 'x' }, 7246201],
  [{ key: { a: 1 }, name: 'x', wildcardProjection: { a: 1 } }, 2],
  [{ key: { 'a..b': 1 }, name: 'x' }, 67],
  [{ key: { a: 1 }, name: 'x', sparse: true, partialFilterExpression: { a: 1 } }, 67],
  [{ key: { a: 1 }, name: 'x', partialFilterExpression: { $where: 'true' } }, 2],
  [{ key: { a: 1 }, name: 'x', partialFilterExpression: { $and: [{ $text: { $search: 'a' } }] } }, 2],
  [{ key: { a: 1 }, name: 'x', partialFilterExpression: { a: { $near: [1, 1] } } }, 5626500],
  [{ key: { a: 1, b: 1 }, name: 'x', expireAfterSeconds: 1 }, 67],
  [{ key: { a: 1 }, name: 'x', expireAfterSeconds: -1 }, 67],
  [{ key: { a: 1 }, name: 'x', collation: { locale: 'xx' } }, 2],
  [{ key: { _id: -1 }, name: 'x' }, 2],
  [{ key: { a: 1 }, name: '_id_' }, 2],
  [{ key: { there: 1 }, name: 'other' }, 85],
  [{ key: { b: 1 }, name: 'there_1' }, 86],
  [{ key: { there: 1 }, name: 'there_1', unique: true }, 86],
])('the index %j is refused with %d', async (index, code) => {
  const server = await openServer()
  await server.run({ createIndexes: 'c', indexes: [{ key: { there: 1 }, name: 'there_1' }] })
  expect(await server.reply({ createIndexes: 'c', indexes: [index] })).toMatchObject({ ok: 0, code })
  expect(await server.all({ listIndexes: 'c' })).toHaveLength(2)
})

test.each([
  ['_id_', 72],
  [{ _id: 1 }, 72],
  ['nothere', 27],
  [{ a: -1 }, 27],
  [['there_1', 'nothere'], 27],
  [1, 14],
])('dropping the index %j is refused with %d', async (index, code) => {
  const server = await openServer()
  await server.run({ createIndexes: 'c', indexes: [{ key: { there: 1 }, name: 'there_1' }] })
  expect(await server.reply({ dropIndexes: 'c', index })).toMatchObject({ ok: 0, code })
  expect(await server.all({ listIndexes: 'c' })).toHaveLength(2)
})

test('sizes and checks tell the truth', async () => {
  const server = await openServer()
  await server.run({
    insert: 'c',
    documents: [
      { _id: 1, a: 'x' },
      { _id: 2, a: 'y' },
    ],
  })
  await server.run({ createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a' }] })
  expect(await server.run({ dataSize: 'test.c' })).toMatchObject({ size: 46, numObjects: 2 })
  expect(await server.run({ collStats: 'c' })).toMatchObject({
    ns: 'test.c',
    size: 46,
    count: 2,
    avgObjSize: 23,
    nindexes: 2,
    // A page each.
    totalIndexSize: 32_768,
    totalSize: 32_814,
    indexSizes: { _id_: 16_384, a: 16_384 },
  })
  expect(await server.run({ collStats: 'c', scale: 1024 })).toMatchObject({ totalIndexSize: 32, indexSizes: { a: 16 } })
  await server.run({ create: 'v', viewOn: 'c', pipeline: [] })
  expect(await server.run({ dbStats: 1 })).toMatchObject({
    db: 'test',
    // With system.views.
    collections: 2,
    views: 1,
    objects: 2,
    dataSize: 46,
    indexes: 2,
    indexSize: 32_768,
    totalSize: 32_814,
  })
  expect(await server.reply({ collStats: 'v' })).toMatchObject({ code: 166 })
})

test('validate counts documents and keys, and the documents that its validator would not let in', async () => {
  const server = await openServer()
  await server.run({ insert: 'c', documents: [{ a: [1, 2] }, { a: 'x' }] })
  await server.run({ createIndexes: 'c', indexes: [{ key: { a: 1 }, name: 'a' }] })
  const whole = { valid: true, nrecords: 2, nIndexes: 2, keysPerIndex: { _id_: 2, a: 3 }, errors: [], repaired: false }
  for (const options of [{}, { full: true }, { repair: true }, { fixMultikey: 1 }, { repair: 1, full: 1 }])
    expect(await server.run({ validate: 'c', ...options })).toMatchObject({ ...whole, nNonCompliantDocuments: 0 })
  await server.run({ collMod: 'c', validator: { a: { $type: 'string' } }, validationAction: 'warn' })
  expect(await server.run({ validate: 'c' })).toMatchObject({
    ...whole,
    nNonCompliantDocuments: 1,
    warnings: [expect.stringContaining('1 documents')],
  })
  const metadata = await server.run({ validate: 'c', metadata: true })
  expect(metadata).toMatchObject({ valid: true, nIndexes: 2 })
  expect(metadata).not.toHaveProperty('nrecords')
  expect(await server.reply({ validate: 'd' })).toMatchObject({ code: 26 })
})

test.each([
  [{ background: true, full: true }, 72],
  [{ background: 'x', enforceFastCount: 1 }, 72],
  [{ background: true, repair: true }, 72],
  [{ full: true, checkBSONConformance: false }, 72],
  [{ enforceFastCount: true, checkBSONConformance: 0 }, 72],
  [{ repair: true, enforceFastCount: true }, 72],
  [{ repair: true, checkBSONConformance: true }, 72],
  [{ metadata: true, full: true }, 72],
  [{ metadata: true, checkBSONConformance: true }, 72],
  [{ metadata: 1, repair: 1 }, 72],
  [{ background: true }, 26],
])('validate with %j is refused with %d', async (options, code) => {
  const server = await openServer()
  await server.run({ create: 'c' })
  expect(await server.reply({ validate: 'c', ...options })).toMatchObject({ code })
})

test('what cannot be renamed, or not to that name, is told so', async () => {
  const server = await openServer()
  await server.run({ create: 'system' })
  await server.run({ renameCollection: 'test.system', to: 'test.a', $db: 'admin' })
  const long = 'x'.repeat(256 - 'test.'.length)
  const emoji = `${'x'.repeat(252 - 'test.'.length)}\u{1f389}`
  for (const to of [`test.${long}`, `test.${emoji}`, 'local.oplog.rs', 'local.oplog.x', 'test.system.foo'])
    expect(await server.reply({ renameCollection: 'test.a', to, $db: 'admin' }), to).toMatchObject({ code: 20 })
  for (const from of [`test.${long}`, 'local.oplog.rs'])
    expect(await server.reply({ renameCollection: from, to: 'test.b', $db: 'admin' })).toMatchObject({ code: 20 })
  const to = `test.${'x'.repeat(255 - 'test.'.length)}`
  await server.run({ renameCollection: 'test.a', to, $db: 'admin' })
})

test('a view that reads itself is refused wherever its pipeline does so', async () => {
  const server = await openServer()
  await server.run({ create: 'v', viewOn: 'c', capped: true, size: 4096 })
  const lookup = { $lookup: { from: 'v', localField: 'a', foreignField: 'a', as: 'r' } }
  for (const pipeline of [
    [lookup],
    [{ $unionWith: 'v' }],
    [{ $unionWith: { coll: 'v', pipeline: [] } }],
    [{ $unionWith: { coll: 'x', pipeline: [lookup] } }],
    [{ $facet: { a: [lookup] } }],
    [{ $graphLookup: { from: 'v', startWith: '$a', connectFromField: 'a', connectToField: 'a', as: 'r' } }],
  ]) {
    expect(await server.reply({ collMod: 'v', viewOn: 'c', pipeline })).toMatchObject({ code: 5 })
    expect(await server.reply({ create: 'v', viewOn: 'd', pipeline })).toMatchObject({ code: 5 })
  }
  await server.run({ collMod: 'v', viewOn: 'c', pipeline: [{ $lookup: { ...lookup.$lookup, from: 'w' } }] })
  for (const stage of [{ $currentOp: {} }, { $documents: [{}] }, { $listLocalSessions: {} }])
    expect(await server.reply({ create: 'w', viewOn: 'c', pipeline: [stage] })).toMatchObject({ code: 73 })
  let nested: object[] = []
  for (let i = 0; i < 21; i++) nested = [{ $lookup: { from: 'c', pipeline: nested, as: 'r' } }]
  expect(await server.reply({ create: 'w', viewOn: 'c', pipeline: nested })).toMatchObject({ code: 232 })
  expect(await server.run({ dbStats: 1 })).toMatchObject({ views: 1, collections: 1 })
})

test('an index of a clustered collection is one besides what holds the documents', async () => {
  const server = await openServer()
  await server.run({ create: 'c', clusteredIndex: { key: { _id: 1 }, unique: true } })
  const createIndexes = { createIndexes: 'c', indexes: [{ key: { _id: 1 }, name: 'x' }] }
  expect(await server.run(createIndexes)).toMatchObject({ numIndexesBefore: 0, numIndexesAfter: 0 })
  const indexes = [{ key: { a: 1 }, name: 'a' }]
  expect(await server.run({ createIndexes: 'c', indexes })).toMatchObject({ numIndexesBefore: 0, numIndexesAfter: 1 })
  expect(await server.run({ dropIndexes: 'c', index: 'a' })).toMatchObject({ nIndexesWas: 1 })
  for (const [_id, code] of [
    [Number.NaN, 50819],
    [Number.POSITIVE_INFINITY, 50826],
    [Decimal128.fromString('-Infinity'), 50826],
    [1, 11000],
    ['x', 11000],
  ] as const) {
    await server.run({ insert: 'c', documents: [{ _id }] })
    expect(await server.reply({ insert: 'c', documents: [{ _id }] })).toMatchObject({ writeErrors: [{ code }] })
  }
})

test('partial indexes whose filters say the same in another order are the same', async () => {
  const server = await openServer()
  const index = (partialFilterExpression: object) => ({
    createIndexes: 'c',
    indexes: [{ key: { a: 1 }, name: 'p', partialFilterExpression }],
  })
  await server.run(index({ $and: [{ a: 1 }, { b: { $gt: 2 } }] }))
  for (const same of [
    { $and: [{ b: { $gt: 2 } }, { a: 1 }] },
    { b: { $gt: 2 }, a: 1 },
    { a: 1, $and: [{ b: { $gt: 2 } }] },
  ])
    expect(await server.run(index(same))).toMatchObject({ numIndexesBefore: 2, numIndexesAfter: 2 })
  for (const other of [{ a: 1 }, { a: 1, b: { $gt: 3 } }, { a: 1, b: { $gt: 2 }, c: 1 }])
    expect(await server.reply(index(other))).toMatchObject({ code: 86 })
})

const clustered = { key: { _id: 1 }, unique: true }
const idIndex = { key: { _id: 1 }, name: '_id_' }

test.each([
  [{ clusteredIndex: true }, 5979703],
  [{ clusteredIndex: { key: { _id: 1 }, unique: false } }, 5979700],
  [{ clusteredIndex: { ...clustered, v: 1 } }, 5979704],
  [{ clusteredIndex: { ...clustered, key: { a: 1 } } }, 197],
  [{ clusteredIndex: clustered, size: 10 }, 6049200],
  [{ clusteredIndex: clustered, max: 10 }, 6049204],
  [{ clusteredIndex: clustered, capped: true }, 6127800],
  [{ clusteredIndex: clustered, autoIndexId: false }, 6026501],
  [{ clusteredIndex: clustered, idIndex }, 72],
  [{ clusteredIndex: clustered, viewOn: 'd' }, 6026500],
  [{ viewOn: 'd', idIndex }, 72],
  [{ idIndex: { key: { _id: 1 } } }, 9],
  [{ idIndex: { name: '_id_' } }, 9],
  [{ idIndex: { ...idIndex, key: { _id: -1 } } }, 2],
  [{ idIndex: { ...idIndex, unique: true } }, 197],
  [{ idIndex: { ...idIndex, more: true } }, 197],
  [{ idIndex: { ...idIndex, v: 3 } }, 67],
  [{ idIndex: { ...idIndex, collation: { locale: 'fr' } } }, 2],
  [{ idIndex, autoIndexId: true }, 72],
  [{ autoIndexId: false }, 50001],
  [{ timeseries: { timeField: 't' }, autoIndexId: true }, 72],
  [{ temp: true }, 72],
])('create with %j is refused with %d', async (options, code) => {
  const server = await openServer()
  expect(await server.reply({ create: 'c', ...options })).toMatchObject({ code })
})

test('create takes a description of the _id index as it is, and says that autoIndexId goes', async () => {
  const server = await openServer()
  const collation = { locale: 'fr' }
  await server.run({ create: 'a', idIndex })
  await server.run({ create: 'b', idIndex: { ...idIndex, v: 2, collation }, collation })
  await server.run({ create: 'c', idIndex, collation })
  expect(await server.run({ create: 'd', autoIndexId: true })).toMatchObject({
    note: expect.stringMatching('autoIndexId'),
  })
})

const onA = { key: { a: 1 }, name: 'x' }

test.each([
  [{ ...onA, v: 1.5 }, 2],
  [{ ...onA, v: 3 }, 67],
  [{ ...onA, v: 1, collation: { locale: 'fr' } }, 67],
  [{ ...onA, unique: true, prepareUnique: true }, 67],
  [{ ...onA, key: { ['long'.repeat(600)]: 1 } }, 67],
  [{ ...onA, key: { _fts: 1 } }, 67],
  [{ ...onA, key: { $id: 1 } }, 67],
  [{ ...onA, key: { 'a.$other': 1 } }, 67],
  [{ ...onA, dropDups: 'x' }, 14],
  [{ ...onA, clustered: 'x' }, 14],
  [{ ...onA, clustered: false }, 6492800],
  [{ ...onA, clustered: true }, 67],
  [{ ...onA, clustered: true, unique: true, sparse: true }, 197],
  [{ ...onA, weights: 1 }, 14],
  [{ ...onA, default_language: 1 }, 14],
  [{ ...onA, bits: 'x' }, 14],
  [{ ...onA, originalSpec: 1 }, 14],
  [{ ...onA, originalSpec: {} }, 2],
  [{ ...onA, originalSpec: { key: { a: 1 } } }, 9],
  [{ ...onA, wildcardProjection: 1 }, 2],
  [{ ...onA, key: { '$**': 1 }, wildcardProjection: 1 }, 14],
])('an index specified as %j is refused with %d', async (index, code) => {
  const server = await openServer()
  expect(await server.reply({ createIndexes: 'c', indexes: [index] })).toMatchObject({ code })
})

test('an index may be on the fields of a reference, and be asked for with options of earlier versions', async () => {
  const server = await openServer()
  const key = { 'to.$id': 1, 'to.$ref': -1, 'a.$db.x': 1 }
  const old = { dropDups: true, background: true, ns: 'test.c', _id: 7, originalSpec: onA }
  await server.run({ createIndexes: 'c', indexes: [{ key, name: 'x', ...old }] })
  const id = new ObjectId()
  await server.run({ insert: 'c', documents: [{ _id: 1, to: new DBRef('d', id) }] })
  expect(await server.all({ find: 'c', filter: { 'to.$id': id }, hint: 'x', projection: { _id: 1 } })).toEqual([
    { _id: 1 },
  ])
  expect(await server.all({ listIndexes: 'c' })).toMatchObject([{ name: '_id_' }, { v: 2, key, name: 'x' }])
})
