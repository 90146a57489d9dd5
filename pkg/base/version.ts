/** LauraDB's own version: package.json's, which a test holds it to. */
export const version = '0.1.0'
