/** The version of this Heddle: what `--version` prints and what adverts and the API carry. */
export const HEDDLE_VERSION = '0.1.0';
