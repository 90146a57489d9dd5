/** Made by scripts/collation-tables.ts; read by weight-table.ts. */
export const tailoredTables: readonly (readonly [names: string, table: string])[] = []
