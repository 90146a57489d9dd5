/** Names of collections and fields as GraphQL allows them: letters, digits and underscores, not beginning with a digit or two underscores. */

/** `order-items` is `order_items`; a name that is taken gets a number behind it. */
export function fieldName(name: string, taken: ReadonlySet<string>): string {
  let plain = name.replaceAll(/[^A-Za-z0-9_]/g, '_')
  if (!/^[A-Za-z_]/.test(plain)) plain = `_${plain}`
  if (plain.startsWith('__')) plain = `x${plain}`
  let unique = plain
  for (let n = 2; taken.has(unique); n++) unique = `${plain}_${n}`
  return unique
}

/** `order_items` is `OrderItems`. */
export function typeName(name: string): string {
  const words = name.split('_').filter((word) => word !== '')
  const joined = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
  return /^[A-Za-z]/.test(joined) ? joined : `T${joined}`
}
