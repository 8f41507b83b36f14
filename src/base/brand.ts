// Nominal types: a branded string or buffer cannot be passed where another brand is asked for.

declare const brand: unique symbol;

/** A `T` that only the owner of brand `B` makes. Exists in the types only. */
export type Brand<T, B extends string> = T & { readonly [brand]: B };
