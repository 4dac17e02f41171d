/** Nominal type for values of one primitive type that must not be swapped. */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
