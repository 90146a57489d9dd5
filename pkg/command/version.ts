/** As which MongoDB the server presents itself. */
export const mongoVersion = '8.2.0'
export const mongoVersionArray: readonly number[] = [8, 2, 0, 0]
export const featureCompatibilityVersion = '8.2'
export const minWireVersion = 0
export const maxWireVersion = 27
