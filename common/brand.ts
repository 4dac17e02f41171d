/** Nominal typing for values that share a primitive but must not be swapped. */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
