/**
 * The `relations` option of create and collMod, LauraDB's own: how documents of a collection lead to those of others, for doors that show them
 * nested. `{author: {collection: 'people', localField: 'authorId', foreignField: '_id', many: false}}`.
 */
import { DatabaseError } from '../base/errors.ts'
import { bsonType } from '../bson/type.ts'
import { documentFields, documentOf } from '../bson/value.ts'
import { Fields, strictBooleanType, stringType } from './fields.ts'

const fields = new Fields('relations', {
  collection: { type: stringType, required: true },
  localField: { type: stringType, required: true },
  foreignField: { type: stringType },
  many: { type: strictBooleanType },
})

/** Throws what is wrong with the option: TypeMismatch, MissingField, UnknownField, BadValue for a name that is no identifier. */
export function checkRelations(option: Uint8Array): void {
  for (const relation of documentFields(option)) {
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(relation.name))
      throw new DatabaseError(
        'BadValue',
        `a relation's name is letters, digits and underscores, not '${relation.name}'`,
      )
    if (relation.type !== bsonType.document)
      throw new DatabaseError('TypeMismatch', `the relation '${relation.name}' must be a document`)
    fields.read(documentOf(relation), 0)
  }
}
